import type { ModelDescription, Recognition } from '@murmuration/contracts';
import { msToSamples, padToGrid, samplesToMs } from '@murmuration/contracts/audio-format';
import type { LoadOptions } from '../families/model-family.js';
import { FAMILIES } from '../families/registry.js';
import type { Pipeline, RecognizerInput } from '../recognizer.js';
import { CancelFlags } from './session-methods.js';
import { SimulatedSession, ThreadSession, type PoolSession } from './pool-session.js';
import { LOADED_FRACTION, type PoolProgress, rowsToWarm, type ShapeTimes, warmUp } from './warm-up.js';

/** Default largest batch. On a CPU 16 rows gain 6 % over 8 and double a batch's time. */
const DEFAULT_MAX_BATCH = { cpu: 8, gpu: 32 } as const;

export interface PoolOptions extends Omit<LoadOptions, 'threads'> {
  /** Sessions side by side: one a core on a CPU, 1 on a GPU. */
  readonly sessions: number;
  /** Threads inside an operator; default 1. */
  readonly threads?: number;
  /** Largest batch, warmed at the start. Default 8 on a CPU, 32 elsewhere. */
  readonly maxBatch?: number;
}

/** What the warm-up found. */
interface Warmed {
  readonly maxBatch: number;
  readonly times: ShapeTimes;
  readonly pipeline: Pipeline;
}

/** A chunk of a batch. */
export interface PoolRow extends Omit<RecognizerInput, 'pcm'> {
  /** Signed 16-bit PCM, mono, 16 kHz; not changed. */
  readonly pcm: Int16Array;
  /** Asked while the batch runs; true ends the row with nothing. */
  readonly cancelled?: () => boolean;
}

export interface PoolResult {
  /** In the order of the rows. */
  readonly recognitions: readonly Recognition[];
  /** Time inside the session, milliseconds; what passed while the batch before was still in it is that one's. */
  readonly inferenceMs: number;
  /** How long the device computed since the session's last answer, milliseconds. */
  readonly deviceMs: number;
}

/**
 * Sessions of one model, each in a thread of its own. Each session: idle → busy (one batch) → idle; where its pipeline is deeper also busy → full (the
 * next batch is made ready beside the first) → busy; any → dead when its thread ends.
 * The pool never queues: the caller of `run` chooses the batch.
 */
export class RecognizerPool {
  readonly description: ModelDescription;
  #maxBatch: number;
  #sessions: readonly PoolSession[];
  /** Batches that each living session has. */
  readonly #load = new Map<PoolSession, number>();
  #times: ShapeTimes;
  #pipeline: Pipeline;
  #closed = false;
  #fault: Error | null = null;
  #onFault: (error: Error) => void = () => undefined;

  private constructor(
    description: ModelDescription,
    sessions: readonly PoolSession[],
    { maxBatch, times, pipeline }: Warmed,
  ) {
    this.description = description;
    this.#maxBatch = maxBatch;
    this.#sessions = sessions;
    this.#times = times;
    this.#pipeline = pipeline;
    for (const session of sessions) this.#load.set(session, 0);
    this.#watch(sessions);
  }

  /** Loads the model once a session and warms every shape. Throws what is wrong with files, dtype, device or memory (`isOutOfMemory`); no thread is left then. */
  static async load(options: PoolOptions, onProgress: PoolProgress = () => undefined): Promise<RecognizerPool> {
    const {
      sessions: count,
      maxBatch = options.device === 'cpu' ? DEFAULT_MAX_BATCH.cpu : DEFAULT_MAX_BATCH.gpu,
      threads = 1,
      ...model
    } = options;
    if (!Number.isInteger(count) || count < 1) throw new RangeError('sessions must be a whole number, 1 or more');
    if (!Number.isInteger(maxBatch) || maxBatch < 1) throw new RangeError('maxBatch must be a whole number, 1 or more');
    onProgress(0, `loading ${model.model.id}`);
    const opened = await openAll(count, { ...model, gpu: { ...model.gpu, maxRows: maxBatch }, threads });
    onProgress(
      LOADED_FRACTION,
      `loaded ${model.model.id} into ${String(count)} ${count === 1 ? 'session' : 'sessions'}`,
    );
    return RecognizerPool.over(opened, maxBatch, onProgress);
  }

  /**
   * A pool over sessions of one model that are open already; warms them, with fewer rows a batch where memory does not suffice. Closes them when that fails.
   */
  static async over(
    sessions: readonly PoolSession[],
    maxBatch: number,
    onProgress: PoolProgress = () => undefined,
  ): Promise<RecognizerPool> {
    try {
      const [first] = sessions;
      if (first === undefined) throw new RangeError('the pool has no session');
      const description = await first.describe();
      const warmed = await warmUp(description, sessions, maxBatch, onProgress);
      return new RecognizerPool(description, sessions, { ...warmed, pipeline: await first.pipeline() });
    } catch (error) {
      await Promise.all(sessions.map((session) => session.close()));
      throw error;
    }
  }

  /**
   * Opens sessions of the same model in another way (on another device) while those that there are go on, warms them, and lets them take over: a batch
   * that runs ends where it began, and what ran it is closed. Throws what is wrong with the new ones; the pool is as it was then.
   */
  async replaceSessions(
    options: Omit<PoolOptions, 'maxBatch'>,
    onProgress: PoolProgress = () => undefined,
  ): Promise<void> {
    const next = await RecognizerPool.load({ ...options, maxBatch: this.maxBatch }, onProgress);
    if (this.#closed) {
      await next.close();
      return;
    }
    const before = this.#sessions;
    this.#sessions = next.#sessions;
    this.#times = next.#times;
    this.#maxBatch = next.#maxBatch;
    this.#pipeline = next.#pipeline;
    this.#watch(this.#sessions);
    for (const session of before) this.#load.delete(session);
    for (const session of this.#sessions) this.#load.set(session, 0);
    await Promise.all(before.map((session) => session.close()));
  }

  /** Rows of the largest batch: what was asked for, or less where the device's memory does not suffice. */
  get maxBatch(): number {
    return this.#maxBatch;
  }

  /** Sizes of batch that were warmed, smallest first; any other up to `maxBatch` runs, too, without having been warmed. */
  get batchSizes(): readonly number[] {
    return rowsToWarm(this.maxBatch);
  }

  get sessions(): number {
    return this.#sessions.length;
  }

  get idleSessions(): number {
    return this.#loaded(0).length;
  }

  /** Batches that may be handed over beside those that run, to be made ready. */
  get roomAhead(): number {
    return this.#pipeline.depth > 1 ? this.#loaded(1).length : 0;
  }

  /** Batches that a session may have at once. */
  get depth(): number {
    return this.#pipeline.depth;
  }

  /** Share of a batch's time, 0 to 1, that passes before its decoder begins, as rehearsed. */
  get preparationShare(): number {
    return this.#pipeline.preparationShare;
  }

  /** Audio seconds a second of all sessions together, with full batches of chunks of the model's target length. */
  get speed(): number {
    const samples = this.paddedSamples(msToSamples(this.description.chunkPolicy.targetChunkMs));
    const ms = this.predictMs(samples, this.maxBatch);
    return ms === 0 ? 0 : (this.sessions * this.maxBatch * samplesToMs(samples)) / ms;
  }

  /** True where chunks of different padded lengths may share a batch. */
  get mixesLengths(): boolean {
    return FAMILIES[this.description.family]?.mixesLengths ?? false;
  }

  /** Length in samples that a chunk is padded to; only chunks of one padded length share a batch, unless `mixesLengths`. */
  paddedSamples(samples: number): number {
    return padToGrid(samples, this.description.chunkPolicy.gridMs);
  }

  /** Predicted time of a batch, milliseconds: as measured in warm-up, corrected by the batches since. @param samples of its rows; the mean where they differ */
  predictMs(samples: number, rows: number): number {
    return this.#times.predictMs(samples, rows);
  }

  /** Calls the listener once when a session's thread dies; its batch is rejected then. Calls it at once when one has died already. */
  onFault(listener: (error: Error) => void): void {
    this.#onFault = listener;
    if (this.#fault !== null) listener(this.#fault);
  }

  /** Runs a batch on an idle session at once, or else hands it to one with room ahead. Throws when there is neither; rejects with the runtime's error (`isOutOfMemory` tells whether a smaller batch may pass) or that of a thread that died. */
  async run(batch: readonly PoolRow[]): Promise<PoolResult> {
    if (batch.length === 0 || batch.length > this.maxBatch)
      throw new RangeError(`a batch has 1 to ${String(this.maxBatch)} rows`);
    const [session] = [...this.#loaded(0), ...(this.roomAhead > 0 ? this.#loaded(1) : [])];
    if (session === undefined) throw this.#fault ?? new Error('no session is idle');
    this.#load.set(session, (this.#load.get(session) ?? 0) + 1);
    const flags = new CancelFlags(batch.map((row) => row.cancelled));
    let alive = true;
    try {
      const answer = await session.recognize({
        rows: batch.map(({ pcm, options, speech }) => ({ pcm, options, speech })),
        cancelled: flags.bytes,
      });
      const samples = batch.reduce((sum, row) => sum + this.paddedSamples(row.pcm.length), 0) / batch.length;
      this.#times.observe(samples, batch.length, answer.inferenceMs);
      return answer;
    } catch (error) {
      alive = session.alive;
      if (!alive) throw new Error('an inference thread died in the middle of a batch', { cause: error });
      throw error;
    } finally {
      flags.close();
      const load = this.#load.get(session);
      if (load !== undefined) this.#load.set(session, load - 1);
      if (!alive) this.#load.delete(session);
    }
  }

  /** Ends all sessions; running batches are finished first. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#onFault = () => undefined;
    this.#load.clear();
    await Promise.all(this.#sessions.map((session) => session.close()));
  }

  /** Living sessions with so many batches. */
  #loaded(batches: number): PoolSession[] {
    return [...this.#load].flatMap(([session, load]) => (load === batches ? [session] : []));
  }

  #watch(sessions: readonly PoolSession[]): void {
    for (const session of sessions) {
      session.onDeath((error) => {
        this.#load.delete(session);
        if (!this.#sessions.includes(session)) return;
        this.#fault = error;
        this.#onFault(error);
      });
    }
  }
}

async function openAll(count: number, options: LoadOptions): Promise<PoolSession[]> {
  const simulated = options.device === 'simulated' || options.model.family === 'simulated';
  const opening = Array.from({ length: count }, (): Promise<PoolSession> =>
    simulated ? SimulatedSession.open(options) : ThreadSession.open(options),
  );
  const results = await Promise.allSettled(opening);
  const opened = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed === undefined) return opened;
  await Promise.all(opened.map((session) => session.close()));
  throw failed.reason;
}
