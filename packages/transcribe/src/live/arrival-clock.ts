/** Audio that comes within this time counts as one slice, milliseconds. */
const SLICE_MS = 200;
/** A sender of slices is not late before the next one is due; slices longer than this count as this long, milliseconds. */
const MAX_SLICE_MS = 2_000;

/**
 * How long no audio has come, by this process' monotonic clock. A browser's recorder that sends two seconds at once every two seconds is not quiet
 * between them: time counts from when the latest slice, played from its arrival on, would be over.
 */
export class ArrivalClock {
  readonly #nowMs: () => number;
  #arrivedMs: number;
  #sliceFromMs = -Infinity;
  /** An owner that is new has heard nothing yet: its client, which may have come over a new connection, gets this long to go on. */
  #sliceMs = MAX_SLICE_MS;

  /** @param nowMs monotonic, milliseconds */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#arrivedMs = nowMs();
  }

  /** Audio has arrived, or what arrived before is still worked on. */
  arrived(): void {
    this.#arrivedMs = this.#nowMs();
  }

  /** So much audio was in what arrived. */
  heard(audioMs: number): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#sliceFromMs > SLICE_MS) {
      this.#sliceFromMs = nowMs;
      this.#sliceMs = 0;
    }
    this.#sliceMs = Math.min(MAX_SLICE_MS, this.#sliceMs + audioMs);
  }

  /** Milliseconds without audio; negative while the latest slice would still be playing. */
  get quietMs(): number {
    return this.#nowMs() - this.#arrivedMs - this.#sliceMs;
  }
}
