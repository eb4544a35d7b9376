/**
 * How many items the worker holds. Below the limit it takes another ticket: enough for the next batches while these run, so that the rest stays free for other
 * workers. The last ticket may exceed the limit: tickets rotate fairly only when each brings the same.
 */
export class Holdings {
  readonly #limit: number;
  #held = 0;
  #onRoom: () => void = () => undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get hasRoom(): boolean {
    return this.#held < this.#limit;
  }

  /** Sets what is called whenever there may be room again. */
  set onRoom(listener: () => void) {
    this.#onRoom = listener;
  }

  /** Counts items that are about to be taken; `release` gives them back. */
  reserve(items: number): void {
    this.#held += items;
  }

  /** Gives items back; a negative number counts those that came beyond what was reserved. */
  release(items: number): void {
    if (items === 0) return;
    this.#held -= items;
    this.#onRoom();
  }
}
