import type { ChunkPolicy, ModelDescription } from '@murmuration/contracts';
import { SAMPLE_RATE_HZ, msToSamples } from '@murmuration/contracts/audio-format';
import type { PoolSession } from './pool-session.js';
import { ShapeTimes } from './shape-times.js';

/** How far loading is: 0 to 1, and what is being done. */
export type PoolProgress = (fraction: number, text: string) => void;

/** Share of the progress that loading takes; the rest is warm-up. */
export const LOADED_FRACTION = 0.4;
/** More padded lengths than this are not warmed one by one: those between are interpolated. */
const MAX_LENGTHS = 8;

/** Padded lengths that a model's chunks have, shortest first; a fine grid is thinned out, keeping both ends. */
export function lengthsToWarm(policy: ChunkPolicy): number[] {
  const gridSamples = msToSamples(policy.gridMs);
  const steps = Math.max(1, Math.ceil(policy.maxChunkMs / policy.gridMs));
  const count = Math.min(steps, MAX_LENGTHS);
  const chosen = Array.from({ length: count }, (_, at) =>
    count === 1 ? steps : 1 + Math.round((at * (steps - 1)) / (count - 1)),
  );
  return [...new Set(chosen)].map((step) => step * gridSamples);
}

/** 1, 2, 4 … and the largest. */
export function rowsToWarm(maxBatch: number): number[] {
  const rows: number[] = [];
  for (let count = 1; count < maxBatch; count *= 2) rows.push(count);
  return [...rows, maxBatch];
}

/** Every padded length with every batch size on every session, all sessions at once: that is how they will run. */
export async function warmUp(
  description: ModelDescription,
  sessions: readonly PoolSession[],
  maxBatch: number,
  onProgress: PoolProgress,
): Promise<ShapeTimes> {
  const times = new ShapeTimes();
  const rows = rowsToWarm(maxBatch);
  // The longest first: buffers that grow from length to length would leave holes in the memory.
  const lengths = lengthsToWarm(description.chunkPolicy).toReversed();
  for (const [done, samples] of lengths.entries()) {
    const seconds = samples / SAMPLE_RATE_HZ;
    onProgress(
      LOADED_FRACTION + ((1 - LOADED_FRACTION) * done) / lengths.length,
      `warming up: chunks of ${String(seconds)} s, up to ${String(maxBatch)} at once`,
    );
    for (const measured of await Promise.all(
      sessions.map((session) => session.rehearse({ paddedSamples: samples, rows })),
    )) {
      measured.forEach((ms, at) => {
        times.record(samples, rows[at] ?? 1, ms);
      });
    }
  }
  onProgress(1, 'ready');
  return times;
}
