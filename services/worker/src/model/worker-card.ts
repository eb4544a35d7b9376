import type { ModelCard } from '@murmuration/contracts';
import { HEARTBEAT_EVERY_MS, publishCard, withdrawCard, type Redis } from '@murmuration/store';
import { leaveAlone } from '@murmuration/contracts/left-alone';

type FixedCard = Omit<ModelCard, 'recentSpeed' | 'seenAtMs' | 'memoryBytes' | 'draining'>;

/** Publishes the worker's card with every heartbeat. */
export class WorkerCard {
  readonly #redis: Redis;
  #fixed: FixedCard;
  readonly #recentSpeed: () => number | null;
  #timer: NodeJS.Timeout | undefined;
  #draining = false;
  #isPublishing = false;

  /** @param recentSpeed audio seconds a second of busy time lately, or null */
  constructor(redis: Redis, fixed: FixedCard, recentSpeed: () => number | null) {
    this.#redis = redis;
    this.#fixed = fixed;
    this.#recentSpeed = recentSpeed;
  }

  /** Publishes the first card and then one every heartbeat; trouble with Redis only delays the next. */
  async start(): Promise<void> {
    await this.#publish();
    this.#timer = setInterval(() => {
      this.#beat();
    }, HEARTBEAT_EVERY_MS);
  }

  /** Publishes what has changed. */
  async change(changed: Partial<FixedCard>): Promise<void> {
    this.#fixed = { ...this.#fixed, ...changed };
    await this.#publish();
  }

  /** Publishes that the worker accepts no more work. */
  async drain(): Promise<void> {
    this.#draining = true;
    await this.#publish();
  }

  async withdraw(): Promise<void> {
    clearInterval(this.#timer);
    await withdrawCard(this.#redis, this.#fixed.workerId);
  }

  /** One at a time: while Redis is away they would pile up. */
  #beat(): void {
    if (this.#isPublishing) return;
    this.#isPublishing = true;
    this.#publish()
      .catch(leaveAlone('repeated'))
      .finally(() => {
        this.#isPublishing = false;
      });
  }

  #publish(): Promise<void> {
    return publishCard(this.#redis, {
      ...this.#fixed,
      recentSpeed: this.#recentSpeed(),
      seenAtMs: Date.now(),
      memoryBytes: process.memoryUsage.rss(),
      draining: this.#draining,
    });
  }
}
