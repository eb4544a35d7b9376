import type { ChunkPolicy, ModelDescription } from '@murmuration/contracts';
import { msToSamples, SAMPLE_RATE_HZ } from '@murmuration/contracts/audio-format';
import type { PoolSession } from './pool-session.js';
import { isOutOfMemory } from '@murmuration/onnx';

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

/** Share of the newest batch in the correction: about the last ten count, the warm-up as one of them at first. */
const NEWEST_SHARE = 0.1;
/** One odd batch (a cancelled one, a paused machine) may not spoil the correction. */
const CORRECTION_RANGE = { min: 0.1, max: 10 } as const;

/** How long batches take: the shapes measured in warm-up, corrected by the batches since. */
export class ShapeTimes {
  readonly #byLength = new Map<number, Map<number, number>>();
  #correction = 1;
  #observed = 1;

  /** Keeps the slower of two measurements of a shape: sessions side by side share the machine. */
  record(samples: number, rows: number, ms: number): void {
    const byRows = this.#byLength.get(samples) ?? new Map<number, number>();
    byRows.set(rows, Math.max(ms, byRows.get(rows) ?? 0));
    this.#byLength.set(samples, byRows);
  }

  /** Takes in how long a batch really took. */
  observe(samples: number, rows: number, ms: number): void {
    const measured = this.#measuredMs(samples, rows);
    if (measured === 0) return;
    const ratio = Math.min(CORRECTION_RANGE.max, Math.max(CORRECTION_RANGE.min, ms / measured));
    this.#correction += (ratio - this.#correction) * Math.max(NEWEST_SHARE, 1 / ++this.#observed);
  }

  /** Milliseconds of a batch; between measured shapes in proportion, outside them by the nearest. 0 when nothing was measured. */
  predictMs(samples: number, rows: number): number {
    return this.#measuredMs(samples, rows) * this.#correction;
  }

  #measuredMs(samples: number, rows: number): number {
    const atLengths = new Map([...this.#byLength].map(([length, byRows]) => [length, interpolate(byRows, rows)]));
    return interpolate(atLengths, samples);
  }
}

/** Value at `at` on the line through the two nearest known points; through the nearest and zero outside them. */
function interpolate(points: ReadonlyMap<number, number>, at: number): number {
  const known = [...points].sort(([a], [b]) => a - b);
  const above = known.find(([x]) => x >= at);
  const below = known.findLast(([x]) => x <= at);
  if (above !== undefined && below !== undefined) {
    return above[0] === below[0]
      ? above[1]
      : below[1] + ((above[1] - below[1]) * (at - below[0])) / (above[0] - below[0]);
  }
  if (above !== undefined) return above[1];
  return below === undefined ? 0 : (below[1] * at) / below[0];
}
