import { latencyOf } from '../recorder.js';
import type { Result } from '../report.js';
import { mixedLoad, rateFor, resultByKind } from './mixed.js';
import type { Scenario } from './scenario.js';

const EVERY = 120;
/** The share of the run after which memory must be flat: ten minutes of an hour. */
const SETTLED = 1 / 6;
const GROWTH_PERCENT = 5;

/** The mixed load for an hour: memory of every process at the end within 5 % of what it was after ten minutes, and latency as at the start. */
export const soak: Scenario = {
  what: 'the mixed load for an hour: memory and latency stay flat',
  durationMs: 3_600_000,
  levels: [],
  run: async (target, options): Promise<Result> => {
    const ratePerSecond = await rateFor(target, options);
    const startMs = performance.now();
    const memory = new Map<string, (readonly [seconds: number, megabytes: number])[]>();
    const look = async (): Promise<void> => {
      const atS = (performance.now() - startMs) / 1_000;
      for (const [page, bytes] of await target.memoryBytes())
        memory.set(page, [...(memory.get(page) ?? []), [atS, bytes / 1e6]]);
    };
    await look();
    const timer = setInterval(
      () => {
        void look();
      },
      Math.max(500, options.durationMs / EVERY),
    );
    const loop = await mixedLoad(target, { ratePerSecond, durationMs: options.durationMs, seed: options.seed }).finally(
      () => {
        clearInterval(timer);
      },
    );
    await look();
    const settledS = (options.durationMs * SETTLED) / 1_000;
    const half = (fromMs: number): number =>
      latencyOf(
        loop.samples.flatMap(({ dueMs, outcome }) =>
          outcome.end === 'done' && dueMs >= fromMs && dueMs < fromMs + options.durationMs / 2
            ? outcome.latenciesMs
            : [],
        ),
      ).p95;
    return resultByKind('soak', loop, {
      figures: [
        { name: 'p95 of the first half', value: half(0), unit: 'ms' },
        { name: 'p95 of the second half', value: half(options.durationMs / 2), unit: 'ms' },
        ...[...memory].map(([page, points]) => {
          const settled = points.find(([atS]) => atS >= settledS)?.[1] ?? Number.NaN;
          const growth = (100 * ((points.at(-1)?.[1] ?? Number.NaN) - settled)) / settled;
          return {
            name: `memory of ${page}`,
            value: points.at(-1)?.[1] ?? Number.NaN,
            unit: 'MB',
            note: `${growth.toFixed(1)} % above that after a sixth of the run`,
            met: growth <= GROWTH_PERCENT,
          };
        }),
      ],
      charts: [
        { title: 'Resident memory', x: 's', y: 'MB', series: [...memory].map(([name, points]) => ({ name, points })) },
      ],
    });
  },
};
