import type { ChunkPolicy, ModelDescription } from '@murmuration/contracts';
import { SAMPLE_RATE_HZ, msToSamples } from '@murmuration/contracts/audio-format';
import type { PoolSession } from './pool-session.js';
import { isOutOfMemory } from '@murmuration/onnx';
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

/**
 * Every padded length with every batch size on every session, all sessions at once: that is how they will run. Where memory runs out the largest size is
 * left out, and so on down to 1.
 */
export async function warmUp(
  description: ModelDescription,
  sessions: readonly PoolSession[],
  maxBatch: number,
  onProgress: PoolProgress,
): Promise<{ readonly times: ShapeTimes; readonly maxBatch: number }> {
  const times = new ShapeTimes();
  let rows = rowsToWarm(maxBatch);
  // The longest first: buffers that grow from length to length would leave holes in the memory.
  const lengths = lengthsToWarm(description.chunkPolicy).toReversed();
  for (const [done, samples] of lengths.entries()) {
    const seconds = samples / SAMPLE_RATE_HZ;
    onProgress(
      LOADED_FRACTION + ((1 - LOADED_FRACTION) * done) / lengths.length,
      `warming up: chunks of ${String(seconds)} s, up to ${String(rows.at(-1) ?? 1)} at once`,
    );
    let rehearsed: readonly (readonly number[])[] | null = null;
    while (rehearsed === null) {
      rehearsed = await rehearsedBy(sessions, samples, rows);
      if (rehearsed === null) rows = rows.slice(0, -1);
    }
    for (const measured of rehearsed) {
      measured.forEach((ms, at) => {
        times.record(samples, rows[at] ?? 1, ms);
      });
    }
  }
  onProgress(1, 'ready');
  return { times, maxBatch: rows.at(-1) ?? 1 };
}

/** Times of each session; null where memory ran out and a smaller batch may pass. */
async function rehearsedBy(
  sessions: readonly PoolSession[],
  paddedSamples: number,
  rows: readonly number[],
): Promise<(readonly number[])[] | null> {
  const results = await Promise.allSettled(sessions.map((session) => session.rehearse({ paddedSamples, rows })));
  const failed = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  if (failed.length === 0) return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const fatal = failed.find((error) => !isOutOfMemory(error));
  if (fatal !== undefined || rows.length === 1) throw fatal ?? failed[0];
  return null;
}
