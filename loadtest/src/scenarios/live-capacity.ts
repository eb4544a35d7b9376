import { seeded, openLoop } from '../open-loop.js';
import { countOf, summarize, type Summary } from '../recorder.js';
import { rateOf, type Result } from '../report.js';
import type { Target } from '../target.js';
import type { Scenario } from './scenario.js';

const GOAL_MS = 400;
/** Speakers begin within this time, so that their sentences do not end together. */
const SPREAD_MS = 4_000;
/** The search ends when it knows the number to so many streams. */
const STEP = 2;

interface Level {
  readonly streams: number;
  readonly summary: Summary;
  readonly lagMs: number;
  readonly isVoid: boolean;
  readonly isWithin: boolean;
}

async function level(target: Target, streams: number, seed: number): Promise<Level> {
  const random = seeded(seed + streams);
  const spreadMs = Math.min(SPREAD_MS, target.options.speechMs);
  const arrivals = Array.from({ length: streams }, () => random() * spreadMs).sort((a, b) => a - b);
  const { samples, wallMs, lagMs, isVoid } = await openLoop(arrivals, async (arrival, dueAtMs) => ({
    kind: 'websocket',
    outcome: await target.work('websocket', arrival, dueAtMs),
  }));
  const summary = summarize(samples, wallMs);
  const isWithin = summary.latency.p95 <= GOAL_MS && summary.done === streams;
  return { streams, summary, lagMs, isVoid, isWithin };
}

/** The largest number of live streams whose finals come within 400 ms at p95: upwards through `levels`, then between the last two. */
export const liveCapacity: Scenario = {
  what: `the largest number of live streams with final p95 within ${String(GOAL_MS)} ms`,
  durationMs: 40_000,
  levels: [8, 16, 24, 32, 48, 64, 96, 128, 192, 256],
  run: async (target, { levels, seed, say }): Promise<Result> => {
    const tried: Level[] = [];
    const attempt = async (streams: number): Promise<boolean> => {
      const found = await level(target, streams, seed);
      tried.push(found);
      say(
        `${String(streams)} streams: final p50 ${found.summary.latency.p50.toFixed(0)} ms, p95 ${found.summary.latency.p95.toFixed(0)} ms${found.isVoid ? ', void' : ''}`,
      );
      return found.isWithin;
    };
    let good = 0;
    let bad: number | null = null;
    for (const streams of levels) {
      if (await attempt(streams)) good = streams;
      else {
        bad = streams;
        break;
      }
    }
    while (bad !== null && good > 0 && bad - good > STEP) {
      const between: number = Math.round((good + bad) / 2);
      if (await attempt(between)) good = between;
      else bad = between;
    }
    tried.sort((a, b) => a.streams - b.streams);
    return {
      scenario: 'live-capacity',
      figures: [
        { name: `most streams with final p95 within ${String(GOAL_MS)} ms`, value: good, unit: 'streams' },
        ...tried.flatMap(({ streams, summary, lagMs, isVoid }) => [
          {
            name: `${String(streams)} streams: final p50`,
            value: summary.latency.p50,
            unit: 'ms',
            note: `own lag ${lagMs.toFixed(0)} ms${isVoid ? ': void' : ''}`,
          },
          { name: `${String(streams)} streams: final p95`, value: summary.latency.p95, unit: 'ms' },
          {
            name: `${String(streams)} streams: word errors`,
            value: rateOf(summary.wordErrors, summary.words),
            unit: '%',
            note: `${String(countOf(summary.refused))} refused`,
          },
        ]),
      ],
      charts: [
        {
          title: 'Finals by number of streams',
          x: 'streams',
          y: 'ms',
          goal: GOAL_MS,
          series: (['p50', 'p95'] as const).map((name) => ({
            name,
            points: tried.map(({ streams, summary }) => [streams, summary.latency[name]] as const),
          })),
        },
      ],
      parts: tried.map(({ streams, summary }) => ({ name: `${String(streams)} streams`, summary })),
      lagMs: Math.max(...tried.map(({ lagMs }) => lagMs)),
      isVoid: tried.some(({ isVoid }) => isVoid),
    };
  },
};
