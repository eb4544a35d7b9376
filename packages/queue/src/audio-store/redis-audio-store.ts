import type { Redis } from 'ioredis';
import { jobKeys } from '../keys.js';
import { requirePlace, type AudioStore, type PutOptions } from './audio-store.js';
import { packPcm, unpackPcm } from './pcm-packet.js';
import { RedisMemory } from './redis-memory.js';

/** PCM in Redis, one hash a job, which expires by itself. Room is Redis' memory. */
export class RedisAudioStore implements AudioStore {
  readonly putLimitMs = 2_000;
  readonly #redis: Redis;
  readonly #memory: RedisMemory;

  /** @param budgetBytes memory Redis may use when it names no `maxmemory` itself */
  constructor(redis: Redis, budgetBytes: number) {
    this.#redis = redis;
    this.#memory = new RedisMemory(redis, budgetBytes);
  }

  async put(job: string, index: number, pcm: Uint8Array, lifeMs: number, options: PutOptions = {}): Promise<void> {
    requirePlace(job, index);
    const { pcm: key } = jobKeys(job);
    const packet = await packPcm(pcm, options.compress ?? false);
    const replies = await this.#redis.pipeline().hset(key, String(index), packet).pexpire(key, lifeMs).exec();
    for (const [error] of replies ?? []) if (error !== null) throw error;
  }

  async get(job: string, index: number): Promise<Buffer | null> {
    requirePlace(job, index);
    const packet = await this.#redis.hgetBuffer(jobKeys(job).pcm, String(index));
    return packet === null ? null : await unpackPcm(packet);
  }

  async delete(job: string, index: number): Promise<void> {
    requirePlace(job, index);
    await this.#redis.hdel(jobKeys(job).pcm, String(index));
  }

  async deleteAll(job: string): Promise<void> {
    requirePlace(job, 0);
    await this.#redis.unlink(jobKeys(job).pcm);
  }

  async keep(job: string, lifeMs: number): Promise<void> {
    requirePlace(job, 0);
    await this.#redis.pexpire(jobKeys(job).pcm, lifeMs);
  }

  hasRoom(): Promise<boolean> {
    return this.#memory.hasRoom();
  }

  sweep(): Promise<number> {
    return Promise.resolve(0);
  }

  close(): void {
    // The connection is the caller's.
  }
}
