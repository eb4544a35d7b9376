import type { Lane } from '@murmuration/contracts';

/** While batch work waits, one chunk of it is taken for so many interactive ones. */
const INTERACTIVE_FOR_ONE = 10;

/** Reserves a share of the worker for batch work, so that it moves however much interactive work there is. */
export class BatchShare {
  readonly #promote: () => Promise<void>;
  #interactive = 0;

  /** @param promote lets one batch chunk go with the interactive ones; what it throws is left to the next time */
  constructor(promote: () => Promise<void>) {
    this.#promote = promote;
  }

  /** A chunk of this lane was taken off the queue. */
  took(lane: Lane): void {
    this.#interactive = lane === 'batch' ? 0 : this.#interactive + 1;
    if (this.#interactive < INTERACTIVE_FOR_ONE) return;
    this.#interactive = 0;
    this.#promote().catch(() => undefined);
  }
}
