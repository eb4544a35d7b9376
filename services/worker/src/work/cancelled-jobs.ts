import type { WorkId } from '@murmuration/contracts';

/**
 * Jobs that were cancelled lately; bounded, oldest forgotten first.
 * A client may use the id of a job that was taken back again, so a cancellation counts for what was taken before it.
 */
export class CancelledJobs {
  readonly #counts = new Map<WorkId, number>();
  readonly #limit: number;
  #count = 0;

  constructor(limit = 10_000) {
    this.#limit = limit;
  }

  /** Cancellations until now: to be read before work is taken, for `has`. */
  get count(): number {
    return this.#count;
  }

  add(job: WorkId): void {
    this.#counts.delete(job);
    this.#counts.set(job, ++this.#count);
    if (this.#counts.size <= this.#limit) return;
    for (const oldest of this.#counts.keys()) {
      this.#counts.delete(oldest);
      return;
    }
  }

  /** True when the job was cancelled after there had been `count` cancellations; 0 where its id is never used again. */
  has(job: WorkId, count = 0): boolean {
    return (this.#counts.get(job) ?? 0) > count;
  }
}
