import { AsrError, type Lane, type Recognition } from '@murmuration/contracts';
import { HandBack } from '@murmuration/store';
import { NO_TRACING, type TraceSpan, type Tracing } from '@murmuration/runtime';
import { aheadInMs } from './ahead.js';
import { startBatchSpan } from './batch-span.js';
import type { BatchRow, BatchRunner } from './batch-runner.js';
import { chooseBatch, longestOf, meanLength, type WaitingRow } from './choose-batch.js';
import { PartialPace, RecentLoad } from './recent-load.js';
import { WorkTime } from './work-time.js';

/** A chunk for the batcher. */
export interface BatcherRow extends BatchRow {
  readonly lane: Lane;
  /** A suspect of a crash: runs by itself. */
  readonly alone: boolean;
  /** A live partial: worth something only while there is room. Default false. */
  readonly partial?: boolean;
  /** The job that the row is a part of, where its text is waited for together with the others'; default null. */
  readonly recording?: string | null;
  /** Called when the row's batch begins; returns the span of the row, where tracing is on. */
  readonly onRun: () => TraceSpan | undefined;
}

export interface RowResult {
  readonly recognition: Recognition;
  /** Unix milliseconds. */
  readonly startedAtMs: number;
  /** The run of its whole batch. */
  readonly inferenceMs: number;
  readonly batchSize: number;
}

/** Facts of a batch that has ended, for metrics. */
export interface BatchFacts {
  readonly rows: number;
  readonly audioSamples: number;
  readonly paddedSamples: number;
  readonly inferenceMs: number;
  /** How long its session's device computed since the batch before, milliseconds. */
  readonly deviceMs: number;
  /** For how long sessions have had work so far, summed over them, milliseconds: rows that waited, or batches, of which those in progress are left out. */
  readonly workMs: number;
  readonly waitsMs: readonly number[];
}

/** So long after its last row a live session counts as there, milliseconds. */
const LIVE_LATELY_MS = 10_000;

/** While batch work waits, it leads one batch after so many of others. */
const OTHERS_FOR_ONE = 9;
/** While other work waits, its oldest row leads one batch after so many of live rows. */
const LIVE_FOR_ONE = 9;

interface Waiting extends WaitingRow {
  readonly row: BatcherRow;
  resolve(result: RowResult): void;
  reject(error: unknown): void;
}

/** A batch that a session has. */
interface Running {
  /** When it will probably end. */
  readonly endMs: number;
  /** A suspect of a crash. */
  readonly alone: boolean;
}

/**
 * Forms batches from what is waiting. A row is: waiting -> running -> ended; a partial also waiting -> ended (`cancelled`) while finals have to wait.
 * A batch starts the moment a session is idle and a row waits; while all are busy the next forms by itself, and is handed over to be made ready before
 * the running one ends where the session takes it (`aheadInMs`).
 * `drain` rejects what waits with `HandBack` and lets running batches end; after it every row is handed back.
 */
export class Batcher {
  readonly #runner: BatchRunner;
  readonly #maxBatchMs: number;
  readonly #onBatch: (facts: BatchFacts) => void;
  readonly #outOfMemory: (error: unknown) => boolean;
  readonly #tracing: Tracing;
  #waiting: Waiting[] = [];
  readonly #running = new Map<Promise<void>, Running>();
  readonly #workTime = new WorkTime();
  #aheadTimer: NodeJS.Timeout | undefined;
  #order = 0;
  #draining = false;
  readonly #pace = new PartialPace();
  #partialSessions = 0;
  #lastLiveMs = -Infinity;
  /** Batches led by other lanes since the last that batch work led. */
  #othersSinceBatch = 0;
  /** Batches in a row that live rows led. */
  #liveInARow = 0;
  readonly #load: RecentLoad;
  /** Largest batch for a padded length after memory ran out. */
  readonly #fits = new Map<number, number>();

  constructor(
    runner: BatchRunner,
    options: {
      readonly maxBatchMs: number;
      readonly onBatch: (facts: BatchFacts) => void;
      readonly outOfMemory: (error: unknown) => boolean;
      /** Off unless given. */
      readonly tracing?: Tracing;
    },
  ) {
    this.#runner = runner;
    this.#maxBatchMs = options.maxBatchMs;
    this.#onBatch = options.onBatch;
    this.#outOfMemory = options.outOfMemory;
    this.#tracing = options.tracing ?? NO_TRACING;
    this.#load = new RecentLoad(runner.sessions, performance.now());
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** False while finals have to wait, and while as many partials wait as a batch holds: one more would only keep the worker from fetching finals. */
  get hasRoomForPartial(): boolean {
    return (
      !this.#pace.isPaused &&
      this.#waiting.filter((entry) => entry.partial).length < (this.#runner.batchSizes.at(-1) ?? 1)
    );
  }

  /** Throws `HandBack` when the worker drains, `AsrError` when the model fails on the row by itself. */
  submit(row: BatcherRow): Promise<RowResult> {
    if (this.#draining) return Promise.reject(new HandBack('the worker is stopping'));
    if (row.lane === 'live') this.#lastLiveMs = performance.now();
    if (row.partial !== true) this.#load.arrived(performance.now());
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        row,
        resolve,
        reject,
        lane: row.lane,
        alone: row.alone,
        partial: row.partial === true,
        recording: row.recording ?? null,
        paddedSamples: this.#runner.paddedSamples(row.pcm.length),
        order: this.#order++,
        sinceMs: performance.now(),
      });
      this.#dispatch();
    });
  }

  async drain(): Promise<void> {
    this.#draining = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const entry of waiting) entry.reject(new HandBack('the worker is stopping'));
    clearTimeout(this.#aheadTimer);
    this.#countWork();
    await Promise.all(this.#running.keys());
  }

  /** How long each session that runs will probably still run, soonest first. */
  #busyForMs(nowMs: number): number[] {
    return [...this.#running.values()].map(({ endMs }) => Math.max(0, endMs - nowMs)).sort((a, b) => a - b);
  }

  #fitsMemory(padded: number, rows: number): boolean {
    return rows <= (this.#fits.get(padded) ?? Infinity);
  }

  get #speaksLately(): boolean {
    return performance.now() - this.#lastLiveMs < LIVE_LATELY_MS;
  }

  #countWork(): void {
    const idle = this.#runner.idleSessions;
    const nowMs = performance.now();
    this.#workTime.change(this.#runner.sessions - (this.#waiting.length > 0 ? 0 : idle), nowMs);
    this.#load.running(Math.min(this.#running.size, this.#runner.sessions), nowMs);
  }

  /** True when the batch is to be handed over now behind one that runs; where it is to be later, a timer looks again. */
  #isDueAhead(batch: readonly Waiting[], nowMs: number): boolean {
    const inMs = aheadInMs(batch, {
      remainingMs: this.#busyForMs(nowMs)[0] ?? 0,
      runsAlone: [...this.#running.values()].some(({ alone }) => alone),
      preparationShare: this.#runner.preparationShare ?? 0,
      liveLately: this.#speaksLately,
      batchSizes: this.#runner.batchSizes,
      predictMs: (rows) => this.#runner.predictMs(meanLength(batch), rows),
      fits: (padded, rows) => this.#fitsMemory(padded, rows),
    });
    if (inMs !== null && inMs > 0)
      this.#aheadTimer = setTimeout(() => {
        this.#dispatch();
      }, Math.ceil(inMs));
    return inMs === 0;
  }

  #dispatch(): void {
    clearTimeout(this.#aheadTimer);
    this.#dropNeedless();
    this.#startBatches();
    this.#countWork();
  }

  #startBatches(): void {
    for (;;) {
      const nowMs = performance.now();
      const idle = this.#runner.idleSessions;
      const ahead = idle === 0 && (this.#runner.roomAhead ?? 0) > 0;
      // Behind a batch that runs the next is chosen as if that had ended.
      const busyForMs = this.#busyForMs(nowMs).slice(ahead ? 1 : 0);
      const batch = chooseBatch(this.#waiting, {
        idleSessions: ahead ? 1 : idle,
        mixesLengths: this.#runner.mixesLengths,
        sessions: this.#runner.sessions,
        busyForMs,
        followers: (workMs) => this.#load.followers(workMs, nowMs),
        partialSessions: this.#partialSessions,
        liveLately: this.#speaksLately,
        nowMs,
        batchIsDue: this.#othersSinceBatch >= OTHERS_FOR_ONE,
        othersAreDue: this.#liveInARow >= LIVE_FOR_ONE,
        batchSizes: this.#runner.batchSizes,
        maxBatchMs: this.#maxBatchMs,
        predictMs: (padded, rows) => this.#runner.predictMs(padded, rows),
        fits: (padded, rows) => this.#fitsMemory(padded, rows),
      });
      if (batch.length === 0 || (ahead && !this.#isDueAhead(batch, nowMs))) return;
      const chosen = new Set(batch);
      this.#waiting = this.#waiting.filter((entry) => !chosen.has(entry));
      this.#othersSinceBatch = batch[0]?.lane === 'batch' ? 0 : this.#othersSinceBatch + 1;
      this.#liveInARow = batch[0]?.lane === 'live' ? this.#liveInARow + 1 : 0;
      const partial = batch[0]?.partial === true ? 1 : 0;
      this.#partialSessions += partial;
      const run = this.#run(batch).finally(() => {
        this.#partialSessions -= partial;
        this.#running.delete(run);
        this.#dispatch();
      });
      const beginMs = nowMs + (ahead ? (this.#busyForMs(nowMs)[0] ?? 0) : 0);
      this.#running.set(run, {
        endMs: beginMs + this.#runner.predictMs(meanLength(batch), batch.length),
        alone: batch[0]?.alone === true,
      });
    }
  }

  #dropNeedless(): void {
    this.#waiting = this.#waiting.filter((entry) => {
      if (!entry.row.cancelled() && !(entry.partial && this.#pace.isPaused)) return true;
      entry.reject(new AsrError('cancelled'));
      return false;
    });
  }

  async #run(batch: readonly Waiting[]): Promise<void> {
    const startedAtMs = Date.now();
    const waitsMs = batch.map((entry) => performance.now() - entry.sinceMs);
    const spans: TraceSpan[] = [];
    for (const [at, entry] of batch.entries()) {
      const span = entry.row.onRun();
      if (span !== undefined) spans.push(span);
      if (entry.lane === 'live' && !entry.partial) this.#pace.finalBegins(waitsMs[at] ?? 0);
    }
    const span = startBatchSpan(this.#tracing, batch, spans);
    const stretch = this.#workTime.batchBegins(performance.now());
    try {
      const { recognitions, inferenceMs, deviceMs } = await this.#runner.run(batch.map((entry) => entry.row));
      span?.end();
      stretch.end();
      this.#onBatch({
        rows: batch.length,
        inferenceMs,
        deviceMs,
        workMs: this.#workTime.endedMs(performance.now()),
        waitsMs,
        audioSamples: batch.reduce((sum, entry) => sum + entry.row.pcm.length, 0),
        paddedSamples: longestOf(batch) * batch.length,
      });
      batch.forEach((entry, i) => {
        const recognition = recognitions[i];
        if (recognition === undefined) entry.reject(new AsrError('internal'));
        else entry.resolve({ recognition, startedAtMs, inferenceMs, batchSize: batch.length });
      });
    } catch (error) {
      stretch.end();
      span?.end(AsrError.from(error).code);
      this.#onFailure(batch, error);
    }
  }

  /** A failed batch is tried again in smaller ones, so that one row cannot fail its mates; a row that failed by itself has failed. */
  #onFailure(batch: readonly Waiting[], error: unknown): void {
    const first = batch[0];
    if (first === undefined) return;
    if (batch.length === 1) {
      first.reject(error);
      return;
    }
    if (this.#outOfMemory(error)) {
      this.#fits.set(longestOf(batch), Math.max(1, Math.floor(batch.length / 2)));
      this.#waiting.push(...batch);
    } else {
      this.#waiting.push(...batch.map((entry) => ({ ...entry, alone: true })));
    }
  }
}
