import { Queue, type Job } from 'bullmq';
import type { ChunkJob, Lane, LiveJob } from '@murmuration/contracts';
import type { Redis } from 'ioredis';
import { PREFIX } from './keys.js';

/** BullMQ priorities of the lanes: none goes first, then the lower number. */
const PRIORITY: Readonly<Record<Lane, number>> = { live: 0, interactive: 10, batch: 20 };

/** BullMQ orders entries by their priority times this, then by arrival. */
const PRIORITY_STEP = 2 ** 32;

/** From this chunk on nobody waits for a single chunk of the recording any more. */
const LONG_FROM_CHUNK = 8;

/**
 * The lane of a job's chunk. A request that somebody waits for is urgent while it is short; the rest of a long one goes as batch work,
 * in batches as large as pays (1.7 times the throughput of single rows with Moonshine on a CPU), so that it does not hold up short ones.
 */
export function laneOf(lane: Lane, chunk: number): Lane {
  return lane === 'interactive' && chunk >= LONG_FROM_CHUNK ? 'batch' : lane;
}

/** The names of entries: a recording's chunk, and what a live session wants. */
export const CHUNK = 'chunk';
export const LIVE = 'live';

/** Partials come after finals and before everything else. */
const PARTIAL_PRIORITY = 1;

/** Id of a live entry: the same final or partial twice is one entry. */
function liveEntryId(session: string, utterance: number, revision: number | null): string {
  return `${session}.u${String(utterance)}.${revision === null ? 'final' : `p${String(revision)}`}`;
}

/** Id of a chunk's entry: the same chunk twice is one entry. */
function entryId(job: string, chunk: number): string {
  return `${job}.${String(chunk)}`;
}

/** The queues of all models, as one who adds to them sees them. */
export class ChunkQueues {
  readonly #redis: Redis;
  readonly #queues = new Map<string, Queue<ChunkJob | LiveJob, void, typeof CHUNK | typeof LIVE>>();

  /** The connection stays the caller's. */
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Queues chunks, each in the lane that its job's lane and its place give it; those that are there already stay as they are. */
  async add(slug: string, chunks: readonly { readonly job: string; readonly chunk: number; readonly lane: Lane }[]): Promise<void> {
    if (chunks.length === 0) return;
    const queuedAtMs = Date.now();
    const entries = chunks.map(({ job, chunk, lane: jobLane }) => {
      const lane = laneOf(jobLane, chunk);
      return { name: CHUNK, data: { job, chunk, lane, queuedAtMs }, opts: { jobId: entryId(job, chunk), priority: PRIORITY[lane] } } as const;
    });
    const first = entries[0];
    if (entries.length === 1 && first !== undefined) await this.#of(slug).add(first.name, first.data, first.opts);
    else await this.#of(slug).addBulk(entries);
  }

  /** Lets the oldest waiting batch chunk go with the interactive ones, where there is one. */
  async promoteBatch(slug: string): Promise<void> {
    const queue = this.#of(slug);
    const [id] = await this.#redis.zrangebyscore(queue.toKey('prioritized'), PRIORITY.batch * PRIORITY_STEP, '+inf', 'LIMIT', 0, 1);
    const entry = id === undefined ? undefined : await queue.getJob(id) as Job<ChunkJob> | undefined;
    if (entry?.name !== CHUNK) return;
    await entry.updateData({ ...entry.data, lane: 'interactive' });
    await entry.changePriority({ priority: PRIORITY.interactive });
  }

  /** Takes entries back that no worker holds; held ones end by themselves. */
  async remove(slug: string, job: string, chunks: readonly number[]): Promise<void> {
    await Promise.allSettled(chunks.map((chunk) => this.#of(slug).remove(entryId(job, chunk))));
  }

  /** Queues finals (revision null) and partials of live sessions; those that are there already stay as they are. */
  async addLive(slug: string, entries: readonly Omit<LiveJob, 'queuedAtMs'>[]): Promise<void> {
    const queuedAtMs = Date.now();
    const queue = this.#of(slug);
    await Promise.all(entries.map((entry) => queue.add(LIVE, { ...entry, queuedAtMs }, {
      jobId: liveEntryId(entry.session, entry.utterance, entry.revision), priority: entry.revision === null ? PRIORITY.live : PARTIAL_PRIORITY,
    })));
  }

  /** Takes finals back that no worker holds. */
  async removeFinals(slug: string, session: string, utterances: readonly number[]): Promise<void> {
    await Promise.allSettled(utterances.map((utterance) => this.#of(slug).remove(liveEntryId(session, utterance, null))));
  }

  async counts(slug: string): Promise<{ waiting: number; active: number }> {
    const counts = await this.#of(slug).getJobCounts('wait', 'prioritized', 'active');
    return { waiting: (counts['wait'] ?? 0) + (counts['prioritized'] ?? 0), active: counts['active'] ?? 0 };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
  }

  #of(slug: string): Queue<ChunkJob | LiveJob, void, typeof CHUNK | typeof LIVE> {
    let queue = this.#queues.get(slug);
    if (queue === undefined) {
      queue = new Queue(slug, {
        connection: this.#redis,
        prefix: PREFIX,
        skipWaitingForReady: true,
        skipVersionCheck: true,
        defaultJobOptions: { removeOnComplete: true, removeOnFail: true, attempts: 1 },
        streams: { events: { maxLen: 100 } },
      });
      queue.on('error', () => undefined);
      this.#queues.set(slug, queue);
    }
    return queue;
  }
}
