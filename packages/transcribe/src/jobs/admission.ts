import { mayTake } from '@murmuration/access';
import { AsrError, type Lane, type ModelCard } from '@murmuration/contracts';
import {
  storeCall,
  type AudioStore,
  type JobManifest,
  type JobsInProgress,
  type StoredBytes,
} from '@murmuration/store';
import type { ModelRegistry } from '../model-registry.js';
import type { Usage } from '../usage.js';
import { storeFull } from '../recording-planner.js';
import { Backlog, WAIT_FOR_ROOM_S, secondsUntilRoom } from './backlog.js';

/** Says what is let in, and how long what is in will take. */
export class Admission {
  readonly #registry: ModelRegistry;
  readonly #audio: Pick<AudioStore, 'hasRoom'>;
  readonly #backlog: Backlog;
  readonly #maxBacklogMs: number;
  readonly #stored: Pick<StoredBytes, 'whenScarce'>;
  readonly #owners: () => number;
  readonly #usage: Pick<Usage, 'admit'>;

  /**
   * @param maxBacklogMs audio of one model, planned and not yet transcribed, beyond which nothing more is let in; milliseconds
   * @param owners how many may come at all: they share the backlog and what may be stored
   */
  constructor(
    registry: ModelRegistry,
    audio: Pick<AudioStore, 'hasRoom'>,
    jobs: Pick<JobsInProgress, 'unfinished'>,
    stored: Pick<StoredBytes, 'whenScarce'>,
    maxBacklogMs: number,
    owners: () => number,
    usage: Pick<Usage, 'admit'>,
  ) {
    this.#usage = usage;
    this.#registry = registry;
    this.#stored = stored;
    this.#owners = owners;
    this.#audio = audio;
    this.#backlog = new Backlog(jobs);
    this.#maxBacklogMs = maxBacklogMs;
  }

  /** Throws `queue_full` when the store is full, or when the work would wait behind more than the budget; sooner where the owner has its share of either; `insufficient_quota` when the owner has used up its month. Urgent work does not wait for batch work. */
  async admit({ model }: Pick<ModelCard, 'model'>, lane: Lane, owner: string | null): Promise<void> {
    await this.#usage.admit(owner);
    if (!(await storeCall(() => this.#audio.hasRoom()))) throw storeFull();
    await this.#requireStoreShare(owner);
    const backlog = await this.#backlog.of(model.slug);
    const aheadMs = backlog.aheadMs(lane);
    if (aheadMs < this.#maxBacklogMs) {
      if (this.#leavesShare(this.#maxBacklogMs, aheadMs, backlog.ownersAheadMs(lane), owner)) return;
      throw new AsrError(
        'queue_full',
        'The owner of this API key has its share of the work that is admitted. Wait until some of it is done, then send it again.',
        { retryAfterSeconds: WAIT_FOR_ROOM_S },
      );
    }
    const speed = await this.#speed(model.slug);
    const waiting = `There is more work than is admitted: ${duration(aheadMs / 1_000)} of audio`;
    if (speed === 0)
      throw new AsrError('queue_full', `${waiting}, and no worker is up. Send it again later.`, {
        retryAfterSeconds: secondsUntilRoom(0, 0),
      });
    throw new AsrError(
      'queue_full',
      `${waiting}, which takes about ${duration(aheadMs / 1_000 / speed)} at the speed seen lately. Wait for the seconds in Retry-After, then send it again.`,
      {
        retryAfterSeconds: secondsUntilRoom(Math.max(aheadMs - this.#maxBacklogMs, this.#maxBacklogMs / 100), speed),
      },
    );
  }

  /** True when an owner has not more than its share of what is scarce. */
  #leavesShare(
    capacity: number,
    taken: number,
    byOwner: ReadonlyMap<string | null, number>,
    owner: string | null,
  ): boolean {
    const own = byOwner.get(owner) ?? 0;
    const holders = byOwner.size + (byOwner.has(owner) ? 0 : 1);
    return mayTake({ capacity, taken, own, holders, owners: this.#owners() }, 0);
  }

  /** Audio of the model that waits or is in work, seconds. Throws `backend_unavailable`. */
  async backlogSeconds(slug: string): Promise<number> {
    return (await this.#backlog.of(slug)).aheadMs('batch') / 1_000;
  }

  async #requireStoreShare(owner: string | null): Promise<void> {
    if (this.#owners() <= 1) return;
    const stored = await storeCall(() => this.#stored.whenScarce());
    if (stored === null) return;
    const { capacityBytes, takenBytes, byOwner } = stored;
    if (this.#leavesShare(capacityBytes, takenBytes, byOwner, owner)) return;
    throw new AsrError(
      'queue_full',
      'The owner of this API key has its share of what may be stored. Delete jobs that are no longer needed, or wait until they expire, then send it again.',
      { retryAfterSeconds: WAIT_FOR_ROOM_S },
    );
  }

  /** Seconds until the job is done, from the speed seen lately; null when it has ended or no worker is up. Throws `backend_unavailable`. */
  async secondsLeft(
    job: Pick<JobManifest, 'state' | 'modelSlug' | 'lane' | 'plannedMs' | 'doneMs'>,
  ): Promise<number | null> {
    if (job.state !== 'receiving' && job.state !== 'running') return job.state === 'assembling' ? 0 : null;
    const speed = await this.#speed(job.modelSlug);
    if (speed === 0) return null;
    const view = await this.#backlog.of(job.modelSlug);
    const leftMs = Math.max(0, job.plannedMs - job.doneMs);
    return Math.ceil(Math.max(leftMs, view.untilDoneMs(job.lane, leftMs)) / 1_000 / speed);
  }

  /** Audio seconds a second of all workers of the model together; 0 without any. */
  async #speed(slug: string): Promise<number> {
    const { workers } = await this.#registry.cards();
    return workers
      .filter((card) => card.model.slug === slug && !card.draining)
      .reduce((sum, card) => sum + (card.recentSpeed ?? card.speed), 0);
  }
}

/** Owners that hold some, this one included. */
function duration(seconds: number): string {
  if (seconds < 120) return seconds <= 1 ? '1 second' : `${String(Math.ceil(seconds))} seconds`;
  if (seconds < 7_200) return `${String(Math.round(seconds / 60))} minutes`;
  return `${String(Math.round(seconds / 3_600))} hours`;
}
