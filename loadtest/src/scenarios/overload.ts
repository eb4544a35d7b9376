import { poissonArrivals, seeded, openLoop } from '../open-loop.js';
import { countOf, latencyOf, summarize, type Sample } from '../recorder.js';
import { rateOf, type Result } from '../report.js';
import type { Kind } from '../target.js';
import { measureCapacity, type Scenario } from './scenario.js';
import { latencyOverTime } from './mixed.js';

const CAPACITY_MS = 10_000;
const USUAL = 0.5;
const OVERLOAD = 3;
const WINDOW_MS = 5_000;
/** p95 counts as back when a window's is at most so many times that of before. */
const BACK = 1.5;
const BACK_GOAL_MS = 30_000;

/** Half of the capacity, then three times of it, then half again: what is accepted must be done, and waiting must end soon after. */
export const overload: Scenario = {
  what: 'three times what the cluster gets through for a while: nothing accepted is lost, and waiting ends soon after',
  durationMs: 60_000,
  levels: [],
  run: async (target, { durationMs, ratePerSecond, seed, say }): Promise<Result> => {
    const measuredMs = Math.min(CAPACITY_MS, durationMs);
    const perSecond = ratePerSecond ?? (await measureCapacity(target, measuredMs)).perSecond;
    say(`capacity ${perSecond.toFixed(1)} clips a second; usual load, three times that, usual load again`);
    const random = seeded(seed);
    const usual = (): readonly number[] => poissonArrivals(perSecond * USUAL, durationMs, random);
    const phases = [usual(), poissonArrivals(perSecond * OVERLOAD, durationMs, random), usual()];
    // Recordings and jobs in turn: both promise something when they accept.
    const kinds: readonly Kind[] = ['http', 'job'];
    const { samples, wallMs, lagMs, isVoid } = await openLoop(
      phases.flatMap((arrivals, phase) => arrivals.map((atMs) => atMs + phase * durationMs)),
      async (arrival, dueAtMs) => {
        const kind = kinds[arrival % kinds.length] ?? 'http';
        return { kind, outcome: await target.work(kind, arrival, dueAtMs) };
      },
    );
    const parts = ['before', 'overload', 'after'].map((name, phase) => ({
      name,
      summary: summarize(
        samples.filter(({ dueMs }) => Math.floor(dueMs / durationMs) === phase),
        phase < 2 ? durationMs : wallMs - 2 * durationMs,
      ),
    }));
    const windowMs = Math.min(WINDOW_MS, durationMs / 4);
    const usualMs = parts[0]?.summary.latency.p95 ?? Number.NaN;
    const backMs = backAfterMs(samples, 2 * durationMs, { windowMs, limitMs: usualMs * BACK });
    const lost = parts.reduce((sum, { summary }) => sum + countOf(summary.lost), 0);
    const refused = parts.reduce((sum, { summary }) => sum + countOf(summary.refused), 0);
    return {
      scenario: 'overload',
      figures: [
        { name: 'capacity', value: perSecond, unit: 'clips a second' },
        { name: 'accepted work lost', value: lost, unit: '', met: lost === 0 },
        { name: 'refused in order', value: refused, unit: '', note: '429 or 503 with a code' },
        { name: 'p95 before', value: usualMs, unit: 'ms' },
        { name: 'p95 during', value: parts[1]?.summary.latency.p95 ?? Number.NaN, unit: 'ms' },
        {
          name: 'p95 back to normal after',
          value: backMs / 1_000,
          unit: 's',
          note: `within ${String(BACK)} times that of before; windows of ${String(windowMs / 1_000)} s`,
          met: backMs <= BACK_GOAL_MS,
        },
        ...parts.map(({ name, summary }) => ({
          name: `${name}: word errors`,
          value: rateOf(summary.wordErrors, summary.words),
          unit: '%',
        })),
      ],
      charts: [
        { title: 'Latency over the run', x: 's', y: 'ms', series: latencyOverTime(samples, windowMs) },
        {
          title: 'Latency by percentile',
          x: 'percentile',
          y: 'ms',
          series: parts.map(({ name, summary }) => ({ name, points: summary.latency.curve })),
        },
      ],
      parts,
      lagMs,
      isVoid,
    };
  },
};

/** Time from `fromMs` to the end of the last window whose p95 was above the limit; infinite when that is the last one. */
export function backAfterMs(
  samples: readonly Sample[],
  fromMs: number,
  { windowMs, limitMs }: { readonly windowMs: number; readonly limitMs: number },
): number {
  const windows: number[][] = [];
  for (const { dueMs, outcome } of samples) {
    if (dueMs < fromMs || outcome.end !== 'done') continue;
    const window = Math.floor((dueMs - fromMs) / windowMs);
    windows[window] = [...(windows[window] ?? []), ...outcome.latenciesMs];
  }
  const above = Array.from(
    windows,
    (values: number[] | undefined) => values !== undefined && latencyOf(values).p95 > limitMs,
  );
  const last = above.lastIndexOf(true);
  return last === above.length - 1 ? Number.POSITIVE_INFINITY : (last + 1) * windowMs;
}
