import { AsrError, type ChunkIndex, type JobId } from '@murmuration/contracts';
import type { Redis } from '../connections.js';
import { jobKeys } from '../keys.js';
import { requirePlace, type AudioStore, type PutOptions } from './audio-store.js';
import { packPcm, unpackPcm } from './pcm-packet.js';
import { RedisMemory } from '../redis-health.js';
import type { StoreClaim } from './store-claim.js';

/**
 * PCM in a Redis beside the cluster's own, one hash a job, which expires by itself. Room is the memory of both. That Redis may forget: a job whose audio
 * it has lost fails, and what was transcribed before stays in the job's events.
 */
export class RedisAudioStore implements AudioStore {
  readonly putLimitMs = 2_000;
  readonly #redis: Redis;
  readonly #memory: RedisMemory;
  readonly #clusterMemory: RedisMemory;
  readonly #claim: Pick<StoreClaim, 'close'>;

  /**
   * @param redis the audio's own connection, which is closed with the store
   * @param budgetBytes memory that this Redis may use when it names no `maxmemory` itself
   * @param clusterMemory of the cluster's Redis
   * @param claim it is closed with the store
   */
  constructor(redis: Redis, budgetBytes: number, clusterMemory: RedisMemory, claim: Pick<StoreClaim, 'close'>) {
    this.#redis = redis;
    this.#memory = new RedisMemory(redis, budgetBytes);
    this.#clusterMemory = clusterMemory;
    this.#claim = claim;
  }

  async put(job: JobId, index: ChunkIndex, pcm: Uint8Array, lifeMs: number, options: PutOptions = {}): Promise<void> {
    requirePlace(job, index);
    const { pcm: key } = jobKeys(job);
    const packet = await packPcm(pcm, options.compress ?? false);
    const replies = await this.#redis.pipeline().hset(key, String(index), packet).pexpire(key, lifeMs).exec();
    for (const [error] of replies ?? [])
      if (error !== null)
        throw error.message.startsWith('OOM') ? new AsrError('storage_full', undefined, { cause: error }) : error;
  }

  async get(job: JobId, index: ChunkIndex): Promise<Buffer | null> {
    requirePlace(job, index);
    const packet = await this.#redis.hgetBuffer(jobKeys(job).pcm, String(index));
    return packet === null ? null : await unpackPcm(packet);
  }

  async delete(job: JobId, index: ChunkIndex): Promise<void> {
    requirePlace(job, index);
    await this.#redis.hdel(jobKeys(job).pcm, String(index));
  }

  async deleteAll(job: JobId): Promise<void> {
    requirePlace(job, 0);
    await this.#redis.unlink(jobKeys(job).pcm);
  }

  async keep(job: JobId, lifeMs: number): Promise<void> {
    requirePlace(job, 0);
    await this.#redis.pexpire(jobKeys(job).pcm, lifeMs);
  }

  async hasRoom(): Promise<boolean> {
    return (await this.#memory.hasRoom()) && (await this.#clusterMemory.hasRoom());
  }

  sweep(): Promise<number> {
    return Promise.resolve(0);
  }

  close(): void {
    this.#claim.close();
    this.#redis.disconnect();
  }
}
