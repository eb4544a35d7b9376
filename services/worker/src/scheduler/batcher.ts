import { AsrError, SAMPLE_RATE_HZ, type Lane, type Recognition } from '@murmuration/contracts';
import { HandBack } from '@murmuration/store';
import { ATTRIBUTE, NO_TRACING, SPAN, type TraceSpan, type Tracing } from '@murmuration/runtime';
import type { BatchRow, BatchRunner } from './batch-runner.js';
import { chooseBatch, longestOf, meanLength, type WaitingRow } from './choose-batch.js';
import { PartialPace } from './partial-pace.js';
import { RecentLoad } from './recent-load.js';

/** A chunk for the batcher. */
export interface BatcherRow extends BatchRow {
  readonly lane: Lane;
  /** A suspect of a crash: runs by itself. */
  readonly alone: boolean;
  /** A live partial: worth something only while there is room. Default false. */
  readonly partial?: boolean;
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

/**
 * Forms batches from what is waiting. A row is: waiting -> running -> ended; a partial also waiting -> ended (`cancelled`) while finals have to wait.
 * A batch starts the moment a session is idle and a row waits; while all are busy the next forms by itself.
 * `drain` rejects what waits with `HandBack` and lets running batches end; after it every row is handed back.
 */
export class Batcher {
  readonly #runner: BatchRunner;
  readonly #maxBatchMs: number;
  readonly #onBatch: (facts: BatchFacts) => void;
  readonly #outOfMemory: (error: unknown) => boolean;
  readonly #tracing: Tracing;
  #waiting: Waiting[] = [];
  /** Batches that run, and when each will probably end. */
  readonly #running = new Map<Promise<void>, number>();
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
    await Promise.all(this.#running.keys());
  }

  #dispatch(): void {
    this.#dropNeedless();
    for (;;) {
      const nowMs = performance.now();
      const batch = chooseBatch(this.#waiting, {
        idleSessions: this.#runner.idleSessions,
        mixesLengths: this.#runner.mixesLengths,
        sessions: this.#runner.sessions,
        busyForMs: [...this.#running.values()].map((endMs) => Math.max(0, endMs - nowMs)),
        followers: (workMs) => this.#load.followers(workMs, nowMs),
        partialSessions: this.#partialSessions,
        liveLately: nowMs - this.#lastLiveMs < LIVE_LATELY_MS,
        nowMs,
        batchIsDue: this.#othersSinceBatch >= OTHERS_FOR_ONE,
        othersAreDue: this.#liveInARow >= LIVE_FOR_ONE,
        batchSizes: this.#runner.batchSizes,
        maxBatchMs: this.#maxBatchMs,
        predictMs: (padded, rows) => this.#runner.predictMs(padded, rows),
        fits: (padded, rows) => rows <= (this.#fits.get(padded) ?? Infinity),
      });
      if (batch.length === 0) return;
      const chosen = new Set(batch);
      this.#waiting = this.#waiting.filter((entry) => !chosen.has(entry));
      this.#othersSinceBatch = batch[0]?.lane === 'batch' ? 0 : this.#othersSinceBatch + 1;
      this.#liveInARow = batch[0]?.lane === 'live' ? this.#liveInARow + 1 : 0;
      const partial = batch[0]?.partial === true ? 1 : 0;
      this.#partialSessions += partial;
      const run = this.#run(batch).finally(() => {
        this.#partialSessions -= partial;
        this.#running.delete(run);
        this.#load.running(this.#running.size, performance.now());
        this.#dispatch();
      });
      this.#running.set(run, nowMs + this.#runner.predictMs(meanLength(batch), batch.length));
      this.#load.running(this.#running.size, nowMs);
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
    const span = this.#span(batch, spans);
    try {
      const { recognitions, inferenceMs } = await this.#runner.run(batch.map((entry) => entry.row));
      span?.end();
      this.#onBatch({
        rows: batch.length,
        inferenceMs,
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
      span?.end(AsrError.from(error).code);
      this.#onFailure(batch, error);
    }
  }

  /** A trace of its own, that points at every member and is pointed at by each. None of a batch whose members have none. */
  #span(batch: readonly Waiting[], members: readonly TraceSpan[]): TraceSpan | null {
    if (members.length === 0) return null;
    const samples = batch.reduce((sum, entry) => sum + entry.row.pcm.length, 0);
    const span = this.#tracing.start(SPAN.batch, {
      links: members.map((member) => member.traceparent),
      attributes: {
        [ATTRIBUTE.batchRows]: batch.length,
        [ATTRIBUTE.audioSeconds]: samples / SAMPLE_RATE_HZ,
        [ATTRIBUTE.paddedSeconds]: (longestOf(batch) * batch.length) / SAMPLE_RATE_HZ,
      },
    });
    for (const member of members) member.link(span.traceparent);
    return span;
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
