import { decodeOptionsSchema } from '@murmuration/contracts';
import type { Recognizer } from '../recognizer.js';

/** How often a chunk's text changed with its batch mates. */
export interface BatchIndependence {
  readonly changed: number;
  readonly total: number;
}

const OPTIONS = decodeOptionsSchema.parse({});

/**
 * Each chunk alone, then in random batches of each size among chunks of its padded length: how many texts differ.
 * @param random 0 to 1, evenly
 */
export async function measureBatchIndependence(
  recognizer: Recognizer,
  chunks: readonly Float32Array[],
  sizes: readonly number[],
  random: () => number,
): Promise<BatchIndependence> {
  const alone = new Map<Float32Array, string>();
  for (const chunk of chunks) alone.set(chunk, (await texts(recognizer, [chunk]))[0] ?? '');
  let changed = 0;
  let total = 0;
  for (const size of sizes) {
    for (const group of byPaddedLength(recognizer, shuffled(chunks, random)).values()) {
      for (let at = 0; at < group.length; at += size) {
        const batch = group.slice(at, at + size);
        const heard = await texts(recognizer, batch);
        changed += batch.filter((chunk, row) => alone.get(chunk) !== heard[row]).length;
        total += batch.length;
      }
    }
  }
  return { changed, total };
}

/** Chunks that may share a batch, by their padded length. */
export function byPaddedLength(recognizer: Recognizer, chunks: readonly Float32Array[]): Map<number, Float32Array[]> {
  const groups = new Map<number, Float32Array[]>();
  for (const chunk of chunks) {
    const samples = recognizer.paddedSamples(chunk.length);
    groups.set(samples, [...(groups.get(samples) ?? []), chunk]);
  }
  return groups;
}

/** The text of each chunk of one batch. */
export async function texts(recognizer: Recognizer, batch: readonly Float32Array[]): Promise<string[]> {
  const recognitions = await recognizer.recognize(
    batch.map((pcm) => ({ pcm, options: OPTIONS })),
    () => false,
  );
  return recognitions.map((recognition) => recognition.segments.map((segment) => segment.text).join(' '));
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
