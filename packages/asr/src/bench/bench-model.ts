import { decodeOptionsSchema, SAMPLE_RATE_HZ } from '@murmuration/contracts';
import type { LoadOptions } from '../families/model-family.js';
import { loadRecognizer } from '../families/registry.js';
import type { Recognizer } from '../recognizer.js';
import { wordErrorRate, wordErrors } from './word-error-rate.js';

/** A recording with what is said in it. */
export interface BenchClip {
  readonly name: string;
  /** Mono, 16 kHz, [-1, 1]; not longer than the model's longest chunk. */
  readonly pcm: Float32Array;
  readonly text: string;
}

/** A figure of `benchModel`; times are milliseconds a clip, null where the model does not tell a stage apart. */
export type ModelFigure =
  | {
      readonly figure: 'word_error_rate';
      readonly model: string;
      readonly dtype: string;
      readonly clips: number;
      readonly words: number;
      readonly rate: number;
    }
  | {
      readonly figure: 'throughput';
      readonly model: string;
      readonly dtype: string;
      readonly batch: number;
      readonly featuresMs: number | null;
      readonly encoderMs: number | null;
      readonly decoderMs: number | null;
      readonly wallMs: number;
      readonly timesRealTime: number;
    }
  | {
      readonly figure: 'batch_independence';
      readonly model: string;
      readonly dtype: string;
      readonly changed: number;
      readonly total: number;
    };

export interface BenchModelOptions extends LoadOptions {
  readonly clips: readonly BenchClip[];
  /** Those of them that are timed; default all. */
  readonly timed?: readonly BenchClip[];
  /** Default 1, 4, 8, 16. */
  readonly batchSizes?: readonly number[];
  /** Clips that are measured a batch size: the given ones again and again. Default 32. */
  readonly rounds?: number;
}

/** Measures one session of a model in this thread: word error rate clip by clip, throughput at each batch size, and how often a text changes with its batch mates. */
export async function benchModel(options: BenchModelOptions): Promise<ModelFigure[]> {
  const recognizer = await loadRecognizer(options);
  try {
    const { id: model, dtype } = recognizer.description;
    const pcm = options.clips.map((clip) => clip.pcm);
    const timed = options.timed?.map((clip) => clip.pcm) ?? pcm;
    const figures: ModelFigure[] = [await accuracy(recognizer, options.clips)];
    for (const batch of options.batchSizes ?? [1, 4, 8, 16])
      figures.push(await throughput(recognizer, timed, batch, options.rounds ?? 32));
    figures.push({
      figure: 'batch_independence',
      model,
      dtype,
      ...(await measureBatchIndependence(recognizer, pcm, [2, 4, 8], seeded(1))),
    });
    return figures;
  } finally {
    await recognizer.close();
  }
}

async function accuracy(recognizer: Recognizer, clips: readonly BenchClip[]): Promise<ModelFigure> {
  const errors = [];
  for (const clip of clips) errors.push(wordErrors(clip.text, (await texts(recognizer, [clip.pcm]))[0] ?? ''));
  const { id: model, dtype } = recognizer.description;
  return {
    figure: 'word_error_rate',
    model,
    dtype,
    clips: clips.length,
    words: errors.reduce((sum, one) => sum + one.words, 0),
    rate: wordErrorRate(errors),
  };
}

async function throughput(
  recognizer: Recognizer,
  clips: readonly Float32Array[],
  batch: number,
  rounds: number,
): Promise<Extract<ModelFigure, { figure: 'throughput' }>> {
  const { id: model, dtype } = recognizer.description;
  const chunks = Array.from(
    { length: Math.max(rounds, batch) },
    (_, at) => clips[at % clips.length] ?? new Float32Array(SAMPLE_RATE_HZ),
  );
  const before = recognizer.stageMs;
  const began = performance.now();
  let rows = 0;
  let samples = 0;
  for (const group of byPaddedLength(recognizer, chunks).values()) {
    // Full batches only: a rest of another size would blur the figure.
    for (let at = 0; at < group.length; at += batch) {
      const part = Array.from(
        { length: batch },
        (_, row) => group[(at + row) % group.length] ?? new Float32Array(SAMPLE_RATE_HZ),
      );
      await texts(recognizer, part);
      rows += batch;
      samples += part.reduce((sum, pcm) => sum + pcm.length, 0);
    }
  }
  const wallMs = performance.now() - began;
  const after = recognizer.stageMs;
  const stageMs = (stage: 'features' | 'encoder' | 'decoder'): number | null => {
    const end = after?.[stage];
    return end === undefined ? null : (end - (before?.[stage] ?? 0)) / rows;
  };
  return {
    figure: 'throughput',
    model,
    dtype,
    batch,
    featuresMs: stageMs('features'),
    encoderMs: stageMs('encoder'),
    decoderMs: stageMs('decoder'),
    wallMs: wallMs / rows,
    timesRealTime: samples / SAMPLE_RATE_HZ / (wallMs / 1_000),
  };
}

/** Evenly spread numbers that are the same in every run (xorshift32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 0x1_0000_0000;
  };
}

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
function byPaddedLength(recognizer: Recognizer, chunks: readonly Float32Array[]): Map<number, Float32Array[]> {
  const groups = new Map<number, Float32Array[]>();
  for (const chunk of chunks) {
    const samples = recognizer.paddedSamples(chunk.length);
    groups.set(samples, [...(groups.get(samples) ?? []), chunk]);
  }
  return groups;
}

/** The text of each chunk of one batch. */
async function texts(recognizer: Recognizer, batch: readonly Float32Array[]): Promise<string[]> {
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
