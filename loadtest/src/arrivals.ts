/** When requests begin, milliseconds from the start of the run, ascending. Fixed before the run: a slow answer delays no arrival. */
export type Arrivals = readonly number[];

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
