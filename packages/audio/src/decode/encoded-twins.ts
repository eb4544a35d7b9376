/** For tests of the rooms beside this one. */
export * from './testing/encoded-twins.js';
