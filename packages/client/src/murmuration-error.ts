/** What an error is made of besides its sentence; null where nothing is known. */
export interface MurmurationErrorDetails {
  readonly status?: number | null;
  readonly param?: string | null;
  readonly retryAfterSeconds?: number | null;
  readonly requestId?: string | null;
  readonly cause?: unknown;
}

/**
 * A refusal or failure. `code` is stable: the server's (`docs/errors.md`), or one of this library's own:
 * `unreachable` (no answer, or the connection broke), `bad_answer` (an answer that is none of the server's, as of a proxy),
 * `buffer_full` (more live audio was given than may wait), `session_ended` (a live session takes no more).
 * A call that its caller aborts throws the signal's reason instead.
 */
export class MurmurationError extends Error {
  override readonly name = 'MurmurationError';
  readonly code: string;
  /** HTTP status, or null when there was no answer. */
  readonly status: number | null;
  /** The field at fault, or null. */
  readonly param: string | null;
  /** Seconds after which a retry makes sense, or null. */
  readonly retryAfterSeconds: number | null;
  /** What the operator finds the request by, or null. */
  readonly requestId: string | null;

  constructor(code: string, message: string, details: MurmurationErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.status = details.status ?? null;
    this.param = details.param ?? null;
    this.retryAfterSeconds = details.retryAfterSeconds ?? null;
    this.requestId = details.requestId ?? null;
  }
}
