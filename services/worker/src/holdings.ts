/** How many items the worker holds, and how many it may: enough for the next batches while these run, no more, so that the rest stays free for other workers. */
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

  /** Reserves room for up to `wanted` items, one at least. Returns for how many; `release` gives them back. */
  reserve(wanted: number): number {
    const reserved = Math.max(1, Math.min(wanted, this.#limit - this.#held));
    this.#held += reserved;
    return reserved;
  }

  release(items: number): void {
    if (items === 0) return;
    this.#held -= items;
    this.#onRoom();
  }
}
