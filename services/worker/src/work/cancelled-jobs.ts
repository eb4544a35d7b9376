import type { WorkId } from '@murmuration/contracts';
/** Jobs that were cancelled lately; bounded, oldest forgotten first. */
export class CancelledJobs {
  readonly #ids = new Set<string>();
  readonly #limit: number;

  constructor(limit = 10_000) {
    this.#limit = limit;
  }

  add(job: WorkId): void {
    this.#ids.add(job);
    if (this.#ids.size <= this.#limit) return;
    for (const oldest of this.#ids) {
      this.#ids.delete(oldest);
      return;
    }
  }

  has(job: WorkId): boolean {
    return this.#ids.has(job);
  }
}
