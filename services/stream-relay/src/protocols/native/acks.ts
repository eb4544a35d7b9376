/** Acks go out at most this often. */
const EVERY_MS = 100;

/** Tells a client how much is stored: soon after it advanced, and not for every frame. */
export class Acks {
  readonly #send: (samples: number) => void;
  #stored = 0;
  #told: number;
  #toldAtMs = -Infinity;
  #timer: NodeJS.Timeout | null = null;

  /** @param told samples that the client knows of already */
  constructor(told: number, send: (samples: number) => void) {
    this.#told = told;
    this.#send = send;
  }

  /** So many samples are stored. */
  stored(samples: number): void {
    this.#stored = samples;
    if (this.#timer !== null || samples <= this.#told) return;
    const waitMs = this.#toldAtMs + EVERY_MS - performance.now();
    if (waitMs <= 0) this.flush();
    else
      this.#timer = setTimeout(() => {
        this.flush();
      }, waitMs);
  }

  /** Tells what is not told yet, at once. */
  flush(): void {
    this.stop();
    if (this.#stored <= this.#told) return;
    this.#told = this.#stored;
    this.#toldAtMs = performance.now();
    this.#send(this.#stored);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
