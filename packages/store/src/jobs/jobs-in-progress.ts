import type { JobState, Lane } from '@murmuration/contracts';
import type { Redis } from '../connections.js';
import { ACTIVE_JOBS, activeJobsOf, jobKeys } from '../keys.js';
import { loadScript, pipelined, runLua } from '../redis-commands.js';

const activateJob = loadScript('activate-job');
const activeJobs = loadScript('active-jobs');

/** Manifests read at once. */
const PAGE = 200;
/** A job in progress, for lists. */
export interface JobSummary {
  readonly id: string;
  /** The id that its owner gave it, where it is stored under another; else null. */
  readonly name: string | null;
  readonly state: JobState;
  readonly lane: Lane;
  readonly modelId: string;
  readonly owner: string | null;
  readonly startedAtMs: number;
  readonly planned: number;
  readonly done: number;
}

/** What an active job has left to do. */
export interface UnfinishedJob {
  readonly lane: Lane;
  readonly owner: string | null;
  /** Audio planned and not yet transcribed, milliseconds. */
  readonly leftMs: number;
}

/** Names a job and the model whose lists it is on. */
interface ListedJob {
  readonly id: string;
  readonly modelSlug: string;
}

/** The jobs in progress, whose lease runs or that are accepted: of the cluster, and of each model. */
export class JobsInProgress {
  readonly #redis: Redis;

  /** The connection stays the caller's. */
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Counts the job as in progress. @param leaseMs null for a job that has no lease */
  async add(job: ListedJob, leaseMs: number | null): Promise<void> {
    await Promise.all(
      [ACTIVE_JOBS, activeJobsOf(job.modelSlug)].map((list) =>
        runLua(this.#redis, activateJob, [list], [job.id, leaseMs ?? '+inf']),
      ),
    );
  }

  /** The job no longer takes a share of the workers. */
  async drop(job: ListedJob): Promise<void> {
    await pipelined(this.#redis, [
      ['zrem', ACTIVE_JOBS, job.id],
      ['zrem', activeJobsOf(job.modelSlug), job.id],
    ]);
  }

  /** Jobs whose lease runs and accepted ones: everybody's, or those of one owner. */
  async list(limit: number, whose: 'everybody' | { readonly owner: string }): Promise<JobSummary[]> {
    const ids = (await runLua(this.#redis, activeJobs, [ACTIVE_JOBS], [])) as string[];
    const summaries: JobSummary[] = [];
    for (let at = 0; at < ids.length && summaries.length < limit; at += PAGE) {
      const page = ids.slice(at, at + PAGE);
      const manifests = (await pipelined(
        this.#redis,
        page.map((id) => ['hgetall', jobKeys(id).job]),
      )) as Record<string, string>[];
      summaries.push(
        ...page
          .flatMap((id, i) => summaryOf(id, manifests[i] ?? {}))
          .filter((job) => whose === 'everybody' || job.owner === whose.owner),
      );
    }
    return summaries.slice(0, limit);
  }

  /** What is left to do of the model's jobs, a page of manifests at a time. */
  async unfinished(slug: string): Promise<UnfinishedJob[]> {
    const ids = (await runLua(this.#redis, activeJobs, [activeJobsOf(slug)], [])) as string[];
    const jobs: UnfinishedJob[] = [];
    for (let at = 0; at < ids.length; at += PAGE) {
      const manifests = (await pipelined(
        this.#redis,
        ids.slice(at, at + PAGE).map((id) => ['hmget', jobKeys(id).job, 'lane', 'plannedMs', 'doneMs', 'owner']),
      )) as (string | null)[][];
      for (const [lane, plannedMs, doneMs, owner = null] of manifests) {
        if (typeof lane === 'string')
          jobs.push({ lane: lane as Lane, owner, leftMs: Math.max(0, Number(plannedMs) - Number(doneMs)) });
      }
    }
    return jobs;
  }
}

/** Nothing when the manifest is gone. */
function summaryOf(id: string, manifest: Readonly<Record<string, string>>): JobSummary[] {
  if (manifest['state'] === undefined) return [];
  return [
    {
      id,
      name: manifest['name'] ?? null,
      state: manifest['state'] as JobState,
      lane: manifest['lane'] as Lane,
      modelId: manifest['model'] ?? '',
      owner: manifest['owner'] ?? null,
      startedAtMs: Number(manifest['startedAtMs']),
      planned: Number(manifest['planned']),
      done: Number(manifest['done']),
    },
  ];
}
