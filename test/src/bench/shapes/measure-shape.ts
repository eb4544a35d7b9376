import { mkdirSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import {
  benchMoonshineShape,
  benchShape,
  isMoonshineShape,
  isOutOfMemory,
  type BenchShapeOptions,
  type ShapeFigure,
  type WhisperShapeFigure,
} from '@murmuration/asr';
import { engineFolder } from '@murmuration/onnx';
import { gpuFacts } from '@murmuration/runtime';
import { printFigures, type Figure } from '../../harness/figures.js';
import { ROOT } from '../../harness/service-process.js';

export type ShapeDevice = BenchShapeOptions['device'];

export interface MeasureShapeOptions extends Omit<
  BenchShapeOptions,
  'folder' | 'threads' | 'gpu' | 'onFigure' | 'shape'
> {
  readonly shape: string;
}

/** The element type of a shape on a device, where none is asked for. */
export function usualDtype(shape: string, device: ShapeDevice): BenchShapeOptions['dtype'] {
  if (device === 'cpu') return 'int8';
  return isMoonshineShape(shape) ? 'fp32' : 'fp16';
}

/** Writes a model of a published shape with random weights into .murmuration/shapes, unless it is there, and prints what it costs at each batch size. */
export async function measureShape(options: MeasureShapeOptions): Promise<void> {
  const { shape, dtype, device, tokens } = options;
  const figures: Figure[] = [];
  const waiting: Promise<void>[] = [];
  const add = (figure: ShapeFigure | WhisperShapeFigure): void => {
    figures.push(...printed(figure));
    waiting.push(
      memoryMiB(device).then((value) => {
        figures.push({ name: `batch ${String(figure.batch)}, memory`, value, unit: 'MiB', note: 'so far' });
      }),
    );
  };
  const loadBefore = loadavg()[0] ?? 0;
  let shortAt: string | null = null;
  const gpuLibraries = process.env['GPU_LIBRARIES'] ?? join(ROOT, '.murmuration', 'gpu');
  const engines =
    device === 'tensorrt'
      ? engineFolder(join(ROOT, '.murmuration', 'shapes', 'engines'), { folder: gpuLibraries })
      : undefined;
  if (engines !== undefined) mkdirSync(engines, { recursive: true });
  try {
    const shapes = join(ROOT, '.murmuration', 'shapes');
    const common = {
      ...options,
      threads: 1,
      gpu: { folder: gpuLibraries, engines, maxRows: Math.max(...options.batchSizes) },
      onFigure: add,
    };
    if (!isMoonshineShape(shape)) await benchShape({ ...common, folder: join(shapes, `${shape}-${dtype}`) });
    else if (dtype === 'fp16') throw new RangeError('Moonshine has no fp16: set --dtype to int8 or fp32');
    // Its file is in 8 bits, and fp32 computes with that.
    else await benchMoonshineShape({ ...common, dtype, folder: join(shapes, shape) });
  } catch (error) {
    if (!isOutOfMemory(error) || figures.length === 0) throw error;
    shortAt = 'a larger batch ran out of memory';
  }
  await Promise.all(waiting);
  const card = device === 'cpu' ? 'one thread' : ((await gpuFacts().catch(() => []))[0]?.name ?? 'an unknown card');
  process.stdout.write(
    `${shape} ${dtype} of random weights on ${device} (${card}), ${String(tokens)} tokens a window of 30 s, load ${loadBefore.toFixed(1)} before and ${(loadavg()[0] ?? 0).toFixed(1)} after\n`,
  );
  if (shortAt !== null) process.stdout.write(`${shortAt}\n`);
  printFigures('model', figures);
}

function printed(figure: ShapeFigure | WhisperShapeFigure): Figure[] {
  const of = `batch ${String(figure.batch)}`;
  return [
    ...('featuresMs' in figure ? [{ name: `${of}, features`, value: figure.featuresMs, unit: 'ms a batch' }] : []),
    { name: `${of}, encoder`, value: figure.encoderMs, unit: 'ms a batch' },
    { name: `${of}, first step`, value: figure.firstMs, unit: 'ms a batch' },
    { name: `${of}, step`, value: figure.stepMs, unit: 'ms a batch' },
    { name: `${of}, host traffic of a step`, value: figure.stepHostBytes / 1_024, unit: 'KB' },
    {
      name: `${of}, host traffic before`,
      value: figure.windowHostBytes / 1_024,
      unit: 'KB',
      note: 'encoder, first step',
    },
    { name: of, value: figure.timesRealTime, unit: 'x real time' },
  ];
}

/** Memory in use: of the card as the driver tells it, else of this process. */
async function memoryMiB(device: ShapeDevice): Promise<number> {
  const resident = process.memoryUsage.rss() / 2 ** 20;
  if (device === 'cpu') return resident;
  return (await gpuFacts().catch(() => []))[0]?.memoryUsedMiB ?? Number.NaN;
}
