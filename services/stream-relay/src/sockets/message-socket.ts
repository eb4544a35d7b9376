import { AsrError } from '@murmuration/contracts';

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

/** From here on, messages that a newer one replaces are dropped. */
const THIN_BYTES = 64 * 1024;
/** From here on the sender waits until the reader has taken something. */
const FULL_BYTES = 1024 * 1024;

/**
 * What goes to a client, bounded: no more than 1 MiB and one message wait for a slow reader.
 * flowing --64 KiB wait--> thinned (messages that may be dropped are) --1 MiB waits--> full (`send` waits) --taken--> flowing
 * full --`stallMs`--> `queue_full`: the reader takes nothing.
 */
export class Outgoing {
  readonly #socket: MessageSocket;
  readonly #stallMs: number;
  readonly #encode: (message: object) => string;

  /** @param stallMs longest time that `send` waits for the reader @param encode how a message goes over the wire; default JSON */
  constructor(socket: MessageSocket, stallMs: number, encode: (message: object) => string = JSON.stringify) {
    this.#socket = socket;
    this.#stallMs = stallMs;
    this.#encode = encode;
  }

  /** Sends one message and waits while too much waits already. Throws `queue_full` when the reader takes nothing for long, `cancelled` when it has gone. */
  async send(message: object): Promise<void> {
    this.post(message);
    if (this.#socket.bufferedAmount >= FULL_BYTES) await this.#taken();
  }

  /** Sends one message without waiting: for small ones whose number is bounded. */
  post(message: object): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(this.#encode(message));
  }

  /** Sends a message that a newer one replaces; returns false, and drops it, when the reader lags. */
  offer(message: object): boolean {
    if (this.#socket.bufferedAmount >= THIN_BYTES) return false;
    this.post(message);
    return true;
  }

  async #taken(): Promise<void> {
    const socket = this.#socket;
    await new Promise<void>((resolve, reject) => {
      const settle = (error: AsrError | null): void => {
        clearTimeout(timer);
        socket.off('close', gone);
        if (error === null) resolve();
        else reject(error);
      };
      const gone = (): void => {
        settle(new AsrError('cancelled'));
      };
      const timer = setTimeout(() => {
        settle(
          new AsrError(
            'queue_full',
            'The messages of the server are not read. Read them, then connect again and resume.',
          ),
        );
      }, this.#stallMs);
      socket.once('close', gone);
      // A ping is answered for when all before it has gone to the operating system.
      socket.ping(undefined, undefined, (error?: Error | null) => {
        settle(error === undefined || error === null ? null : new AsrError('cancelled'));
      });
    });
  }
}
