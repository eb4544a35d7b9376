import { ERRORS, type ErrorCode, type ErrorKind } from './error-table.js';

/** A refusal or failure that a client is told about, by its stable code. Anything else that is thrown is `internal` and told without details. */
export class AsrError extends Error {
  override readonly name = 'AsrError';
  readonly code: ErrorCode;
  /** The field at fault, or null. */
  readonly param: string | null;
  /** Seconds after which a retry makes sense, or null. */
  readonly retryAfterSeconds: number | null;

  /** @param message a sentence that says what to do; holds no path, transcript, key or file name */
  constructor(code: ErrorCode, message?: string, more: { param?: string | null; retryAfterSeconds?: number; cause?: unknown } = {}) {
    super(message ?? ERRORS[code].meaning, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.param = more.param ?? null;
    this.retryAfterSeconds = more.retryAfterSeconds ?? null;
  }

  get kind(): ErrorKind {
    return ERRORS[this.code];
  }

  /** A plain form that crosses threads and Redis. */
  toRecord(): ErrorRecord {
    return { code: this.code, message: this.message, param: this.param, retryAfterSeconds: this.retryAfterSeconds };
  }

  static fromRecord(record: ErrorRecord): AsrError {
    const code = record.code in ERRORS ? record.code : 'internal';
    return new AsrError(code, record.message, { param: record.param, ...(record.retryAfterSeconds === null ? {} : { retryAfterSeconds: record.retryAfterSeconds }) });
  }

  /** The error itself when it is one of ours, else `internal` with the original as its cause. */
  static from(error: unknown): AsrError {
    return error instanceof AsrError ? error : new AsrError('internal', undefined, { cause: error });
  }
}

export interface ErrorRecord {
  readonly code: ErrorCode;
  readonly message: string;
  readonly param: string | null;
  readonly retryAfterSeconds: number | null;
}
