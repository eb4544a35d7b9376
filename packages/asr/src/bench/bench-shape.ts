import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LogMelExtractor, WINDOW_AUDIO_SAMPLES, WINDOW_FRAMES } from '../families/whisper/features/log-mel.js';
import type { Vocabulary } from '../families/whisper/model/vocabulary.js';
import type { GenerationRequest } from '../families/whisper/model/speech-model.js';
import { loadWhisperParts, type WhisperLoadOptions } from '../families/whisper/whisper-family.js';
import type { WhisperParts } from '../families/whisper/whisper-parts.js';
import type { WhisperDtype } from '../models/model-folder.js';
import { writeRandomWhisper } from './random/random-whisper.js';
import { WHISPER_SHAPES, type WhisperShape } from './random/shapes.js';

const WINDOW_SECONDS = 30;
const STAGES = ['features', 'encoder', 'first', 'decoder'] as const;

/** What one batch size costs; times are milliseconds a batch, or a step of a batch. */
export interface ShapeFigure {
  readonly batch: number;
  readonly encoderMs: number;
  /** The decoder's first step, over the prompt. */
  readonly firstMs: number;
  /** Each further step, with the choice of its tokens. */
  readonly stepMs: number;
  /** What a further step takes from host memory and gives there: of the whole batch. */
  readonly stepHostBytes: number;
  /** The same of encoder and first step together. */
  readonly windowHostBytes: number;
  /** Seconds of audio a second, with `tokens` in 30 s. */
  readonly timesRealTime: number;
}

/** The same of a Whisper. */
export interface WhisperShapeFigure extends ShapeFigure {
  readonly featuresMs: number;
}

export interface BenchShapeOptions extends Pick<WhisperLoadOptions, 'device' | 'threads' | 'gpu' | 'binding'> {
  /** A name of `WHISPER_SHAPES`, or a shape of one's own. */
  readonly shape: string | WhisperShape;
  readonly dtype: WhisperDtype;
  /** Where the model is written; one that is there is used again. */
  readonly folder: string;
  readonly batchSizes: readonly number[];
  /** Tokens written into each window of 30 s; speech has about 110. */
  readonly tokens: number;
  /** Batches measured a size, after one that is not; medians are told. */
  readonly rounds: number;
  readonly onFigure?: (figure: WhisperShapeFigure) => void;
}

/**
 * Measures a model of a published shape with random weights in this thread: what a batch of windows takes, whatever is written in them.
 * Throws `RangeError` for an unknown shape, and what loading or running throws (`isOutOfMemory`: a smaller batch may pass).
 */
export async function benchShape(options: BenchShapeOptions): Promise<WhisperShapeFigure[]> {
  const { folder, dtype } = options;
  const shape = typeof options.shape === 'string' ? shapeNamed(options.shape) : options.shape;
  if (!existsSync(join(folder, 'config.json'))) await writeRandomWhisper(folder, shape, dtype);
  const parts = await loadWhisperParts(options);
  try {
    const figures: WhisperShapeFigure[] = [];
    for (const batch of options.batchSizes) {
      const figure = await measured(parts, batch, options);
      options.onFigure?.(figure);
      figures.push(figure);
    }
    return figures;
  } finally {
    await parts.model.close();
  }
}

function shapeNamed(name: string): WhisperShape {
  const shape = Object.hasOwn(WHISPER_SHAPES, name) ? WHISPER_SHAPES[name] : undefined;
  if (shape === undefined)
    throw new RangeError(`the shape ${name} is unknown: use one of ${Object.keys(WHISPER_SHAPES).join(', ')}`);
  return shape;
}

async function measured(
  { model, settings, vocabulary }: WhisperParts,
  batch: number,
  { tokens, rounds }: BenchShapeOptions,
): Promise<WhisperShapeFigure> {
  const prompt = promptOf(vocabulary);
  const rehearsed = await model.rehearse(batch, WINDOW_FRAMES, prompt, () => performance.now());
  const pcm = Float32Array.from(
    { length: WINDOW_AUDIO_SAMPLES },
    (_, at) => 0.1 * Math.sin(at / 9) * Math.sin(at / 999),
  );
  const extractor = new LogMelExtractor(settings.mels);
  const requests = Array.from({ length: batch }, (_, row) => requestFor(row, prompt, tokens));
  const firstTokens = requests.map((request) => ({ ...request, maxNewTokens: 1 }));
  const times: Record<(typeof STAGES)[number], number>[] = [];
  for (let round = -1; round < rounds; round++) {
    const began = performance.now();
    const windows = requests.map(() => extractor.extract(pcm).values);
    const features = new Float32Array(windows.reduce((sum, window) => sum + window.length, 0));
    windows.forEach((window, row) => {
      features.set(window, row * window.length);
    });
    const encoding = performance.now();
    const audio = await model.encode(features, batch);
    const writing = performance.now();
    let all = writing;
    try {
      await model.generate(audio, firstTokens, () => false);
      all = performance.now();
      await model.generate(audio, requests, () => false);
    } finally {
      audio.dispose();
    }
    if (round >= 0)
      times.push({
        features: encoding - began,
        encoder: writing - encoding,
        first: all - writing,
        decoder: performance.now() - all,
      });
  }
  const [featuresMs = 0, encoderMs = 0, firstMs = 0, decoderMs = 0] = STAGES.map((stage) =>
    median(times.map((time) => time[stage])),
  );
  return {
    batch,
    featuresMs,
    encoderMs,
    firstMs,
    stepMs: (decoderMs - firstMs) / Math.max(1, tokens - 1),
    stepHostBytes: rehearsed.stepHostBytes,
    windowHostBytes: rehearsed.windowHostBytes,
    timesRealTime: (batch * WINDOW_SECONDS * 1_000) / (featuresMs + encoderMs + decoderMs),
  };
}

function promptOf({ multilingual, startOfTranscript, languages, transcribe }: Vocabulary): number[] {
  return multilingual ? [startOfTranscript, languages.get('en') ?? 0, transcribe] : [startOfTranscript];
}

function requestFor(row: number, prompt: readonly number[], tokens: number): GenerationRequest {
  return {
    row,
    prompt,
    startIndex: 0,
    timestamps: true,
    maxNewTokens: tokens,
    temperature: 0,
    seed: 0,
    lastTime: null,
    loops: () => false,
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}
