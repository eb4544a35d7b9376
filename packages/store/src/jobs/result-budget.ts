import type { RedisMemory } from '../redis-health.js';
import type { Redis } from '../connections.js';
import { JOB_INDEX_KEYS, jobKeys } from '../keys.js';
import { loadScript, pipelined, redisNowMs, runLua } from '../redis-commands.js';

const dropResult = loadScript('drop-result');

/** Share that transcripts may take of the memory up to which work is admitted: as much stays for work, however many results are kept. */
const SHARE = 0.5;
/** Transcripts whose size is looked at; all are taken to be as large on average. */
const SAMPLE = 50;
/** A transcript's key, manifest and entries in lists, beside its text; bytes. */
const OVERHEAD_BYTES = 2_000;
/** Results that one look drops at most. */
const MOST_AT_ONCE = 500;

/** Keeps the transcripts of finished jobs to a share of Redis' memory, so that they never keep new work out. */
export class ResultBudget {
  readonly #redis: Redis;
  readonly #memory: Pick<RedisMemory, 'look'>;

  /** The connection stays the caller's. */
  constructor(redis: Redis, memory: Pick<RedisMemory, 'look'>) {
    this.#redis = redis;
    this.#memory = memory;
  }

  /** Drops results that exceed the budget, those first whose time would be over first. Returns how many. */
  async enforce(): Promise<number> {
    await this.#redis.zremrangebyscore(JOB_INDEX_KEYS.results, '-inf', await redisNowMs(this.#redis));
    const count = await this.#redis.zcard(JOB_INDEX_KEYS.results);
    if (count === 0) return 0;
    const sample = await this.#redis.zrandmember(JOB_INDEX_KEYS.results, SAMPLE);
    const sizes = (await pipelined(
      this.#redis,
      sample.map((id) => ['strlen', jobKeys(id).transcript]),
    )) as number[];
    const meanBytes = sizes.reduce((sum, size) => sum + size, 0) / sizes.length + OVERHEAD_BYTES;
    const { capacityBytes } = await this.#memory.look();
    const overBytes = count * meanBytes - capacityBytes * SHARE;
    if (overBytes <= 0) return 0;
    const most = Math.min(MOST_AT_ONCE, Math.ceil(overBytes / meanBytes));
    const first = await this.#redis.zrange(JOB_INDEX_KEYS.results, '0', String(most - 1));
    let dropped = 0;
    for (const id of first) {
      const keys = jobKeys(id);
      dropped += (await runLua(this.#redis, dropResult, [keys.job, keys.transcript, keys.terms], [])) as number;
      await this.#redis.zrem(JOB_INDEX_KEYS.results, id);
    }
    return dropped;
  }
}
