import type { DecodeOptions, ErrorRecord, JobState, Lane, PlannedChunk } from '@murmuration/contracts';
import type { Redis } from 'ioredis';
import type { AudioStore } from './audio-store/audio-store.js';
import type { ChunkQueues } from './chunk-queue.js';
import { ACTIVE_JOBS, CANCELLED_CHANNEL, jobKeys } from './keys.js';
import { addChunk, endJob, endOfChunks, openChunks } from './scripts/job-scripts.js';
import { command, runScript } from './scripts/script.js';

/** What a job is, as its manifest says. */
export interface JobIdentity {
  readonly id: string;
  readonly lane: Lane;
  readonly modelId: string;
  readonly modelSlug: string;
  readonly decode: DecodeOptions;
  /** True when the first chunk with text decides the language; until then chunks go one by one. */
  readonly awaitsLanguage: boolean;
  /** Name of the API key that it belongs to, or null without keys. */
  readonly owner: string | null;
}

/** A job in progress, for lists. */
export interface JobSummary {
  readonly id: string;
  readonly state: JobState;
  readonly lane: Lane;
  readonly modelId: string;
  readonly owner: string | null;
  readonly startedAtMs: number;
  readonly planned: number;
  readonly done: number;
}

/** Manifests read at once. */
const PAGE = 200;

/**
 * A job's life, as the door that owns it drives it. The states stand in contracts (`jobStateSchema`).
 * A job lives as long as its lease: when the door stops renewing it, all its keys expire, and workers take its absence for a cancellation.
 */
export class JobStore {
  readonly #redis: Redis;
  readonly #queues: ChunkQueues;
  readonly #audio: AudioStore;
  readonly #leaseMs: number;

  constructor(redis: Redis, queues: ChunkQueues, audio: AudioStore, leaseMs: number) {
    this.#redis = redis;
    this.#queues = queues;
    this.#audio = audio;
    this.#leaseMs = leaseMs;
  }

  /** Writes the manifest. */
  async create(job: JobIdentity): Promise<void> {
    const keys = jobKeys(job.id);
    const now = Date.now();
    const replies = await this.#redis.pipeline()
      .hset(keys.job, {
        state: 'receiving', lane: job.lane, model: job.modelId, slug: job.modelSlug, decode: JSON.stringify(job.decode),
        startedAtMs: now, planned: 0, queued: 0, done: 0, doneMs: 0, front: 0,
        awaitsLanguage: job.awaitsLanguage ? 1 : 0, continuesText: job.decode.conditionOnPreviousText ? 1 : 0, ...(job.owner === null ? {} : { owner: job.owner }),
      })
      .pexpire(keys.job, this.#leaseMs)
      .zadd(ACTIVE_JOBS, now + this.#leaseMs, job.id)
      .exec();
    rethrow(replies);
  }

  /**
   * Stores a chunk's PCM and queues it, or leaves it to be queued when a result makes room in the job's window.
   * Answers false when the job has ended.
   */
  async addChunk(job: JobIdentity, chunk: PlannedChunk, pcm: Uint8Array, window: number): Promise<boolean> {
    const keys = jobKeys(job.id);
    const script = command(this.#redis, addChunk);
    // The PCM must be there before the entry.
    await this.#audio.put(job.id, chunk.index, pcm, this.#leaseMs, { compress: job.lane === 'batch' });
    const outcome = await script(keys.job, keys.chunks, keys.pending, chunk.index, JSON.stringify(chunk), window);
    if (outcome === 'gone') {
      await this.#audio.delete(job.id, chunk.index);
      return false;
    }
    if (outcome === 'queue') await this.#queues.add(job.modelSlug, [{ job: job.id, chunk: chunk.index, lane: job.lane }]);
    return true;
  }

  /** Says that every chunk is planned; the last result then ends the job. */
  async endOfChunks(job: JobIdentity): Promise<void> {
    const keys = jobKeys(job.id);
    await runScript(this.#redis, endOfChunks, [keys.job, keys.events, keys.wake]);
  }

  /** Keeps the job alive for another lease. Answers false when it has expired. */
  async renew(job: JobIdentity): Promise<boolean> {
    const keys = jobKeys(job.id);
    const pipeline = this.#redis.pipeline();
    for (const key of [keys.job, keys.chunks, keys.pending, keys.tries, keys.results, keys.events]) pipeline.pexpire(key, this.#leaseMs);
    pipeline.zadd(ACTIVE_JOBS, Date.now() + this.#leaseMs, job.id);
    const [replies] = await Promise.all([pipeline.exec(), this.#audio.keep(job.id, this.#leaseMs)]);
    return rethrow(replies)[0] === 1;
  }

  /** Queues again what should be on the queue; what is there stays as it is. For entries lost in a crash between two writes. */
  async requeueLost(job: JobIdentity): Promise<void> {
    await this.#queues.add(job.modelSlug, (await this.#open(job)).map((chunk) => ({ job: job.id, chunk, lane: job.lane })));
  }

  /** Ends the job before its time and takes its entries off the queue. Does nothing when it has ended. */
  async end(job: JobIdentity, state: 'failed' | 'cancelled', error: ErrorRecord | null): Promise<void> {
    const keys = jobKeys(job.id);
    const ended = await runScript(this.#redis, endJob, [keys.job, keys.events, state, error === null ? '' : JSON.stringify(error), keys.wake]);
    if (ended === 1) await this.#redis.publish(CANCELLED_CHANNEL, job.id);
  }

  /** Takes everything of the job away: entries, audio, results, events, manifest. */
  async remove(job: JobIdentity): Promise<void> {
    const keys = jobKeys(job.id);
    await this.#queues.remove(job.modelSlug, job.id, await this.#open(job));
    await this.#audio.deleteAll(job.id);
    await this.#redis.pipeline()
      .unlink(keys.job, keys.chunks, keys.pending, keys.tries, keys.results, keys.events)
      .zrem(ACTIVE_JOBS, job.id)
      .exec();
  }

  /** Jobs whose lease runs: everybody's, or those of one owner. */
  async active(limit: number, whose: 'everybody' | { readonly owner: string }): Promise<JobSummary[]> {
    const ids = await this.#redis.zrange(ACTIVE_JOBS, Date.now(), '+inf', 'BYSCORE');
    const summaries: JobSummary[] = [];
    for (let at = 0; at < ids.length && summaries.length < limit; at += PAGE) {
      const pipeline = this.#redis.pipeline();
      const page = ids.slice(at, at + PAGE);
      for (const id of page) pipeline.hgetall(jobKeys(id).job);
      const manifests = rethrow(await pipeline.exec()) as Record<string, string>[];
      summaries.push(...page.flatMap((id, i) => summaryOf(id, manifests[i] ?? {})).filter((job) => whose === 'everybody' || job.owner === whose.owner));
    }
    return summaries.slice(0, limit);
  }

  /** Number of jobs whose lease runs; expired ones are swept. */
  async countActive(): Promise<number> {
    const now = Date.now();
    const replies = rethrow(await this.#redis.pipeline().zremrangebyscore(ACTIVE_JOBS, '-inf', now).zcard(ACTIVE_JOBS).exec());
    return Number(replies[1]);
  }

  async #open(job: JobIdentity): Promise<number[]> {
    const keys = jobKeys(job.id);
    const open = await runScript(this.#redis, openChunks, [keys.job, keys.chunks, keys.pending, keys.results]) as string[];
    return open.map(Number);
  }
}

/** Nothing when the manifest is gone. */
function summaryOf(id: string, manifest: Readonly<Record<string, string>>): JobSummary[] {
  if (manifest['state'] === undefined) return [];
  return [{
    id,
    state: manifest['state'] as JobState,
    lane: manifest['lane'] as Lane,
    modelId: manifest['model'] ?? '',
    owner: manifest['owner'] ?? null,
    startedAtMs: Number(manifest['startedAtMs']),
    planned: Number(manifest['planned']),
    done: Number(manifest['done']),
  }];
}

function rethrow(replies: [Error | null, unknown][] | null): unknown[] {
  return (replies ?? []).map(([error, value]) => {
    if (error !== null) throw error;
    return value;
  });
}
