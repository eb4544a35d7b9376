import { samplesToMs } from '@murmuration/contracts';
import type { Metrics } from '@murmuration/runtime';
import type { BatchFacts } from '../scheduler/batcher.js';

/** How far back it looks, milliseconds. */
const WINDOW_MS = 60_000;

/** A batch that has ended; times in milliseconds of one clock. */
interface Run {
  readonly startMs: number;
  readonly endMs: number;
  readonly audioMs: number;
}

/** What the worker really did lately. Time in which several sessions ran counts once. */
export class RecentThroughput {
  readonly #now: () => number;
  #runs: Run[] = [];

  /** @param now milliseconds that only grow; the process' own clock unless given */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Tells of a batch that has ended now. */
  add(audioMs: number, inferenceMs: number): void {
    const endMs = this.#now();
    this.#runs.push({ startMs: endMs - inferenceMs, endMs, audioMs });
    this.#forget();
  }

  /** Audio seconds a second of busy time over about the last minute; null when nothing ran. */
  get speed(): number | null {
    this.#forget();
    const busyMs = coveredMs(this.#runs);
    return busyMs === 0 ? null : this.#runs.reduce((sum, run) => sum + run.audioMs, 0) / busyMs;
  }

  #forget(): void {
    const fromMs = this.#now() - WINDOW_MS;
    // Runs stand in the order of their ends.
    const first = this.#runs.findIndex((run) => run.endMs >= fromMs);
    if (first !== 0) this.#runs = first === -1 ? [] : this.#runs.slice(first);
  }
}

/** Time in which at least one run was under way. */
function coveredMs(runs: readonly Run[]): number {
  let covered = 0;
  let untilMs = Number.NEGATIVE_INFINITY;
  for (const { startMs, endMs } of [...runs].sort((left, right) => left.startMs - right.startMs)) {
    covered += Math.max(0, endMs - Math.max(startMs, untilMs));
    untilMs = Math.max(untilMs, endMs);
  }
  return covered;
}

/** Tells of the devices' time: how long they computed, and how long they did not although there was work. */
export class DeviceTimes {
  readonly #metrics: Metrics;
  #busyMs = 0;
  #idleMs = 0;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** Takes in a batch that has ended. */
  add({ deviceMs, workMs }: Pick<BatchFacts, 'deviceMs' | 'workMs'>): void {
    this.#busyMs += deviceMs;
    this.#metrics.deviceBusySeconds.inc(deviceMs / 1_000);
    // Of batches in progress neither is known: what this one shared with the next may come out as less than was told.
    const idleMs = Math.max(this.#idleMs, workMs - this.#busyMs);
    this.#metrics.deviceIdleSeconds.inc((idleMs - this.#idleMs) / 1_000);
    this.#idleMs = idleMs;
  }
}

/** Writes a finished batch's facts into the metrics and into what the card tells. */
export function observeBatch(metrics: Metrics, throughput: RecentThroughput, facts: BatchFacts): void {
  throughput.add(samplesToMs(facts.audioSamples), facts.inferenceMs);
  metrics.batchSize.observe(facts.rows);
  metrics.inferenceSeconds.observe(facts.inferenceMs / 1_000);
  metrics.batchPaddingRatio.observe(facts.paddedSamples === 0 ? 0 : 1 - facts.audioSamples / facts.paddedSamples);
  metrics.rtfx.set(samplesToMs(facts.audioSamples) / Math.max(0.001, facts.inferenceMs));
  for (const waitMs of facts.waitsMs) metrics.batchWaitSeconds.observe(waitMs / 1_000);
}
