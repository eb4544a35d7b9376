import type { RedisMemory } from '../redis-health.js';
import type { Redis } from '../connections.js';
import { JOB_INDEX_KEYS, jobKeys, type JobKeys } from '../keys.js';
import { pipelined, loadScript, redisNowMs, runLua } from '../redis-commands.js';

/** Jobs that are weighed at once: about 2,000 small questions. */
const SAMPLE_JOBS = 250;
/** Elements of a key that are weighed: all of a manifest, since one of its fields may be large and the others small. */
const ELEMENTS = 100;
/** A sample is good for this long, milliseconds. */
const FRESH_MS = 2_000;
const RESULTS = [
  'job',
  'terms',
  'chunks',
  'results',
  'events',
  'transcript',
  'delivery',
] as const satisfies readonly (keyof JobKeys)[];

/** What Redis stores, and of it what is each owner's, in bytes. */
export interface StoredShares {
  readonly capacityBytes: number;
  readonly takenBytes: number;
  /** By owner, null for jobs without one; as estimated from a sample of all jobs. */
  readonly byOwner: ReadonlyMap<string | null, number>;
}

/** Weighs what the jobs of each owner take in Redis: as a whole where there are few, by a sample where there are many. */
export class StoredBytes {
  readonly #redis: Redis;
  readonly #memory: RedisMemory;
  #sample: { readonly byOwner: Promise<ReadonlyMap<string | null, number>>; readonly atMs: number } | null = null;

  /** The connection stays the caller's. */
  constructor(redis: Redis, memory: RedisMemory) {
    this.#redis = redis;
    this.#memory = memory;
  }

  /** Null while less than half of what may be stored is: then there is nothing to share. */
  async whenScarce(): Promise<StoredShares | null> {
    const { usedBytes, capacityBytes } = await this.#memory.look();
    if (usedBytes <= capacityBytes / 2) return null;
    const now = performance.now();
    if (this.#sample === null || now - this.#sample.atMs > FRESH_MS)
      this.#sample = { byOwner: this.#weigh(), atMs: now };
    try {
      return { capacityBytes, takenBytes: usedBytes, byOwner: await this.#sample.byOwner };
    } catch (error) {
      this.#sample = null;
      throw error;
    }
  }

  async #weigh(): Promise<Map<string | null, number>> {
    const byOwner = new Map<string | null, number>();
    await this.#add(byOwner, JOB_INDEX_KEYS.all, RESULTS);
    return byOwner;
  }

  async #add(byOwner: Map<string | null, number>, list: string, names: readonly (keyof JobKeys)[]): Promise<void> {
    const [count, members] = (await pipelined(this.#redis, [
      ['zcard', list],
      ['zrandmember', list, SAMPLE_JOBS],
    ])) as [number, string[]];
    if (members.length === 0) return;
    const answers = await pipelined(
      this.#redis,
      members.flatMap((member) => {
        const keys = jobKeys(member.split(' ')[0] ?? '');
        return [
          ['hget', keys.job, 'owner'],
          ...names.map((name) => ['memory', 'USAGE', keys[name], 'SAMPLES', ELEMENTS] as const),
        ] as const;
      }),
    );
    for (let at = 0; at < answers.length; at += names.length + 1) {
      const [owner, ...bytes] = answers.slice(at, at + names.length + 1) as [string | null, ...(number | null)[]];
      const sum = (bytes.reduce<number>((total, one) => total + (one ?? 0), 0) * count) / members.length;
      byOwner.set(owner, (byOwner.get(owner) ?? 0) + sum);
    }
  }
}

const dropResult = loadScript('drop-result');

/** Share that transcripts may take of the memory up to which work is admitted: as much stays for work, however many results are kept. */
const SHARE = 0.5;
/** Transcripts whose size is looked at; all are taken to be as large on average. */
const SAMPLE_RESULTS = 50;
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
    const sample = await this.#redis.zrandmember(JOB_INDEX_KEYS.results, SAMPLE_RESULTS);
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
