import type { ModelCard } from '@murmuration/contracts';
import { HEARTBEAT_EVERY_MS, publishCard, withdrawCard, type Redis } from '@murmuration/queue';

/** Says again and again that the worker is there. */
export class WorkerCard {
  readonly #redis: Redis;
  readonly #fixed: Omit<ModelCard, 'seenAtMs' | 'memoryBytes' | 'draining'>;
  #timer: NodeJS.Timeout | undefined;
  #draining = false;

  constructor(redis: Redis, fixed: Omit<ModelCard, 'seenAtMs' | 'memoryBytes' | 'draining'>) {
    this.#redis = redis;
    this.#fixed = fixed;
  }

  /** Publishes the first card and then one every heartbeat; trouble with Redis only delays the next. */
  async start(): Promise<void> {
    await this.#publish();
    this.#timer = setInterval(() => { this.#publish().catch(() => undefined); }, HEARTBEAT_EVERY_MS);
  }

  /** Tells the doors that the worker takes no more. */
  async drain(): Promise<void> {
    this.#draining = true;
    await this.#publish();
  }

  async withdraw(): Promise<void> {
    clearInterval(this.#timer);
    await withdrawCard(this.#redis, this.#fixed.workerId);
  }

  #publish(): Promise<void> {
    return publishCard(this.#redis, { ...this.#fixed, seenAtMs: Date.now(), memoryBytes: process.memoryUsage.rss(), draining: this.#draining });
  }
}
