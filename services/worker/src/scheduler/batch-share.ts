import type { Lane } from '@murmuration/contracts';

/** While batch work waits, one item of it is taken for so many interactive ones. */
const INTERACTIVE_FOR_ONE = 10;

/** Reserves a share of the worker for batch work, so that it moves however much interactive work there is. */
export class BatchShare {
  readonly #promote: () => Promise<void>;
  #interactive = 0;

  /** @param promote lets one item of batch work go with the interactive ones; what it throws is left to the next time */
  constructor(promote: () => Promise<void>) {
    this.#promote = promote;
  }

  /** So many items of this lane were taken. */
  took(lane: Lane, items: number): void {
    this.#interactive = lane === 'batch' ? 0 : this.#interactive + items;
    if (this.#interactive < INTERACTIVE_FOR_ONE) return;
    this.#interactive = 0;
    this.#promote().catch(() => undefined);
  }
}
