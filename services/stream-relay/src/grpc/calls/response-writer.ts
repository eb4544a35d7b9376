import type { Writable } from 'node:stream';
import type { CallContext } from './active-call.js';

/** A client that has so many messages still to take lags; the stream itself asks for patience at 16. */
const LAGGING_MESSAGES = 4;

/** Writes the messages of a streamed answer, only as fast as the client takes them; a few lie ready at most. */
export class ResponseWriter<Response> {
  readonly #stream: Writable;
  readonly #call: CallContext;
  #newest: Response | null = null;

  constructor(stream: Writable, call: CallContext) {
    this.#stream = stream;
    this.#call = call;
    stream.on('drain', () => {
      const message = this.#newest;
      this.#newest = null;
      if (message !== null) this.post(message);
    });
  }

  /** Resolves when the client has taken enough for more to come. Throws the reason when the call is over. */
  async send(message: Response): Promise<void> {
    this.#call.signal.throwIfAborted();
    if (this.#stream.write(message)) return;
    await this.#drained();
    this.#call.signal.throwIfAborted();
  }

  /** Writes without waiting: for the few messages that come once in a call. */
  post(message: Response): void {
    if (!this.#call.signal.aborted) this.#stream.write(message);
  }

  /** Writes a message that a newer one replaces: left out while the client lags. */
  offer(message: Response): void {
    if (this.#stream.writableLength < LAGGING_MESSAGES) this.post(message);
  }

  /** As `offer`, but the newest is written when the client has caught up. */
  keepNewest(message: Response): void {
    if (this.#stream.writableNeedDrain) this.#newest = message;
    else this.post(message);
  }

  async #drained(): Promise<void> {
    const { signal } = this.#call;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#stream.off('drain', done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#stream.on('drain', done);
      signal.addEventListener('abort', done);
    });
  }
}
