import type { JobState } from '@murmuration/contracts';
import type { Logger } from '@murmuration/runtime';
import type { Redis } from '../connections.js';
import { jobKeys } from '../keys.js';
import type { AudioStore } from './audio-store.js';

/** The manifest of an ended job may stay for weeks; nobody reads its audio. */
const NEEDS_AUDIO: ReadonlySet<string> = new Set<JobState>(['receiving', 'running']);

/** Now and then removes audio that crashes left behind in stores that do not forget by themselves. Any number of nodes may do so. */
export class OrphanSweep {
  readonly #timer: NodeJS.Timeout;
  readonly #sweep: () => Promise<number>;
  #running: Promise<unknown> = Promise.resolve();

  /** @param idleMs audio of jobs that are not in Redis, or have ended, is an orphan when it has not changed for so long */
  constructor(
    store: AudioStore,
    redis: Redis,
    logger: Logger,
    { everyMs, idleMs }: { readonly everyMs: number; readonly idleMs: number },
  ) {
    this.#sweep = () =>
      store.sweep(idleMs, async (job) => NEEDS_AUDIO.has((await redis.hget(jobKeys(job).job, 'state')) ?? ''));
    this.#timer = setInterval(() => {
      this.#running = this.#running
        .then(() => this.#sweep())
        .then(
          (jobs) => {
            if (jobs > 0) logger.info({ jobs }, 'removed audio that belonged to no job any more');
          },
          (error: unknown) => {
            logger.warn(
              { reason: error instanceof Error ? error.message : String(error) },
              'cannot look for audio that belongs to no job',
            );
          },
        );
    }, everyMs);
    this.#timer.unref();
  }

  /** Waits for the sweep in progress. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }
}
