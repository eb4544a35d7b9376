export { Thread, Transferred, serveThread, threadData, type ThreadMethods } from './thread.js';
