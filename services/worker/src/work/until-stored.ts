import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '@murmuration/runtime';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
/** A store that refuses for longer than this is not coming back for this work: its entry is dropped, and whoever owns the work queues it again. */
const GIVE_UP_MS = 10 * 60_000;

/** Calls a store until it takes what it is given: one that is full, read-only or away refuses for a while, and that is no failure of the work. */
export class UntilStored {
  readonly #logger: Logger;
  #refusing = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Throws the last error when the store has refused for ten minutes. */
  async call<T>(call: () => Promise<T>): Promise<T> {
    const startedMs = performance.now();
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
      try {
        const value = await call();
        if (this.#refusing) this.#logger.info('the store takes results again');
        this.#refusing = false;
        return value;
      } catch (error) {
        if (performance.now() - startedMs > GIVE_UP_MS) throw error;
        if (!this.#refusing) this.#logger.warn({ reason: error instanceof Error ? error.message : String(error) }, 'the store refuses; trying again');
        this.#refusing = true;
        await pause(pauseMs);
      }
    }
  }
}
