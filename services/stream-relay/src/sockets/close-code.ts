import type { AsrError } from '@murmuration/contracts';

/** Close codes of WebSockets that the relay sends; docs/live.md says what a client does about each. */
export const CLOSE = {
  /** The session is complete. */
  done: 1000,
  /** The client broke a rule. */
  refused: 1008,
  /** A fault of the server. */
  fault: 1011,
  /** The relay stops: reconnect and resume. */
  restart: 1012,
  /** The relay is full, or the reader is too slow: try again later. */
  later: 1013,
} as const;

/** The close code that goes with an error. */
export function closeCodeOf(error: AsrError): number {
  if (error.code === 'shutting_down') return CLOSE.restart;
  if (error.kind.http === 500) return CLOSE.fault;
  return error.kind.retry ? CLOSE.later : CLOSE.refused;
}
