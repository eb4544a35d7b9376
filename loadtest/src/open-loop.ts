import { monitorEventLoopDelay } from 'node:perf_hooks';
import { latencyOf, type Outcome, type Sample } from './recorder.js';

/** When requests begin, milliseconds from the start of the run, ascending. Fixed before the run: a slow answer delays no arrival. */
type Arrivals = readonly number[];

/** Numbers from 0 to below 1 that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Arrivals that know nothing of each other: exponential gaps of `1 / ratePerSecond` on average. */
export function poissonArrivals(ratePerSecond: number, durationMs: number, random: () => number): Arrivals {
  const arrivals: number[] = [];
  if (ratePerSecond <= 0) return arrivals;
  for (let atMs = 0; ;) {
    atMs += (-Math.log(1 - random()) * 1_000) / ratePerSecond;
    if (atMs >= durationMs) return arrivals;
    arrivals.push(atMs);
  }
}

/** `size` arrivals at the same moment, every `everyMs`, the first after half of that. */
export function burstArrivals(size: number, everyMs: number, durationMs: number): Arrivals {
  const arrivals: number[] = [];
  for (let atMs = everyMs / 2; atMs < durationMs; atMs += everyMs)
    arrivals.push(...Array.from({ length: size }, () => atMs));
  return arrivals;
}

/** All of them in one schedule. */
export function mergedArrivals(...schedules: readonly Arrivals[]): Arrivals {
  return schedules.flat().sort((a, b) => a - b);
}

/** A generator that is later than this at its 99th percentile measured itself, not the server. */
export const MOST_LAG_MS = 20;
const LAG_PERCENTILE = 99;

/** Starts one piece of work. `dueAtMs`: its scheduled time on the clock of `performance.now()`, from which its latency counts. */
export type Work = (arrival: number, dueAtMs: number) => Promise<{ readonly kind: string; readonly outcome: Outcome }>;

export interface LoopResult {
  readonly samples: readonly Sample[];
  readonly wallMs: number;
  /** How late the generator itself was, milliseconds: starts after their scheduled time, and stalls of its event loop. */
  readonly lagMs: number;
  /** True when `lagMs` is above `MOST_LAG_MS`: its latencies count for nothing; its checks of text and duplicates do. */
  readonly isVoid: boolean;
}

/** Starts work at each arrival whatever has become of what came before, and waits until all of it has ended. */
export async function openLoop(arrivals: Arrivals, work: Work): Promise<LoopResult> {
  return measured(async (startMs, late) => {
    const running: Promise<Sample>[] = [];
    for (const [arrival, dueMs] of arrivals.entries()) {
      const dueAtMs = startMs + dueMs;
      await until(dueAtMs);
      late.push(performance.now() - dueAtMs);
      running.push(work(arrival, dueAtMs).then(({ kind, outcome }) => ({ kind, dueMs, outcome })));
    }
    return Promise.all(running);
  });
}

/** `clients` that each ask again as soon as they are answered, for `durationMs`. */
export async function closedLoop(clients: number, durationMs: number, work: Work): Promise<LoopResult> {
  return measured(async (startMs) => {
    const samples: Sample[] = [];
    let arrival = 0;
    await Promise.all(
      Array.from({ length: clients }, async () => {
        while (performance.now() - startMs < durationMs) {
          const dueAtMs = performance.now();
          const { kind, outcome } = await work(arrival++, dueAtMs);
          samples.push({ kind, dueMs: dueAtMs - startMs, outcome });
          // Whoever is turned away asks again after a moment, as clients do.
          if (outcome.end !== 'done') await until(performance.now() + 200);
        }
      }),
    );
    return samples;
  });
}

async function measured(run: (startMs: number, late: number[]) => Promise<readonly Sample[]>): Promise<LoopResult> {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  const late: number[] = [];
  delay.enable();
  const startMs = performance.now() + 50;
  const samples = await run(startMs, late);
  const wallMs = performance.now() - startMs;
  delay.disable();
  // The monitor counts its own timer's 5 ms.
  const stallsMs = Math.max(0, delay.percentile(LAG_PERCENTILE) / 1e6 - 5);
  const lagMs = Math.max(stallsMs, late.length === 0 ? 0 : latencyOf(late).p99);
  return { samples, wallMs, lagMs, isVoid: lagMs > MOST_LAG_MS };
}

/** Resolves at `atMs` of `performance.now()`, at once when that is over. */
export async function until(atMs: number): Promise<void> {
  const waitMs = atMs - performance.now();
  if (waitMs > 0)
    await new Promise<void>((resolve) => {
      setTimeout(resolve, waitMs);
    });
}
