/** A final that waited for a session longer than this is a sign of too much work, milliseconds: of its 400 ms its own run takes a good half. */
const FINAL_WAIT_MS = 150;
/** So long no partials run then, milliseconds. */
const PAUSE_MS = 1_000;

/** Says when there is room for partials: open → paused (a final had to wait) → open after a second without such a final. */
export class PartialPace {
  readonly #now: () => number;
  #openFromMs = -Infinity;

  /** @param now a clock, milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get isPaused(): boolean {
    return this.#now() < this.#openFromMs;
  }

  /** A final begins to run after it has waited for so long. */
  finalBegins(waitedMs: number): void {
    if (waitedMs > FINAL_WAIT_MS) this.#openFromMs = this.#now() + PAUSE_MS;
  }
}
