export { ERRORS, type ErrorCode, type ErrorKind } from './error-table.js';
export { AsrError, type ErrorRecord } from './asr-error.js';
export * from './transcribe-options.js';
export * from './model-card.js';
export * from './chunk.js';
export * from './transcript.js';
export * from './job.js';
