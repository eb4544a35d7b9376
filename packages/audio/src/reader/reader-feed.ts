import { leaveAlone } from '@murmuration/contracts/left-alone';
/** What has arrived since the last time. */
export interface FeedPiece<T> {
  readonly items: readonly T[];
  /** True when nothing comes after it. */
  readonly last: boolean;
}

/**
 * Reads a source ahead of its use, up to a bound, and hands out all that has arrived as one piece: a fast source gives few large pieces, and a slow one delays nothing.
 * States: reading ⇄ full (waits for `take`) → ended or failed; closed from any.
 */
export class SpeechReaderFeed<T> {
  readonly #iterator: AsyncIterator<T>;
  readonly #sizeOf: (item: T) => number;
  readonly #maxSize: number;
  readonly #onChange: () => void;
  #items: T[] = [];
  #size = 0;
  #ended = false;
  #lastTaken = false;
  #failure: { readonly error: unknown } | null = null;
  #resume: (() => void) | null = null;
  #waitedMs = 0;

  /** Starts reading. @param onChange called whenever there is more to take, or a failure */
  constructor(source: AsyncIterable<T>, sizeOf: (item: T) => number, maxSize: number, onChange: () => void) {
    this.#iterator = source[Symbol.asyncIterator]();
    this.#sizeOf = sizeOf;
    this.#maxSize = maxSize;
    this.#onChange = onChange;
    void this.#read();
  }

  /** Time spent waiting for the source, milliseconds. */
  get waitedMs(): number {
    return this.#waitedMs;
  }

  /** What the source threw, or null. */
  get failure(): { readonly error: unknown } | null {
    return this.#failure;
  }

  /** All that has arrived, or null when there is nothing new. */
  take(): FeedPiece<T> | null {
    const last = this.#ended && !this.#lastTaken;
    if (this.#items.length === 0 && !last) return null;
    const piece = { items: this.#items, last };
    this.#items = [];
    this.#size = 0;
    this.#lastTaken = last;
    this.#resume?.();
    return piece;
  }

  /** Stops reading and closes the source. Does not wait for it, because it may be stuck. */
  close(): void {
    const reading = !this.#ended;
    this.#ended = true;
    this.#resume?.();
    if (reading) this.#iterator.return?.().catch(leaveAlone('closing'));
  }

  async #read(): Promise<void> {
    try {
      while (!this.#ended) {
        const startedMs = performance.now();
        const next = await this.#iterator.next();
        this.#waitedMs += performance.now() - startedMs;
        if (next.done === true) break;
        this.#items.push(next.value);
        this.#size += this.#sizeOf(next.value);
        this.#onChange();
        if (this.#size >= this.#maxSize)
          await new Promise<void>((resolve) => {
            this.#resume = resolve;
          });
        this.#resume = null;
      }
    } catch (error) {
      this.#failure = { error };
    }
    this.#ended = true;
    this.#onChange();
  }
}
