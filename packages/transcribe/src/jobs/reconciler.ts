import { isFinal, type WorkId } from '@murmuration/contracts';
import {
  ACCEPTED_AUDIO_LIFE_MS,
  TroubleLog,
  type AcceptedJob,
  type AudioStore,
  type JobIndex,
  type JobProgress,
  type JobStore,
  type ResultBudget,
  type TicketQueues,
  type Turn,
  type WebhookLog,
} from '@murmuration/store';
import type { Logger } from '@murmuration/runtime';
import type { Settler } from './settler.js';
import { statusOf } from './job-views.js';
import type { Webhooks } from './webhooks.js';

export interface ReconcilerParts {
  readonly turn: Turn;
  readonly jobIndex: JobIndex;
  readonly jobs: JobStore;
  readonly queues: TicketQueues;
  readonly audio: AudioStore;
  readonly settler: Settler;
  readonly webhooks: Webhooks;
  readonly webhookLog: WebhookLog;
  readonly results: ResultBudget;
  readonly logger: Logger;
}

export interface ReconcilerTimes {
  /** Between two looks in the whole cluster, milliseconds. */
  readonly everyMs: number;
  /** A job that has not moved for so long has the tickets of its held items queued again, should the queue have lost them. */
  readonly quietMs: number;
  /** A webhook that is late by this is queued again. */
  readonly webhookLateMs: number;
}

export const RECONCILER_TIMES: ReconcilerTimes = { everyMs: 3_000, quietMs: 5_000, webhookLateMs: 30_000 };

const KEEP_AUDIO_EVERY_MS = 3_600_000;
const PRUNE_EVERY_MS = 60_000;
const PAGE = 200;
/** Looking takes this share of one node's time at most, however many jobs there are. */
const LOOK_SHARE = 1 / 10;

/** What this node remembers of a job between two looks. */
interface Watched {
  done: number;
  quietSinceMs: number;
  keptAtMs: number;
}

/**
 * Looks after accepted jobs, on one node at a time: settles those whose call was lost, queues again the tickets that crashes took off the queues,
 * keeps their audio, queues late webhooks again, takes jobs that are gone off the lists, and keeps transcripts to their share of the memory.
 */
export class Reconciler {
  readonly #parts: ReconcilerParts;
  readonly #times: ReconcilerTimes;
  readonly #watched = new Map<string, Watched>();
  readonly #timer: NodeJS.Timeout;
  readonly #trouble: TroubleLog;
  #looking: Promise<void> = Promise.resolve();
  #idle = true;
  #closed = false;
  #pruneCursor = '0';
  #prunedAtMs = performance.now();

  constructor(parts: ReconcilerParts, times: ReconcilerTimes = RECONCILER_TIMES) {
    this.#parts = parts;
    this.#times = times;
    this.#trouble = new TroubleLog(parts.logger, 'looking after accepted jobs');
    this.#timer = setInterval(() => {
      this.#tick();
    }, times.everyMs);
    this.#timer.unref();
  }

  /** Resolves when the look in progress is over. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#looking;
  }

  #tick(): void {
    if (!this.#idle) return;
    this.#idle = false;
    this.#looking = this.#look()
      .then(
        () => {
          this.#trouble.over();
        },
        (error: unknown) => {
          this.#trouble.met(error instanceof Error ? error : new Error(String(error)));
        },
      )
      .finally(() => {
        this.#idle = true;
      });
  }

  async #look(): Promise<void> {
    if (!(await this.#parts.turn.take())) return;
    const startedMs = performance.now();
    try {
      const seen = new Map<string, JobProgress>();
      for (let offset = 0; !this.#closed; offset += PAGE) {
        await this.#parts.turn.hold();
        const page = await this.#parts.jobIndex.watched(offset, PAGE);
        const all = await this.#parts.jobIndex.progress(page.map((job) => job.id));
        for (const [i, job] of page.entries()) await this.#lookAt(job, all[i] ?? null, seen);
        if (page.length < PAGE) break;
      }
      await this.#queueLostTickets(seen);
      for (const id of this.#watched.keys()) if (!seen.has(id)) this.#watched.delete(id);
      await this.#lookAtWebhooks();
      await this.#prune();
      await this.#keepResultsToBudget();
    } finally {
      await this.#parts.turn.pass(
        Math.round(Math.max(this.#times.everyMs * 0.8, (performance.now() - startedMs) / LOOK_SHARE)),
      );
    }
  }

  async #lookAt(job: AcceptedJob, progress: JobProgress | null, seen: Map<string, JobProgress>): Promise<void> {
    const ended = progress !== null && isFinal(statusOf(progress));
    // A job that its API node is about to accept is on the list already; if the API node dies, its lease ends it.
    if (progress === null || (ended && progress.acceptedAtMs === null)) {
      await this.#parts.jobs.endWork(job);
      await this.#parts.jobIndex.unwatch(job);
    } else if (ended || progress.state === 'assembling') {
      this.#parts.settler.soon(job.id);
    } else if (progress.state === 'running') {
      seen.set(job.id, progress);
      await this.#keepAudio(job.id, progress);
    }
  }

  async #keepAudio(id: string, { done }: JobProgress): Promise<void> {
    const now = performance.now();
    const watched = this.#watched.get(id);
    if (watched === undefined) {
      this.#watched.set(id, { done, quietSinceMs: now, keptAtMs: now });
    } else if (now - watched.keptAtMs > KEEP_AUDIO_EVERY_MS) {
      watched.keptAtMs = now;
      await this.#parts.audio.keep(id, ACCEPTED_AUDIO_LIFE_MS);
    }
  }

  /** Queues open tickets that the queue does not know, and those of a quiet job's held items. A ticket that is on its way meanwhile is one entry all the same. */
  async #queueLostTickets(seen: ReadonlyMap<string, JobProgress>): Promise<void> {
    const now = performance.now();
    const open = new Map<string, { readonly job: WorkId; readonly ticket: number }[]>();
    let quiet = 0;
    for (const [id, progress] of seen) {
      if (this.#closed) return;
      if (progress.openTicket !== null) {
        const tickets = open.get(progress.modelSlug) ?? [];
        tickets.push({ job: id, ticket: progress.openTicket });
        open.set(progress.modelSlug, tickets);
      }
      const watched = this.#watched.get(id);
      if (watched === undefined) continue;
      if (watched.done !== progress.done || progress.held === 0) {
        Object.assign(watched, { done: progress.done, quietSinceMs: now });
      } else if (now - watched.quietSinceMs >= this.#times.quietMs) {
        watched.quietSinceMs = now;
        if (++quiet % PAGE === 0) await this.#parts.turn.hold();
        await this.#parts.jobs.queueTickets({ id, lane: progress.lane, modelSlug: progress.modelSlug });
      }
    }
    for (const [slug, tickets] of open) {
      for (let at = 0; at < tickets.length; at += PAGE) {
        await this.#parts.turn.hold();
        for (const { job } of await this.#parts.queues.missing(slug, tickets.slice(at, at + PAGE))) {
          const lane = seen.get(job)?.lane;
          if (lane !== undefined) await this.#parts.jobs.queueTickets({ id: job, lane, modelSlug: slug });
        }
      }
    }
  }

  async #lookAtWebhooks(): Promise<void> {
    for (const job of await this.#parts.webhookLog.overdue(Date.now() - this.#times.webhookLateMs, PAGE)) {
      if (this.#closed) return;
      await this.#parts.webhooks.requeue(job);
    }
  }

  async #keepResultsToBudget(): Promise<void> {
    const dropped = await this.#parts.results.enforce();
    if (dropped > 0)
      this.#parts.logger.warn(
        { jobs: dropped },
        "transcripts were dropped before their time: together they exceeded their share of Redis' memory; give Redis more memory or jobs a shorter retention",
      );
  }

  async #prune(): Promise<void> {
    if (performance.now() - this.#prunedAtMs < PRUNE_EVERY_MS) return;
    this.#pruneCursor = await this.#parts.jobIndex.prune(this.#pruneCursor, PAGE);
    if (this.#pruneCursor === '0') this.#prunedAtMs = performance.now();
  }
}
