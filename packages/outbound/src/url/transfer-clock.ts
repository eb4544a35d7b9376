import { AsrError } from '@murmuration/contracts';

/** A sender must bring this much within the idle time; less counts as silence. */
const STEP_BYTES = 1_024;

/**
 * Keeps the time of one transfer. `signal` aborts, with an `AsrError` as its reason, when the sender let us wait too long
 * for the next kilobyte (time in which nobody reads does not count), when all of it took too long, or when the caller gives up.
 */
export class TransferClock {
  readonly #ended = new AbortController();
  readonly #idleMs: number;
  readonly #caller: AbortSignal;
  readonly #total: NodeJS.Timeout;
  #leftMs: number;
  #stepBytes = 0;

  constructor({
    idleTimeoutMs,
    totalTimeoutMs,
    signal,
  }: {
    readonly idleTimeoutMs: number;
    readonly totalTimeoutMs: number;
    readonly signal: AbortSignal;
  }) {
    this.#idleMs = idleTimeoutMs;
    this.#leftMs = idleTimeoutMs;
    this.#caller = signal;
    this.#total = setTimeout(() => {
      this.#end(
        new AsrError(
          'url_unreachable',
          'The URL took too long to deliver the recording. Use a faster server, or send the file.',
          { param: 'url' },
        ),
      );
    }, totalTimeoutMs);
    signal.addEventListener('abort', this.#onAbort, { once: true });
    if (signal.aborted) this.#onAbort();
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Waits for something that the sender must do; the idle time runs meanwhile. */
  async wait<T>(what: () => Promise<T>): Promise<T> {
    const startedMs = performance.now();
    const timer = setTimeout(() => {
      this.#end(
        new AsrError('url_unreachable', 'The URL stopped delivering. Send it again later, or send the file.', {
          param: 'url',
        }),
      );
    }, this.#leftMs);
    try {
      return await what();
    } finally {
      clearTimeout(timer);
      this.#leftMs -= performance.now() - startedMs;
    }
  }

  /** Counts what has come. */
  arrived(bytes: number): void {
    this.#stepBytes += bytes;
    if (this.#stepBytes >= STEP_BYTES) this.rest();
  }

  /** Gives the sender the whole idle time again. */
  rest(): void {
    this.#stepBytes = 0;
    this.#leftMs = this.#idleMs;
  }

  /** Lets go of timers and of the caller's signal. */
  close(): void {
    clearTimeout(this.#total);
    this.#caller.removeEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = (): void => {
    this.#end(new AsrError('cancelled'));
  };

  #end(reason: AsrError): void {
    this.close();
    this.#ended.abort(reason);
  }
}
