/** How often the callers of a running batch are asked, milliseconds. */
const ASK_MS = 20;

/** One byte a row that another thread may read while it works: set once the row's caller says that it is cancelled. */
export class CancelFlags {
  /** Over shared memory; 1 where the row is cancelled. */
  readonly bytes: Uint8Array;
  readonly #rows: readonly ((() => boolean) | undefined)[];
  readonly #timer: NodeJS.Timeout | null;

  /** Asks at once and then every 20 ms until closed. */
  constructor(rows: readonly ((() => boolean) | undefined)[]) {
    this.#rows = rows;
    this.bytes = new Uint8Array(new SharedArrayBuffer(rows.length));
    this.#ask();
    this.#timer = rows.some((row) => row !== undefined) ? setInterval(() => { this.#ask(); }, ASK_MS) : null;
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  #ask(): void {
    this.#rows.forEach((cancelled, row) => { if (cancelled?.() === true) Atomics.store(this.bytes, row, 1); });
  }
}
