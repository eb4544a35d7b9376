/** For how long sessions had work, summed over them: a batch that they had taken, or rows that waited for them. Times are those of one steady clock, milliseconds. */
export class WorkTime {
  #sessions = 0;
  #sinceMs = 0;
  #passedMs = 0;
  readonly #inProgress = new Set<{ readonly beganMs: number }>();

  /** From now on so many sessions have work. */
  change(sessions: number, nowMs: number): void {
    this.#passedMs = this.#totalMs(nowMs);
    this.#sinceMs = nowMs;
    this.#sessions = sessions;
  }

  /** A batch begins; call `end` when it ends. */
  batchBegins(nowMs: number): { end(): void } {
    const batch = { beganMs: nowMs };
    this.#inProgress.add(batch);
    return {
      end: () => {
        this.#inProgress.delete(batch);
      },
    };
  }

  /**
   * Session-milliseconds with work so far, less what batches in progress have taken: of these nobody knows yet how long their device computed. (A batch that
   * is made ready beside another counts at its end in full.)
   */
  endedMs(nowMs: number): number {
    let ms = this.#totalMs(nowMs);
    for (const { beganMs } of this.#inProgress) ms -= nowMs - beganMs;
    return ms;
  }

  #totalMs(nowMs: number): number {
    return this.#passedMs + this.#sessions * (nowMs - this.#sinceMs);
  }
}
