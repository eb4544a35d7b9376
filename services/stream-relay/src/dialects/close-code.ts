import type { AsrError } from '@murmuration/contracts';

/** WebSocket close codes (RFC 6455, and its registry for 1012 and 1013) that the dialects use. */
export const CLOSE = { done: 1000, leaving: 1001, refused: 1008, failed: 1011, restarting: 1012, later: 1013 } as const;

/** Longest reason of a close frame, bytes. */
const REASON_BYTES = 123;

/** The code that tells best what a client may do after this error. */
export function closeCodeOf(error: AsrError): number {
  if (error.code === 'shutting_down') return CLOSE.restarting;
  if (error.kind.http < 500 && error.kind.http !== 429) return CLOSE.refused;
  return error.kind.retry && error.code !== 'internal' ? CLOSE.later : CLOSE.failed;
}

/** The text, cut to what a close frame holds. */
export function closeReason(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  return bytes.length <= REASON_BYTES ? text : new TextDecoder().decode(bytes.subarray(0, REASON_BYTES)).replace(/\uFFFD+$/, '');
}
