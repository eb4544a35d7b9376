import { isFinal } from '@murmuration/contracts';
import { ACCEPTED_AUDIO_LIFE_MS, type AcceptedJob, type AudioStore, type ChunkQueues, type JobLedger, type JobProgress, type JobStore, type Turn, type WebhookLog } from '@murmuration/queue';
import type { Logger } from '@murmuration/runtime';
import type { Settler } from './settler.js';
import { statusOf } from './to-job.js';
import type { Webhooks } from './webhooks.js';

export interface ReconcilerParts {
  readonly turn: Turn;
  readonly ledger: JobLedger;
  readonly jobs: JobStore;
  readonly queues: ChunkQueues;
  readonly audio: AudioStore;
  readonly settler: Settler;
  readonly webhooks: Webhooks;
  readonly webhookLog: WebhookLog;
  readonly logger: Logger;
}

export interface ReconcilerTimes {
  /** Between two looks in the whole cluster, milliseconds. */
  readonly everyMs: number;
  /** A job that has not moved for so long is looked at closely. */
  readonly quietMs: number;
  /** Where nothing seems lost, a quiet job's entries are queued again after this, then after twice that, and so on. */
  readonly requeueAfterMs: number;
  /** A webhook that is late by this is queued again. */
  readonly webhookLateMs: number;
}

export const RECONCILER_TIMES: ReconcilerTimes = { everyMs: 3_000, quietMs: 5_000, requeueAfterMs: 120_000, webhookLateMs: 30_000 };

const LONGEST_REQUEUE_MS = 10 * 60_000;
const KEEP_AUDIO_EVERY_MS = 3_600_000;
const PRUNE_EVERY_MS = 60_000;
const PAGE = 200;
/** Looking takes this share of one node's time at most, however many jobs there are. */
const LOOK_SHARE = 1 / 10;

/** What this node remembers of a job between two looks. */
interface Watched {
  done: number;
  quietSinceMs: number;
  requeueAtMs: number;
  pauseMs: number;
  keptAtMs: number;
}

/**
 * Looks after accepted jobs, on one node at a time: settles those whose call was lost, queues again what crashes took off the queues,
 * keeps their audio, queues late webhooks again, and takes jobs that are gone off the lists.
 */
export class Reconciler {
  readonly #parts: ReconcilerParts;
  readonly #times: ReconcilerTimes;
  readonly #watched = new Map<string, Watched>();
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> = Promise.resolve();
  #idle = true;
  #closed = false;
  #pruneCursor = '0';
  #prunedAtMs = performance.now();

  constructor(parts: ReconcilerParts, times: ReconcilerTimes = RECONCILER_TIMES) {
    this.#parts = parts;
    this.#times = times;
    this.#timer = setInterval(() => { this.#tick(); }, times.everyMs);
    this.#timer.unref();
  }

  /** Resolves when the look in hand is over. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#looking;
  }

  #tick(): void {
    if (!this.#idle) return;
    this.#idle = false;
    this.#looking = this.#look().catch((error: unknown) => {
      this.#parts.logger.warn({ reason: error instanceof Error ? error.message : String(error) }, 'cannot look after accepted jobs; trying again');
    }).finally(() => { this.#idle = true; });
  }

  async #look(): Promise<void> {
    if (!await this.#parts.turn.take()) return;
    const startedMs = performance.now();
    try {
      const seen = new Map<string, JobProgress>();
      for (let offset = 0; !this.#closed; offset += PAGE) {
        await this.#parts.turn.hold();
        const page = await this.#parts.ledger.watched(offset, PAGE);
        const all = await this.#parts.ledger.progress(page.map((job) => job.id));
        for (const [i, job] of page.entries()) await this.#lookAt(job, all[i] ?? null, seen);
        if (page.length < PAGE) break;
      }
      await this.#requeueLost(seen);
      for (const id of this.#watched.keys()) if (!seen.has(id)) this.#watched.delete(id);
      await this.#lookAtWebhooks();
      await this.#prune();
    } finally {
      await this.#parts.turn.pass(Math.round(Math.max(this.#times.everyMs * 0.8, (performance.now() - startedMs) / LOOK_SHARE)));
    }
  }

  async #lookAt(job: AcceptedJob, progress: JobProgress | null, seen: Map<string, JobProgress>): Promise<void> {
    const ended = progress !== null && isFinal(statusOf(progress));
    // A job that its door is about to accept is on the list already; if the door dies, its lease ends it.
    if (progress === null || (ended && progress.acceptedAtMs === null)) {
      await this.#parts.jobs.endWork(job);
      await this.#parts.ledger.unwatch(job);
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
      this.#watched.set(id, { done, quietSinceMs: now, requeueAtMs: now + this.#times.requeueAfterMs, pauseMs: this.#times.requeueAfterMs, keptAtMs: now });
    } else if (now - watched.keptAtMs > KEEP_AUDIO_EVERY_MS) {
      watched.keptAtMs = now;
      await this.#parts.audio.keep(id, ACCEPTED_AUDIO_LIFE_MS);
    }
  }

  /** Queues entries of quiet jobs again: at once where a queue holds fewer than its jobs say, else now and then. */
  async #requeueLost(seen: ReadonlyMap<string, JobProgress>): Promise<void> {
    const now = performance.now();
    const short = await this.#shortQueues(seen.values());
    let requeued = 0;
    for (const [id, progress] of seen) {
      if (this.#closed) return;
      const watched = this.#watched.get(id);
      if (watched === undefined) continue;
      if (watched.done !== progress.done) {
        Object.assign(watched, { done: progress.done, quietSinceMs: now, requeueAtMs: now + this.#times.requeueAfterMs, pauseMs: this.#times.requeueAfterMs });
        continue;
      }
      const lost = short.has(progress.modelSlug) && now - watched.quietSinceMs >= this.#times.quietMs;
      if (!lost && now < watched.requeueAtMs) continue;
      if (++requeued % PAGE === 0) await this.#parts.turn.hold();
      await this.#parts.jobs.requeueLost({ id, lane: progress.lane, modelSlug: progress.modelSlug });
      watched.pauseMs = Math.min(watched.pauseMs * 2, LONGEST_REQUEUE_MS);
      watched.requeueAtMs = now + watched.pauseMs;
    }
  }

  /** Models on whose queue fewer entries are than accepted jobs have put there. */
  async #shortQueues(all: Iterable<JobProgress>): Promise<Set<string>> {
    const queued = new Map<string, number>();
    for (const { modelSlug, queued: count } of all) queued.set(modelSlug, (queued.get(modelSlug) ?? 0) + count);
    const short = new Set<string>();
    for (const [slug, count] of queued) {
      const { waiting, active } = await this.#parts.queues.counts(slug);
      if (waiting + active < count) short.add(slug);
    }
    return short;
  }

  async #lookAtWebhooks(): Promise<void> {
    for (const job of await this.#parts.webhookLog.overdue(Date.now() - this.#times.webhookLateMs, PAGE)) {
      if (this.#closed) return;
      await this.#parts.webhooks.requeue(job);
    }
  }

  async #prune(): Promise<void> {
    if (performance.now() - this.#prunedAtMs < PRUNE_EVERY_MS) return;
    this.#pruneCursor = await this.#parts.ledger.prune(this.#pruneCursor, PAGE);
    if (this.#pruneCursor === '0') this.#prunedAtMs = performance.now();
  }
}
