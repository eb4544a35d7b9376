/** Watches how long a client is silent. While a message of its is worked on it is not, for it may be kept from speaking. */
export class QuietWatch {
  readonly #limitMs: () => number | null;
  readonly #onQuiet: () => void;
  #heardMs = performance.now();
  #busy = 0;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  /** @param limitMs how long it may be silent, milliseconds, as of now; null: as long as it likes. @param onQuiet told once each time */
  constructor(limitMs: () => number | null, onQuiet: () => void) {
    this.#limitMs = limitMs;
    this.#onQuiet = onQuiet;
  }

  /** It spoke. */
  heard(): void {
    this.#heardMs = performance.now();
    this.#arm();
  }

  /** A message is worked on until the answer is called. */
  busy(): () => void {
    this.#busy += 1;
    return () => {
      this.#busy -= 1;
      this.heard();
    };
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #arm(): void {
    const limitMs = this.#limitMs();
    if (limitMs === null || this.#timer !== null || this.#stopped || this.#busy > 0) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        if (this.#busy > 0) return;
        const current = this.#limitMs();
        if (current !== null && performance.now() - this.#heardMs >= current) this.#onQuiet();
        else this.#arm();
      },
      Math.max(1, limitMs - (performance.now() - this.#heardMs)),
    );
  }
}
