import type { AsrError } from '@murmuration/contracts';

/** What a translated connection uses of a socket: WebSockets of `ws` are such, and so is a `TcpSocket`. */
export interface MessageSocket {
  readonly readyState: number;
  readonly OPEN: number;
  /** Bytes that were sent and that the operating system has not taken yet. */
  readonly bufferedAmount: number;
  readonly isPaused: boolean;
  on(event: 'message', listener: (data: Buffer | ArrayBuffer | Buffer[], isBinary: boolean) => void): unknown;
  off(event: 'message', listener: (data: Buffer | ArrayBuffer | Buffer[], isBinary: boolean) => void): unknown;
  off(event: 'close', listener: () => void): unknown;
  once(event: 'close', listener: () => void): unknown;
  pause(): void;
  resume(): void;
  send(text: string): void;
  /** Calls back when all that was sent before has gone to the operating system, or with what went wrong. */
  ping(data?: undefined, mask?: undefined, taken?: (error?: Error) => void): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

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
