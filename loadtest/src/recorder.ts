import { build, type Histogram } from 'hdr-histogram-js';

/** What became of one piece of work. */
export type Outcome =
  | {
      readonly end: 'done';
      /** From the scheduled time, milliseconds; one for a recording, one an utterance for live speech. */
      readonly latenciesMs: readonly number[];
      readonly audioMs: number;
      readonly words: number;
      readonly wordErrors: number;
      /** Segments, finals or ends that came more than once. */
      readonly duplicates: number;
    }
  /** The server said that it takes no more now (429 or 503, or its equal in gRPC): nothing was promised. */
  | { readonly end: 'refused'; readonly code: string }
  /** Work that was accepted, or asked for, and has no result. */
  | { readonly end: 'lost'; readonly reason: string };

/** A finished piece of work on the run's time line. */
export interface Sample {
  readonly kind: string;
  /** When it was due, milliseconds from the run's start. */
  readonly dueMs: number;
  readonly outcome: Outcome;
}

/** Latencies of a set of samples as percentiles of an HDR histogram, milliseconds. */
export interface Latency {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
  /** Percentile and value, for a plot. */
  readonly curve: readonly (readonly [percentile: number, ms: number])[];
}

/** All that one run, or one level of it, gave. */
export interface Summary {
  readonly done: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly lost: Readonly<Record<string, number>>;
  readonly duplicates: number;
  readonly words: number;
  readonly wordErrors: number;
  readonly audioMs: number;
  readonly wallMs: number;
  readonly latency: Latency;
}

const CURVE = [0, 10, 25, 50, 75, 90, 95, 99, 99.9, 100];

/** Percentiles of `valuesMs`, to three digits. */
export function latencyOf(valuesMs: readonly number[]): Latency {
  // Tenths of a millisecond; ten minutes at most.
  const histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 6_000_000,
    numberOfSignificantValueDigits: 3,
  });
  for (const ms of valuesMs) histogram.recordValue(Math.min(6_000_000, Math.max(0, Math.round(ms * 10))));
  const at = (percentile: number): number =>
    valuesMs.length === 0 ? Number.NaN : histogram.getValueAtPercentile(percentile) / 10;
  const latency = {
    count: valuesMs.length,
    p50: at(50),
    p90: at(90),
    p95: at(95),
    p99: at(99),
    max: valuesMs.length === 0 ? Number.NaN : Math.max(...valuesMs),
    curve: valuesMs.length === 0 ? [] : CURVE.map((percentile) => [percentile, at(percentile)] as const),
  };
  histogram.destroy();
  return latency;
}

/** Adds samples up. */
export function summarize(samples: readonly Sample[], wallMs: number): Summary {
  const refused: Record<string, number> = {};
  const lost: Record<string, number> = {};
  const latenciesMs: number[] = [];
  const sum = { done: 0, duplicates: 0, words: 0, wordErrors: 0, audioMs: 0 };
  for (const { outcome } of samples) {
    if (outcome.end === 'refused') refused[outcome.code] = (refused[outcome.code] ?? 0) + 1;
    else if (outcome.end === 'lost') lost[outcome.reason] = (lost[outcome.reason] ?? 0) + 1;
    else {
      sum.done += 1;
      sum.duplicates += outcome.duplicates;
      sum.words += outcome.words;
      sum.wordErrors += outcome.wordErrors;
      sum.audioMs += outcome.audioMs;
      latenciesMs.push(...outcome.latenciesMs);
    }
  }
  return { ...sum, refused, lost, wallMs, latency: latencyOf(latenciesMs) };
}

/** How many pieces of work have no result. */
export function countOf(byName: Readonly<Record<string, number>>): number {
  return Object.values(byName).reduce((sum, count) => sum + count, 0);
}
