import { createHash } from 'node:crypto';
import type { JobPriority } from '@murmuration/contracts';
import type { Redis } from '../connections.js';
import { JOB_INDEX_KEYS, jobKeys, ownedJobs, waitingJobs } from '../keys.js';
import { pipelined, redisNowMs, transacted } from '../redis-commands.js';
import {
  MANIFEST_FIELDS,
  PROGRESS_FIELDS,
  TERMS_FIELDS,
  parseManifest,
  parseProgress,
  type JobManifest,
  type JobProgress,
} from './job-manifest.js';

/** Names an accepted job where its manifest may be gone. */
export interface AcceptedJob {
  readonly id: string;
  readonly modelSlug: string;
  readonly priority: JobPriority;
}

/** Where a page of the list begins: after the job of this id and time. */
export interface JobIndexPlace {
  readonly createdAtMs: number;
  readonly id: string;
}

/** Enough of SHA-256 that no two owners meet. */
const OWNER_TAG_LENGTH = 24;

/**
 * Which submitted jobs there are: all and each owner's by time, and the accepted ones that have not been settled.
 * A job's manifest says what it is; where the two disagree the manifest is right, and `forget` mends the index.
 */
export class JobIndex {
  readonly #redis: Redis;

  /** The connection stays the caller's. */
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Null when the job is gone, or no submitted one. */
  async read(id: string): Promise<JobManifest | null> {
    return (await this.readAll([id]))[0] ?? null;
  }

  /** In the order of `ids`. */
  async readAll(ids: readonly string[]): Promise<(JobManifest | null)[]> {
    const values = (await pipelined(
      this.#redis,
      ids.flatMap(
        (id) =>
          [
            ['hmget', jobKeys(id).job, ...MANIFEST_FIELDS],
            ['hmget', jobKeys(id).terms, ...TERMS_FIELDS],
          ] as const,
      ),
    )) as (string | null)[][];
    return ids.map((_id, i) => parseManifest(values[i * 2] ?? [], values[i * 2 + 1] ?? []));
  }

  /** How far jobs are, in the order of `ids`; null for one that is gone. */
  async progress(ids: readonly string[]): Promise<(JobProgress | null)[]> {
    return (
      (await pipelined(
        this.#redis,
        ids.map((id) => ['hmget', jobKeys(id).job, ...PROGRESS_FIELDS]),
      )) as (string | null)[][]
    ).map(parseProgress);
  }

  /** Puts a job that has been created on the lists. */
  async enlist(job: Pick<JobManifest, 'id' | 'owner' | 'createdAtMs'>): Promise<void> {
    const lists = this.#redis.multi().zadd(JOB_INDEX_KEYS.all, job.createdAtMs, allMember(job.id, job.owner));
    if (job.owner !== null) lists.zadd(ownedJobs(ownerTag(job.owner)), job.createdAtMs, job.id);
    await transacted(lists);
  }

  /** To be called before the job is accepted: from then on it is looked after. */
  async watch(job: AcceptedJob): Promise<void> {
    // Redis' clock: two nodes put jobs in one order.
    const now = await redisNowMs(this.#redis);
    await transacted(
      this.#redis
        .multi()
        .zadd(JOB_INDEX_KEYS.accepted, 'NX', now, acceptedMember(job))
        .zadd(waitingJobs(job.modelSlug, job.priority), 'NX', now, job.id),
    );
  }

  /**
   * The job has ended and all is tidied up, or it was never accepted. True when it was looked after until now.
   * @param resultUntilMs when the time of its transcript is over (Unix milliseconds), or null without one
   */
  async unwatch(job: AcceptedJob, resultUntilMs: number | null = null): Promise<boolean> {
    // No transaction: a Redis that is full refuses to queue any command for one, those that make room as well.
    if (resultUntilMs !== null) await this.#redis.zadd(JOB_INDEX_KEYS.results, resultUntilMs, job.id);
    const [, removed] = await pipelined(this.#redis, [
      ['zrem', waitingJobs(job.modelSlug, job.priority), job.id],
      ['zrem', JOB_INDEX_KEYS.accepted, acceptedMember(job)],
    ]);
    return removed === 1;
  }

  /** Takes a job whose manifest is gone off the lists. */
  async forget(id: string, owner: string | null): Promise<void> {
    await pipelined(this.#redis, [
      ['zrem', JOB_INDEX_KEYS.all, allMember(id, owner)],
      ...(owner === null ? [] : [['zrem', ownedJobs(ownerTag(owner)), id] as const]),
    ]);
  }

  /** Jobs that are looked after, oldest first. */
  async watched(offset: number, limit: number): Promise<AcceptedJob[]> {
    const members = await this.#redis.zrange(JOB_INDEX_KEYS.accepted, String(offset), String(offset + limit - 1));
    return members.map((member) => {
      const [id = '', modelSlug = '', priority = ''] = member.split(' ');
      return { id, modelSlug, priority: priority as JobPriority };
    });
  }

  /** Accepted jobs of its model and priority that were there before it and have not ended, in the order of `jobs`; null for one that is not among them. */
  async positions(jobs: readonly AcceptedJob[]): Promise<(number | null)[]> {
    return (await pipelined(
      this.#redis,
      jobs.map((job) => ['zrank', waitingJobs(job.modelSlug, job.priority), job.id]),
    )) as (number | null)[];
  }

  /**
   * Ids of jobs created from `createdAfterMs` to `createdBeforeMs` (inclusive), newest first, behind `after`: everybody's, or those of one owner.
   * May name jobs that are gone.
   */
  async list(
    whose: 'everybody' | { readonly owner: string },
    between: { readonly createdAfterMs: number | null; readonly createdBeforeMs: number | null },
    after: JobIndexPlace | null,
    limit: number,
  ): Promise<JobIndexPlace[]> {
    const key = whose === 'everybody' ? JOB_INDEX_KEYS.all : ownedJobs(ownerTag(whose.owner));
    const places: JobIndexPlace[] = [];
    const newestMs = Math.min(between.createdBeforeMs ?? Infinity, after?.createdAtMs ?? Infinity);
    const newest = Number.isFinite(newestMs) ? String(newestMs) : '+inf';
    const oldest = between.createdAfterMs === null ? '-inf' : String(between.createdAfterMs);
    for (let offset = 0; places.length < limit; offset += limit) {
      const page = await this.#redis.zrange(
        key,
        newest,
        oldest,
        'BYSCORE',
        'REV',
        'LIMIT',
        offset,
        limit,
        'WITHSCORES',
      );
      for (let i = 0; i + 1 < page.length; i += 2) {
        const place = { id: (page[i] ?? '').split(' ')[0] ?? '', createdAtMs: Number(page[i + 1]) };
        // Jobs of one millisecond stand in the reverse order of their ids.
        if (after === null || place.createdAtMs < after.createdAtMs || place.id < after.id) places.push(place);
      }
      if (page.length < limit * 2) break;
    }
    return places.slice(0, limit);
  }

  /** Takes jobs whose manifests are gone off the lists, some at a time. Answers where to go on: '0' at the end. */
  async prune(cursor: string, atOnce: number): Promise<string> {
    const [next, members] = await this.#redis.zscan(JOB_INDEX_KEYS.all, cursor, 'COUNT', atOnce);
    const entries = members.filter((_member, i) => i % 2 === 0).map((member) => member.split(' '));
    const alive = await pipelined(
      this.#redis,
      entries.map(([id = '']) => ['exists', jobKeys(id).job]),
    );
    const gone = entries.filter((_entry, i) => alive[i] === 0);
    await pipelined(
      this.#redis,
      gone.flatMap(([id = '', tag = '']) => [
        ['zrem', JOB_INDEX_KEYS.all, `${id} ${tag}`] as const,
        ...(tag === '' ? [] : [['zrem', ownedJobs(tag), id] as const]),
      ]),
    );
    return next;
  }
}

function acceptedMember(job: AcceptedJob): string {
  return `${job.id} ${job.modelSlug} ${job.priority}`;
}

function allMember(id: string, owner: string | null): string {
  return `${id} ${owner === null ? '' : ownerTag(owner)}`;
}

function ownerTag(owner: string): string {
  return createHash('sha256').update(owner).digest('hex').slice(0, OWNER_TAG_LENGTH);
}
