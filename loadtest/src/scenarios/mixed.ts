import { burstArrivals, mergedArrivals, poissonArrivals, seeded, openLoop, type LoopResult } from '../open-loop.js';
import { type Chart, rateOf, type Figure, type Result } from '../report.js';
import { latencyOf, summarize, type Sample } from '../recorder.js';
import type { Kind, Target } from '../target.js';
import { measureCapacity, type Scenario, type ScenarioOptions } from './scenario.js';

/** Shares of the arrivals. */
const SHARES: Readonly<Record<Kind, number>> = { http: 0.6, job: 0.2, websocket: 0.1, grpc: 0.1 };
const BURST = { size: 6, everyMs: 10_000 };
const CAPACITY_MS = 5_000;
const LOAD = 0.5;
const WINDOW_MS = 5_000;

/** Arrivals of all kinds, Poisson with bursts on top, by a schedule of `seed`. */
export async function mixedLoad(
  target: Target,
  {
    ratePerSecond,
    durationMs,
    seed,
  }: { readonly ratePerSecond: number; readonly durationMs: number; readonly seed: number },
): Promise<LoopResult> {
  const random = seeded(seed);
  const arrivals = mergedArrivals(
    poissonArrivals(ratePerSecond, durationMs, random),
    burstArrivals(Math.min(BURST.size, Math.ceil(ratePerSecond * 2)), BURST.everyMs, durationMs),
  );
  // One of each kind first, whatever chance says, so that a short run has all of them.
  const drawn = arrivals.map((_, i) => target.kinds[i] ?? kindAt(target.kinds, random()));
  return openLoop(arrivals, async (arrival, dueAtMs) => {
    const kind = drawn[arrival] ?? 'http';
    return { kind, outcome: await target.work(kind, arrival, dueAtMs) };
  });
}

function kindAt(kinds: readonly Kind[], at: number): Kind {
  let left = at * kinds.reduce((sum, kind) => sum + SHARES[kind], 0);
  for (const kind of kinds) {
    left -= SHARES[kind];
    if (left < 0) return kind;
  }
  return 'http';
}

/** The rate that was asked for, else half of what the cluster gets through. */
export async function rateFor(target: Target, options: ScenarioOptions): Promise<number> {
  if (options.ratePerSecond !== null) return options.ratePerSecond;
  const { perSecond } = await measureCapacity(target, Math.min(CAPACITY_MS, options.durationMs));
  options.say(`${perSecond.toFixed(1)} clips a second go through; the run sends ${(perSecond * LOAD).toFixed(1)}`);
  return perSecond * LOAD;
}

/** Percentiles of latency over the run's time, in windows. */
export function latencyOverTime(samples: readonly Sample[], windowMs: number): Chart['series'] {
  const windows = new Map<number, number[]>();
  for (const { dueMs, outcome } of samples) {
    if (outcome.end !== 'done') continue;
    const window = Math.floor(dueMs / windowMs);
    windows.set(window, [...(windows.get(window) ?? []), ...outcome.latenciesMs]);
  }
  const ordered = [...windows].sort(([a], [b]) => a - b).map(([window, values]) => ({ window, ...latencyOf(values) }));
  return (['p50', 'p95'] as const).map((name) => ({
    name,
    points: ordered.map((one) => [((one.window + 1) * windowMs) / 1_000, one[name]] as const),
  }));
}

/** A result by kind of work. */
export function resultByKind(
  scenario: string,
  { samples, wallMs, lagMs, isVoid }: LoopResult,
  more: { readonly figures?: readonly Figure[]; readonly charts?: readonly Chart[] } = {},
): Result {
  const kinds = [...new Set(samples.map(({ kind }) => kind))].sort();
  const parts = kinds.map((kind) => ({
    name: kind,
    summary: summarize(
      samples.filter((sample) => sample.kind === kind),
      wallMs,
    ),
  }));
  return {
    scenario,
    parts,
    lagMs,
    isVoid,
    figures: [
      ...parts.flatMap(({ name, summary }): Figure[] => [
        {
          name: `${name}: p50`,
          value: summary.latency.p50,
          unit: 'ms',
          note: `${String(summary.latency.count)} latencies`,
        },
        { name: `${name}: p95`, value: summary.latency.p95, unit: 'ms' },
        { name: `${name}: word errors`, value: rateOf(summary.wordErrors, summary.words), unit: '%' },
      ]),
      ...(more.figures ?? []),
    ],
    charts: [
      {
        title: 'Latency by percentile',
        x: 'percentile',
        y: 'ms',
        series: parts.map(({ name, summary }) => ({ name, points: summary.latency.curve })),
      },
      { title: 'Latency over the run', x: 's', y: 'ms', series: latencyOverTime(samples, WINDOW_MS) },
      ...(more.charts ?? []),
    ],
  };
}

export const mixed: Scenario = {
  what: 'recordings, jobs with their events, and live speech over WebSocket and gRPC; Poisson arrivals with bursts',
  durationMs: 60_000,
  levels: [],
  run: async (target, options) => {
    const ratePerSecond = await rateFor(target, options);
    const loop = await mixedLoad(target, { ratePerSecond, durationMs: options.durationMs, seed: options.seed });
    return resultByKind('mixed', loop, { figures: [{ name: 'arrivals', value: ratePerSecond, unit: 'a second' }] });
  },
};
