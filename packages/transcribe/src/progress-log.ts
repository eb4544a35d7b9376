import type { TranscriptionProgress } from './transcription.js';

/** Progress as it comes, for any number of readers, each from the beginning. open -> closed | failed. */
export class ProgressLog {
  readonly #items: TranscriptionProgress[] = [];
  #end: { readonly error: unknown } | 'closed' | null = null;
  #wake: (() => void)[] = [];

  push(item: TranscriptionProgress): void {
    this.#items.push(item);
    this.#wakeAll();
  }

  close(): void {
    this.#end ??= 'closed';
    this.#wakeAll();
  }

  fail(error: unknown): void {
    this.#end ??= { error };
    this.#wakeAll();
  }

  /** Ends when the log is closed; throws what it failed with. */
  async *read(): AsyncGenerator<TranscriptionProgress> {
    for (let i = 0; ;) {
      const item = this.#items[i];
      if (item !== undefined) {
        i++;
        yield item;
        continue;
      }
      if (this.#end === 'closed') return;
      if (this.#end !== null) throw this.#end.error;
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
  }

  #wakeAll(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const call of wake) call();
  }
}
