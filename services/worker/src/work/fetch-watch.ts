import type { TicketQueues } from '@murmuration/store';

const LOOK_EVERY_MS = 5_000;

/**
 * Tells how long ago the worker last heard from its queue. A look at an empty queue counts, and so does having all that it may hold;
 * entries that wait while nothing is fetched do not: then the age grows, and liveness fails.
 */
export class FetchWatch {
  #lastMs = performance.now();
  readonly #timer: NodeJS.Timeout;
  #isLooking = false;

  /** @param full true while the worker holds all that it may */
  constructor(queues: TicketQueues, slug: string, full: () => boolean, usable: () => boolean) {
    this.#timer = setInterval(() => {
      // While Redis is away nothing can be fetched; that is not this process's fault.
      if (full() || !usable()) {
        this.fetched();
        return;
      }
      if (this.#isLooking) return;
      this.#isLooking = true;
      queues
        .counts(slug)
        .then(
          ({ waiting }) => {
            if (waiting === 0) this.fetched();
          },
          () => undefined,
        )
        .finally(() => {
          this.#isLooking = false;
        });
    }, LOOK_EVERY_MS);
    this.#timer.unref();
  }

  fetched(): void {
    this.#lastMs = performance.now();
  }

  get ageSeconds(): number {
    return (performance.now() - this.#lastMs) / 1_000;
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
