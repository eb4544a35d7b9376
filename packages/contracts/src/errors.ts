// A door of its own for threads that start often: it loads no schema library.
export { AsrError, type ErrorRecord } from './asr-error.js';
export { ERRORS, type ErrorCode, type ErrorKind } from './error-table.js';
