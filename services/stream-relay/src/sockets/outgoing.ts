import { AsrError } from '@murmuration/contracts';
import type { MessageSocket } from './message-socket.js';

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
