import type { Redis } from 'ioredis';
import type { JobStore } from './job-store.js';
import { listCards } from './model-cards.js';

const LOOK_EVERY_MS = 500;
/** Chunks a job may queue while no worker has told what it holds. */
const WITHOUT_WORKERS = 8;

/**
 * How many chunks one job may have on the queue: what the model's workers hold, shared by its active jobs, at least one.
 * So a clip that comes later waits behind no more than its share of a giant.
 */
export class FairShare {
  readonly #redis: Redis;
  readonly #jobs: Pick<JobStore, 'countActive'>;
  readonly #windows = new Map<string, { readonly window: number; readonly atMs: number }>();

  constructor(redis: Redis, jobs: Pick<JobStore, 'countActive'>) {
    this.#redis = redis;
    this.#jobs = jobs;
  }

  /** The window of a job on this model now; looked up twice a second at most. */
  async window(slug: string): Promise<number> {
    const known = this.#windows.get(slug);
    const now = performance.now();
    if (known !== undefined && now - known.atMs < LOOK_EVERY_MS) return known.window;
    const [cards, active] = await Promise.all([listCards(this.#redis), this.#jobs.countActive(slug)]);
    const holds = cards.workers.filter((card) => card.model.slug === slug && !card.draining).reduce((sum, card) => sum + card.holds, 0);
    const window = Math.max(1, Math.floor((holds || WITHOUT_WORKERS) / Math.max(1, active)));
    this.#windows.set(slug, { window, atMs: now });
    return window;
  }
}
