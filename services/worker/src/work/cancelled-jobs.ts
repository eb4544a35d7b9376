/** Jobs that were cancelled lately; bounded, oldest forgotten first. */
export class CancelledJobs {
  readonly #ids = new Set<string>();
  readonly #limit: number;

  constructor(limit = 10_000) {
    this.#limit = limit;
  }

  add(job: string): void {
    this.#ids.add(job);
    if (this.#ids.size <= this.#limit) return;
    for (const oldest of this.#ids) {
      this.#ids.delete(oldest);
      return;
    }
  }

  has(job: string): boolean {
    return this.#ids.has(job);
  }
}
