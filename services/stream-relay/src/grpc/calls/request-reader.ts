import type { Readable } from 'node:stream';
import { AsrError } from '@murmuration/contracts';
import type { ActiveCall } from './active-call.js';
import { audioBytes } from './read-ahead.js';

/** The messages of a streamed request, one at a time: nothing is read from the client while nobody asks. */
export class RequestReader<Request> {
  readonly #stream: Readable;
  readonly #call: ActiveCall;
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(stream: Readable, call: ActiveCall) {
    this.#stream = stream;
    this.#call = call;
    const wake = (): void => { this.#wake(); };
    stream.on('readable', wake);
    stream.on('end', () => { this.#ended = true; wake(); });
    call.signal.addEventListener('abort', wake, { once: true });
  }

  /**
   * The next message, or null when the client has sent its last.
   * Throws the reason when the call is over, and `upload_timeout` when nothing comes for `limitMs`.
   */
  async next(limitMs: number | null = null): Promise<Request | null> {
    const deadlineMs = limitMs === null ? Infinity : performance.now() + limitMs;
    for (;;) {
      this.#call.signal.throwIfAborted();
      const message = this.#stream.read() as Request | null;
      if (message !== null) {
        this.#call.readAhead.taken(audioBytes(message));
        return message;
      }
      if (this.#ended) return null;
      if (performance.now() >= deadlineMs) throw new AsrError('upload_timeout');
      await this.#change(deadlineMs);
    }
  }

  async #change(deadlineMs: number): Promise<void> {
    const timer = deadlineMs === Infinity ? undefined : setTimeout(() => { this.#wake(); }, Math.max(1, deadlineMs - performance.now()));
    await new Promise<void>((resolve) => { this.#wake = resolve; });
    clearTimeout(timer);
  }
}
