import {
  samplesToMs,
  type DecodeOptions,
  type ErrorRecord,
  type JobMetadata,
  type JobPriority,
  type JobState,
  type Lane,
  type PlannedChunk,
  type RecordingSummary,
  type Webhook,
  type JobId,
} from '@murmuration/contracts';
import type { AudioStore } from './audio-store/audio-store.js';
import type { Redis } from './connections.js';
import { JobsInProgress } from './jobs/jobs-in-progress.js';
import { CANCELLED_CHANNEL, REWRITE_KEYS, SETTLE_CHANNEL, jobKeys } from './keys.js';
import { loadScript, runLua } from './redis-commands.js';
import { drawBase, ticketsOf } from './work/held-items.js';
import type { TicketPlace, TicketQueues } from './work/ticket-queue.js';

const addItems = loadScript('add-items');
const createJob = loadScript('create-job');
const renewJob = loadScript('renew-job');
const acceptJob = loadScript('accept-job');
const withdrawJob = loadScript('withdraw-job');
const endOfItems = loadScript('end-of-items');
const endJob = loadScript('end-job');

/** What a job is, as its manifest says. */
export interface JobIdentity {
  readonly id: string;
  /** The id that its owner gave it, where it is stored under another. */
  readonly name?: string;
  readonly lane: Lane;
  readonly modelId: string;
  readonly modelSlug: string;
  readonly decode: DecodeOptions;
  /** True when the first chunk with text decides the language; until then chunks go one by one. */
  readonly awaitsLanguage: boolean;
  /** Name of the API key that it belongs to, or null without keys. */
  readonly owner: string | null;
  /** Where tracing is on, the W3C `traceparent` of the request. */
  readonly trace?: string;
}

/** What a submitted job has besides. */
export interface JobTerms {
  readonly priority: JobPriority;
  readonly retentionSeconds: number;
  readonly metadata: JobMetadata | null;
  readonly webhook: Webhook | null;
  /** For `SegmentJoiner`: the same on every node that reads the job's events. */
  readonly holdFromMs: number;
  /** The answer's language when no chunk names one, or null. */
  readonly fallbackLanguage: string | null;
}

/** Names a job and its queue. */
export type JobPlace = Pick<JobIdentity, 'id' | 'lane' | 'modelSlug'>;

/** Audio of an accepted job stays this long unless it is kept longer, milliseconds. */
export const ACCEPTED_AUDIO_LIFE_MS = 7 * 24 * 3_600_000;
/** The last event of a submission that was taken back can be read for this long, milliseconds. */
const WITHDRAWN_EVENTS_MS = 10_000;

/**
 * A job's life, as the API node that owns it drives it. The states stand in contracts (`jobStateSchema`).
 * A job lives as long as its lease: when the API node stops renewing it, all its keys expire, and workers take its absence for a cancellation.
 * An accepted job has no lease and needs no API node: it stays until it is settled (`JobArchive`).
 */
export class JobStore {
  /** Lists of jobs whose lease runs, and of accepted ones. */
  readonly inProgress: JobsInProgress;
  readonly #redis: Redis;
  readonly #queues: TicketQueues;
  readonly #audio: AudioStore;
  readonly #leaseMs: number;
  readonly #drawBase: () => number;

  /** @param base draws what a job's fences and tickets are numbered from */
  constructor(redis: Redis, queues: TicketQueues, audio: AudioStore, leaseMs: number, base: () => number = drawBase) {
    this.#redis = redis;
    this.#queues = queues;
    this.#audio = audio;
    this.#leaseMs = leaseMs;
    this.#drawBase = base;
    this.inProgress = new JobsInProgress(redis);
  }

  /** Writes the manifest, with its terms when the job is a submitted one. Answers when it was created (Unix milliseconds), or null when the id is taken. */
  async create(job: JobIdentity, terms: JobTerms | null = null): Promise<number | null> {
    const base = this.#drawBase();
    const fields: Record<string, string | number> = {
      id: job.id,
      state: 'receiving',
      lane: job.lane,
      model: job.modelId,
      slug: job.modelSlug,
      decode: JSON.stringify(job.decode),
      planned: 0,
      plannedMs: 0,
      held: 0,
      base,
      ticket: base,
      ticketOpen: 0,
      done: 0,
      doneMs: 0,
      front: 0,
      entries: 0,
      awaitsLanguage: job.awaitsLanguage ? 1 : 0,
      continuesText: job.decode.conditionOnPreviousText ? 1 : 0,
      ...(job.name === undefined ? {} : { name: job.name }),
      ...(job.owner === null ? {} : { owner: job.owner }),
      ...(job.trace === undefined ? {} : { trace: job.trace }),
      ...(terms === null
        ? {}
        : {
            priority: terms.priority,
            retentionSeconds: terms.retentionSeconds,
            holdFromMs: terms.holdFromMs,
            fallbackLanguage: terms.fallbackLanguage ?? '',
          }),
    };
    const attached = [terms?.metadata ?? null, terms?.webhook ?? null].map((value) =>
      value === null ? '' : JSON.stringify(value),
    );
    // Counted first: should this process die in between, the append-only file is rewritten all the same.
    await this.#redis.incr(REWRITE_KEYS.begun);
    const createdAtMs = (await runLua(this.#redis, createJob, workKeys(job.id), [
      this.#leaseMs,
      ...attached,
      ...Object.entries(fields).flat(),
    ])) as number | null;
    if (createdAtMs !== null) await this.inProgress.add(job, this.#leaseMs);
    return createdAtMs;
  }

  /** Stores the PCM of a chunk that is about to become a work item. */
  async storeAudio(job: JobIdentity, chunk: Pick<PlannedChunk, 'index'>, pcm: Uint8Array): Promise<void> {
    await this.#audio.put(job.id, chunk.index, pcm, this.#leaseMs, { compress: job.lane === 'batch' });
  }

  /**
   * Makes chunks whose audio is stored work items, in one script; a ticket is queued when the job has no open one.
   * Returns false when the job has ended: then their audio is gone, too.
   */
  async addItems(job: JobIdentity, chunks: readonly PlannedChunk[]): Promise<boolean> {
    if (chunks.length === 0) return true;
    const keys = jobKeys(job.id);
    const [outcome, ticket = 0, first = 0] = (await runLua(
      this.#redis,
      addItems,
      [keys.job, keys.chunks, keys.pending, keys.tries],
      chunks.flatMap((chunk) => [chunk.index, JSON.stringify(chunk), samplesToMs(chunk.samples)]),
    )) as ['ok' | 'gone', number?, number?];
    if (outcome === 'gone') {
      await Promise.all(chunks.map((chunk) => this.#audio.delete(job.id, chunk.index)));
      return false;
    }
    if (ticket > 0) await this.#queues.add(job.modelSlug, job, [{ ticket, first }]);
    return true;
  }

  /** Stores a chunk's PCM and makes it a work item. Returns false when the job has ended. */
  async addChunk(job: JobIdentity, chunk: PlannedChunk, pcm: Uint8Array): Promise<boolean> {
    await this.storeAudio(job, chunk, pcm);
    return this.addItems(job, [chunk]);
  }

  /** Says that every chunk is planned; the last result then ends the job. */
  async endOfChunks(job: JobIdentity): Promise<void> {
    const keys = jobKeys(job.id);
    await runLua(this.#redis, endOfItems, [keys.job, keys.events], [keys.wake]);
  }

  /**
   * Accepts the job for good: it lives without its API node from now on, and so does its audio. To be called when nothing renews its lease any more.
   * Answers false when it is gone or was cancelled. Throws when the answer is not known; calling it again is no harm.
   */
  async accept(job: JobIdentity, summary: RecordingSummary): Promise<boolean> {
    await this.#audio.keep(job.id, ACCEPTED_AUDIO_LIFE_MS);
    await this.inProgress.add(job, null);
    const state = (await runLua(this.#redis, acceptJob, workKeys(job.id), [
      JSON.stringify(summary),
      summary.durationMs,
      jobKeys(job.id).wake,
      SETTLE_CHANNEL,
    ])) as JobState | 'gone';
    return state === 'running' || state === 'assembling' || state === 'done';
  }

  /** Keeps the job alive for another lease. Answers false when it has expired or does not live by a lease any more. */
  async renew(job: JobIdentity): Promise<boolean> {
    const renewed = await runLua(this.#redis, renewJob, workKeys(job.id), [this.#leaseMs]);
    if (renewed !== 1) return false;
    await Promise.all([this.#audio.keep(job.id, this.#leaseMs), this.inProgress.add(job, this.#leaseMs)]);
    return true;
  }

  /** Queues the job's tickets again; those that the queue knows stay as they are. For tickets lost in a crash between two writes. */
  async queueTickets(job: JobPlace): Promise<void> {
    await this.#queues.add(job.modelSlug, job, await this.tickets(job));
  }

  /** Ends the job before its time and takes its entries off the queue. Does nothing when it has ended. */
  async end(job: Pick<JobIdentity, 'id'>, state: 'failed' | 'cancelled', error: ErrorRecord | null): Promise<void> {
    if (await this.#end(job, state, error, SETTLE_CHANNEL)) await this.#redis.publish(CANCELLED_CHANNEL, job.id);
  }

  async #end(
    job: Pick<JobIdentity, 'id'>,
    state: 'failed' | 'cancelled',
    error: ErrorRecord | null,
    settleChannel: string,
  ): Promise<boolean> {
    const keys = jobKeys(job.id);
    const values = [state, error === null ? '' : JSON.stringify(error), keys.wake, settleChannel];
    return (await runLua(this.#redis, endJob, [keys.job, keys.events], values)) === 1;
  }

  /** Takes everything of the job away: entries, audio, results, events, manifest. */
  async remove(job: JobPlace): Promise<void> {
    await this.#queues.remove(job.modelSlug, job.id, await this.tickets(job));
    await this.#audio.deleteAll(job.id);
    await this.#redis.unlink(...workKeys(job.id));
    await this.inProgress.drop(job);
  }

  /**
   * Takes a submission back that was not accepted; its last event can be read for some seconds more. Its id can be used again when nothing else of it is left.
   * Answers false when a client has deleted it: then what is left of it stays.
   * @param forget takes away what the caller keeps of it
   */
  async withdraw(
    job: JobPlace,
    error: ErrorRecord,
    forget: () => Promise<void> = () => Promise.resolve(),
  ): Promise<boolean> {
    const type = error.code === 'cancelled' ? 'cancelled' : 'failed';
    const tickets = await this.tickets(job);
    await this.#end(job, type, error, '');
    await this.stopWork(job, tickets);
    if ((await this.#redis.hexists(jobKeys(job.id).job, 'purged')) === 1) return false;
    await forget();
    const outcome = await runLua(this.#redis, withdrawJob, workKeys(job.id), [
      type,
      JSON.stringify(error),
      jobKeys(job.id).wake,
      WITHDRAWN_EVENTS_MS,
    ]);
    return outcome !== 'purged';
  }

  /** Tells workers to drop the job, and takes these of its tickets and its audio away. */
  async stopWork(job: JobPlace, tickets: readonly TicketPlace[]): Promise<void> {
    await this.#redis.publish(CANCELLED_CHANNEL, job.id);
    await this.#queues.remove(job.modelSlug, job.id, tickets);
    await this.endWork(job);
  }

  /** Takes the audio away; the job no longer takes a share of the workers. */
  async endWork(job: Pick<JobPlace, 'id' | 'modelSlug'>): Promise<void> {
    await this.#audio.deleteAll(job.id);
    await this.inProgress.drop(job);
  }

  /** The tickets that the job must have on the queue: the open one, and those under which items are held. None of a job that has ended. */
  async tickets(job: Pick<JobPlace, 'id'>): Promise<TicketPlace[]> {
    return ticketsOf(this.#redis, jobKeys(job.id));
  }
}

/** Everything that work on a job needs: the manifest first, then the events as the sixth and what the client attached as the last. */
function workKeys(job: JobId): string[] {
  const keys = jobKeys(job);
  return [keys.job, keys.chunks, keys.pending, keys.tries, keys.results, keys.events, keys.terms];
}
