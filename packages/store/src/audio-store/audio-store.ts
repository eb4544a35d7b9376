import type { ChunkIndex, JobId, JobState } from '@murmuration/contracts';
import type { Logger } from '@murmuration/runtime';
import type { Redis } from '../connections.js';
import { jobKeys } from '../keys.js';

/** How a chunk's PCM is stored. */
export interface PutOptions {
  /** For work that can wait: takes a third less room and some milliseconds more (figures in `pcm-packet.ts`). */
  readonly compress?: boolean;
}

/**
 * Where the PCM of chunks (signed 16-bit little endian, mono) lies until they are done. Owned by the job: it goes when the job goes.
 * Once `put` has resolved, `get` finds the bytes from any process of the cluster. Jobs are named by our ids: letters, digits, `.`, `_`, `-`.
 */
export interface AudioStore {
  /** A `put` that takes longer than this has failed, milliseconds: what an API node should wait for. */
  readonly putLimitMs: number;
  /**
   * Stores a chunk's PCM, in place of what was there, for `lifeMs` at least unless it is kept longer. The caller keeps the bytes.
   * Throws `storage_full` when the disk is full.
   */
  put(job: JobId, index: ChunkIndex, pcm: Uint8Array, lifeMs: number, options?: PutOptions): Promise<void>;
  /** The PCM as it was stored, the receiver's own, or null when it is gone. */
  get(job: JobId, index: ChunkIndex): Promise<Buffer | null>;
  /** Does nothing when it is gone. */
  delete(job: JobId, index: ChunkIndex): Promise<void>;
  deleteAll(job: JobId): Promise<void>;
  /** Keeps all of the job for another `lifeMs` from now. Does nothing when nothing is there. */
  keep(job: JobId, lifeMs: number): Promise<void>;
  /** False when no more work should be admitted: the store, or Redis, is at its budget. */
  hasRoom(): Promise<boolean>;
  /**
   * Removes the audio of jobs that nobody has added to for `idleMs` and that are not alive: what crashes left. Answers how many jobs.
   * Does nothing where audio expires by itself. Stops with what `isAlive` throws.
   */
  sweep(idleMs: number, isAlive: (job: JobId) => Promise<boolean>): Promise<number>;
  close(): void;
}

/** Throws `RangeError` for a job or index that could name something else than a chunk's place. */
export function requirePlace(job: JobId, index: ChunkIndex): void {
  if (!isJobName(job)) throw new RangeError('the job has no name that a store takes');
  if (!Number.isInteger(index) || index < 0) throw new RangeError('a chunk has an index from 0 up');
}

/** Whether a store may have made a place of this name. */
export function isJobName(name: string): boolean {
  return /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(name);
}

/** The manifest of an ended job may stay for weeks; nobody reads its audio. */
const NEEDS_AUDIO: ReadonlySet<string> = new Set<JobState>(['receiving', 'running']);

/** Now and then removes audio that crashes left behind in stores that do not forget by themselves. Any number of nodes may do so. */
export class OrphanSweep {
  readonly #timer: NodeJS.Timeout;
  readonly #sweep: () => Promise<number>;
  #running: Promise<unknown> = Promise.resolve();

  /** @param idleMs audio of jobs that are not in Redis, or have ended, is an orphan when it has not changed for so long */
  constructor(
    store: AudioStore,
    redis: Redis,
    logger: Logger,
    { everyMs, idleMs }: { readonly everyMs: number; readonly idleMs: number },
  ) {
    this.#sweep = () =>
      store.sweep(idleMs, async (job) => NEEDS_AUDIO.has((await redis.hget(jobKeys(job).job, 'state')) ?? ''));
    this.#timer = setInterval(() => {
      this.#running = this.#running
        .then(() => this.#sweep())
        .then(
          (jobs) => {
            if (jobs > 0) logger.info({ jobs }, 'removed audio that belonged to no job any more');
          },
          (error: unknown) => {
            logger.warn(
              { reason: error instanceof Error ? error.message : String(error) },
              'cannot look for audio that belongs to no job',
            );
          },
        );
    }, everyMs);
    this.#timer.unref();
  }

  /** Waits for the sweep in progress. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }
}
