import { MurmurationError } from '../murmuration-error.js';

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
  return new MurmurationError('bad_answer', `HTTP ${String(response.status)}, and not as the server answers: ${text.slice(0, SHOWN_CHARACTERS)}`, details);
}

/** An error as the server writes it: in the body of an answer, or in the data of an event. Null for anything else. */
export function toldError(text: string): { readonly code: string; readonly message: string; readonly param: string | null } | null {
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
