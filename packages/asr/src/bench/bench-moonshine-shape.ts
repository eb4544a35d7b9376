import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { decodeOptionsSchema } from '@murmuration/contracts';
import { SAMPLE_RATE_HZ } from '@murmuration/contracts/audio-format';
import { loadMoonshine } from '../families/moonshine/moonshine-family.js';
import type { MoonshineRecognizer } from '../families/moonshine/moonshine-recognizer.js';
import type { BenchShapeOptions, ShapeFigure } from './bench-shape.js';
import { MOONSHINE_SHAPES, type MoonshineShape } from './random/shapes.js';
import { writeRandomMoonshine } from './random/random-moonshine.js';

/** Length of a chunk of ordinary speech. */
const CHUNK_SECONDS = 10;
const WINDOW_SECONDS = 30;

/** What is measured, and how: `tokens` are those of 30 s, as of Whisper's windows; of a Moonshine's chunk of 10 s a third. */
export interface BenchMoonshineOptions extends Omit<BenchShapeOptions, 'shape' | 'dtype' | 'onFigure'> {
  /** A name of `MOONSHINE_SHAPES`, or a shape of one's own. */
  readonly shape: string | MoonshineShape;
  readonly dtype: 'fp32' | 'int8';
  readonly onFigure?: (figure: ShapeFigure) => void;
}

/** True when the name is that of a Moonshine's shape. */
export function isMoonshineShape(name: string): boolean {
  return Object.hasOwn(MOONSHINE_SHAPES, name);
}

/** As `benchShape`, of a Moonshine. Throws `RangeError` for an unknown shape, and what loading or running throws. */
export async function benchMoonshineShape(options: BenchMoonshineOptions): Promise<ShapeFigure[]> {
  const { folder, dtype, device, threads, binding, gpu } = options;
  const shape = typeof options.shape === 'string' ? shapeNamed(options.shape) : options.shape;
  if (!existsSync(join(folder, 'decoder_model_merged.onnx'))) await writeRandomMoonshine(folder, shape);
  const id = 'random-moonshine';
  const recognizer = await loadMoonshine({ id, slug: id, folder, dtype, device, threads, binding, gpu });
  try {
    const figures: ShapeFigure[] = [];
    for (const batch of options.batchSizes) {
      const figure = await measured(recognizer, batch, options);
      options.onFigure?.(figure);
      figures.push(figure);
    }
    return figures;
  } finally {
    await recognizer.close();
  }
}

function shapeNamed(name: string): MoonshineShape {
  const shape = isMoonshineShape(name) ? MOONSHINE_SHAPES[name] : undefined;
  if (shape === undefined)
    throw new RangeError(`the shape ${name} is unknown: use one of ${Object.keys(MOONSHINE_SHAPES).join(', ')}`);
  return shape;
}

async function measured(
  recognizer: MoonshineRecognizer,
  batch: number,
  { tokens, rounds }: Pick<BenchMoonshineOptions, 'tokens' | 'rounds'>,
): Promise<ShapeFigure> {
  const perChunk = Math.max(2, Math.round((tokens * CHUNK_SECONDS) / WINDOW_SECONDS));
  const firsts: Cost[] = [];
  const wholes: Cost[] = [];
  for (let round = -1; round < rounds; round++) {
    const [first, whole] = [await timed(recognizer, batch, 1), await timed(recognizer, batch, perChunk)];
    if (round < 0) continue;
    firsts.push(first);
    wholes.push(whole);
  }
  const encoderMs = median(wholes.map((one) => one.encoderMs));
  const firstMs = median(firsts.map((one) => one.decoderMs));
  const decoderMs = median(wholes.map((one) => one.decoderMs));
  return {
    batch,
    encoderMs,
    firstMs,
    stepMs: (decoderMs - firstMs) / (perChunk - 1),
    stepHostBytes: ((wholes[0]?.hostBytes ?? 0) - (firsts[0]?.hostBytes ?? 0)) / (perChunk - 1),
    windowHostBytes: firsts[0]?.hostBytes ?? 0,
    timesRealTime: (batch * CHUNK_SECONDS * 1_000) / (encoderMs + decoderMs),
  };
}

interface Cost {
  readonly encoderMs: number;
  readonly decoderMs: number;
  readonly hostBytes: number;
}

/** One batch whose rows are ended after so many tokens. */
async function timed(recognizer: MoonshineRecognizer, batch: number, tokens: number): Promise<Cost> {
  const options = decodeOptionsSchema.parse({});
  const pcm = Float32Array.from(
    { length: CHUNK_SECONDS * SAMPLE_RATE_HZ },
    (_, at) => 0.1 * Math.sin(at / 9) * Math.sin(at / 999),
  );
  const rows = Array.from({ length: batch }, () => ({ pcm, options }));
  // A row is asked for once before its first token and once before each further one.
  const asked = new Array<number>(batch).fill(0);
  const before = { ...recognizer.stageMs, hostBytes: recognizer.hostBytes };
  await recognizer.recognize(rows, (row) => {
    asked[row] = (asked[row] ?? 0) + 1;
    return asked[row] > tokens;
  });
  const after = recognizer.stageMs;
  return {
    encoderMs: after.encoder - before.encoder,
    decoderMs: after.decoder - before.decoder,
    hostBytes: recognizer.hostBytes - before.hostBytes,
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}
