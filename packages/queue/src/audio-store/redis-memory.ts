import type { Redis } from 'ioredis';

/** Share of Redis' memory that may be used before nothing more is admitted: at its limit Redis refuses lock renewals too. */
const ADMIT_BELOW = 0.8;
const LOOK_EVERY_MS = 250;

/** How full Redis is, looked at a few times a second at most. */
export class RedisMemory {
  readonly #redis: Redis;
  readonly #budgetBytes: number;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #room = true;

  /** @param budgetBytes memory Redis may use when it names no `maxmemory` itself */
  constructor(redis: Redis, budgetBytes: number) {
    this.#redis = redis;
    this.#budgetBytes = budgetBytes;
  }

  /** False when no more work should be admitted, wherever its audio lies: results and entries need room too. */
  async hasRoom(): Promise<boolean> {
    const now = performance.now();
    if (now - this.#lookedAtMs < LOOK_EVERY_MS) return this.#room;
    const info = await this.#redis.info('memory');
    const used = Number(/^used_memory:(\d+)/m.exec(info)?.[1] ?? 0);
    const limit = Number(/^maxmemory:(\d+)/m.exec(info)?.[1] ?? 0) || this.#budgetBytes;
    this.#room = used < limit * ADMIT_BELOW;
    this.#lookedAtMs = now;
    return this.#room;
  }
}
