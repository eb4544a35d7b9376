/** Sound follows silence only when it is later than this: time stamps are rounded and jitter, and some codecs' first ones count a delay of up to 90 ms. Milliseconds. */
const TOLERANCE_MS = 100;
/** A time stamp that goes back by more is that of a clock that was set anew, as in joined files. Milliseconds. */
const BACK_TOLERANCE_MS = 1_000;
/** A stretch without sound that is longer is no silence: the clock was set anew. Milliseconds. */
const MAX_HOLE_MS = 3_600_000;

/**
 * Keeps the times of a recording those of its file: says how much silence stands before a sound. Sound is never dropped: where time stamps fall
 * behind the sound before them, it goes on end to end.
 */
export class RecordingTimeline {
  /** Longest stretch that is taken for silence. Milliseconds. */
  maxHoleMs: number;
  /** Length of the longest stretch that was passed over as a clock set anew, or 0. Milliseconds. */
  longestJumpMs = 0;
  readonly #fromFirst: boolean;
  #offsetMs = 0;
  #begun = false;

  /** @param fromFirst the clock begins with the first sound: no late start is looked for */
  constructor(fromFirst = false, maxHoleMs = MAX_HOLE_MS) {
    this.maxHoleMs = maxHoleMs;
    this.#fromFirst = fromFirst;
  }

  /**
   * Silence before a sound, milliseconds.
   * @param startMs its time stamp @param positionMs length of all before it, silence included @param restarts its clock has just been set anew, as by the next link of a chained file
   */
  holeBefore(startMs: number, positionMs: number, restarts = false): number {
    const first = !this.#begun;
    this.#begun = true;
    const holeMs = startMs + this.#offsetMs - positionMs;
    const anew = first ? this.#fromFirst : restarts;
    const jumps = holeMs > this.maxHoleMs;
    if (jumps && !anew) this.longestJumpMs = Math.max(this.longestJumpMs, holeMs);
    if (anew || jumps || holeMs < -BACK_TOLERANCE_MS) {
      this.#offsetMs -= holeMs;
      return 0;
    }
    return holeMs > TOLERANCE_MS ? holeMs : 0;
  }
}
