import { AsrError } from '@murmuration/contracts';

/** Bounds the uploads that one node works on at once. */
export class ActiveUploads {
  readonly #limit: number;
  #count = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get count(): number {
    return this.#count;
  }

  /** Runs the work when there is room. Throws `queue_full` otherwise. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#count >= this.#limit) throw new AsrError('queue_full', undefined, { retryAfterSeconds: 5 });
    this.#count += 1;
    try {
      return await work();
    } finally {
      this.#count -= 1;
    }
  }
}
