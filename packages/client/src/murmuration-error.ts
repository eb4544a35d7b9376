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

const SHOWN_CHARACTERS = 200;

/** The error that an answer tells; reads its body. */
export async function answerError(response: Response, nowMs: number): Promise<MurmurationError> {
  const text = await response.text().catch(() => '');
  const told = toldError(text);
  const details = {
    status: response.status,
    param: told?.param ?? null,
    retryAfterSeconds: retryAfter(response.headers.get('retry-after'), nowMs),
    requestId: response.headers.get('x-request-id'),
  };
  if (told !== null) return new MurmurationError(told.code, told.message, details);
  return new MurmurationError(
    'bad_answer',
    `HTTP ${String(response.status)}, and not as the server answers: ${text.slice(0, SHOWN_CHARACTERS)}`,
    details,
  );
}

/** An error as the server writes it: in the body of an answer, or in the data of an event. Null for anything else. */
export function toldError(
  text: string,
): { readonly code: string; readonly message: string; readonly param: string | null } | null {
  let error: unknown;
  try {
    const body: unknown = JSON.parse(text);
    error = typeof body === 'object' && body !== null && 'error' in body ? body.error : null;
  } catch {
    return null;
  }
  if (typeof error !== 'object' || error === null || !('code' in error) || typeof error.code !== 'string') return null;
  return {
    code: error.code,
    message: 'message' in error && typeof error.message === 'string' ? error.message : error.code,
    param: 'param' in error && typeof error.param === 'string' ? error.param : null,
  };
}

/** Seconds of a `Retry-After`, which may also be a date. */
function retryAfter(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header);
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? null : Math.max(0, Math.ceil((atMs - nowMs) / 1_000));
}
