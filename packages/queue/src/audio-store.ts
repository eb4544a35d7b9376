import type { Redis } from 'ioredis';
import { jobKeys } from './keys.js';

/** Where the PCM of chunks lies until they are done. Owned by the job: it goes when the job goes. */
export interface AudioStore {
  /** Stores a chunk's PCM; kept for `lifeMs` unless touched. */
  put(job: string, index: number, pcm: Uint8Array, lifeMs: number): Promise<void>;
  /** The PCM, or null when it is gone. */
  get(job: string, index: number): Promise<Buffer | null>;
  delete(job: string, index: number): Promise<void>;
  deleteAll(job: string): Promise<void>;
  /** False when no more work should be admitted: the store is at its budget. */
  hasRoom(): Promise<boolean>;
}

/** Share of Redis' memory that may be used before nothing more is admitted: at its limit Redis refuses lock renewals too. */
const ADMIT_BELOW = 0.8;
const LOOK_EVERY_MS = 250;

/** PCM in Redis, one hash a job. */
export class RedisAudioStore implements AudioStore {
  readonly #redis: Redis;
  readonly #budgetBytes: number;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #room = true;

  /** @param budgetBytes memory Redis may use when it names no `maxmemory` itself */
  constructor(redis: Redis, budgetBytes: number) {
    this.#redis = redis;
    this.#budgetBytes = budgetBytes;
  }

  async put(job: string, index: number, pcm: Uint8Array, lifeMs: number): Promise<void> {
    const { pcm: key } = jobKeys(job);
    const replies = await this.#redis.pipeline().hset(key, String(index), Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength)).pexpire(key, lifeMs).exec();
    for (const [error] of replies ?? []) if (error !== null) throw error;
  }

  async get(job: string, index: number): Promise<Buffer | null> {
    return await this.#redis.hgetBuffer(jobKeys(job).pcm, String(index));
  }

  async delete(job: string, index: number): Promise<void> {
    await this.#redis.hdel(jobKeys(job).pcm, String(index));
  }

  async deleteAll(job: string): Promise<void> {
    await this.#redis.unlink(jobKeys(job).pcm);
  }

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
