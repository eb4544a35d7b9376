import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import {
  benchModel,
  resolveModel,
  type BenchClip,
  type Dtype,
  type ModelFigure,
  type ResolvedModel,
} from '@murmuration/asr';
import { benchOptions } from '../harness/bench-options.js';
import { printFigures, type Figure } from '../harness/figures.js';
import { ROOT } from '../harness/service-process.js';
import { RATE_HZ, joined, samples, type Sample } from '../harness/wav.js';
import { measureShape, usualDtype, type ShapeDevice } from './shapes/measure-shape.js';

/*
 * One model in one session of one thread: features, encoder, decoder and times real time at batch sizes 1, 4, 8 and 16, its word error rate, and
 * how often a clip's text changes with its batch mates. Whisper gets the samples joined to chunks of about 28 s, Moonshine each by itself.
 *
 *   npm run bench -- model [--model PATH] [--dtype auto|fp32|fp16|int8] [--batches 1,4,8,16] [--rounds N]
 *
 * With a shape: a Whisper or Moonshine of that published shape with random weights, made here, on any device. Its speed is that of the real one, for
 * it does not depend on weights. Each window of 30 s gets as many tokens as are asked for; a Moonshine gets chunks of 10 s, with a third of them.
 *
 *   npm run bench -- model --shape large-v3-turbo|moonshine-base|… [--device cpu|cuda|tensorrt|webgpu] [--dtype fp32|fp16|int8] [--batches 1,2,4,8,16,32]
 *     [--tokens 110] [--rounds 3]
 */

const DTYPES: readonly Dtype[] = ['auto', 'fp32', 'fp16', 'int8'];
const PACKED_SAMPLES = 28 * RATE_HZ;
const PAUSE_MS = 400;

const DEVICES: readonly ShapeDevice[] = ['cpu', 'cuda', 'tensorrt', 'webgpu'];
const values = benchOptions({
  model: { type: 'string', default: 'moonshine-tiny' },
  shape: { type: 'string' },
  device: { type: 'string', default: 'cpu' },
  dtype: { type: 'string', default: 'auto' },
  batches: { type: 'string' },
  tokens: { type: 'string', default: '110' },
  rounds: { type: 'string' },
});
const ofShape = values.shape !== undefined;
const dtype = DTYPES.find((known) => known === values.dtype);
const device = DEVICES.find((known) => known === values.device);
const batchSizes = (values.batches ?? (ofShape ? '1,2,4,8,16,32' : '1,4,8,16')).split(',').map(Number);
const tokens = Number(values.tokens);
const rounds = Number(values.rounds ?? (ofShape ? 3 : 16));
if (dtype === undefined) throw new RangeError(`--dtype must be one of ${DTYPES.join(', ')}`);
if (device === undefined) throw new RangeError(`--device must be one of ${DEVICES.join(', ')}`);
if (!ofShape && device !== 'cpu') throw new RangeError('--device is for --shape');
if (![...batchSizes, tokens, rounds].every((one) => Number.isInteger(one) && one >= 1))
  throw new RangeError('--batches, --tokens and --rounds must be whole numbers, 1 or more');

/** Samples one after the other until a chunk is full; each begins with another sample, so that no two are alike. */
function packed(clips: readonly Sample[]): BenchClip[] {
  return clips.map((_, first) => {
    const chosen: Sample[] = [];
    let length = 0;
    for (let at = first; ; at++) {
      const clip = clips[at % clips.length];
      if (clip === undefined) break;
      length += clip.pcm.length + (PAUSE_MS * RATE_HZ) / 1_000;
      if (length > PACKED_SAMPLES) break;
      chosen.push(clip);
    }
    return {
      name: chosen.map((clip) => clip.name).join(' + '),
      pcm: floats(
        joined(
          chosen.map((clip) => clip.pcm),
          PAUSE_MS,
        ),
      ),
      text: chosen.map((clip) => clip.said).join(' '),
    };
  });
}

function floats(pcm: Int16Array): Float32Array {
  return Float32Array.from(pcm, (value) => value / 32_768);
}

async function clipsFor(family: ResolvedModel['family']): Promise<{ clips: BenchClip[]; timed: BenchClip[] }> {
  const recorded = await samples();
  const single = recorded.map((clip): BenchClip => ({ name: clip.name, pcm: floats(clip.pcm), text: clip.said }));
  const full = family === 'whisper' ? packed(recorded) : [];
  return { clips: [...full, ...single], timed: full.length > 0 ? full : single };
}

function printed(figure: ModelFigure): Figure[] {
  switch (figure.figure) {
    case 'word_error_rate':
      return [
        {
          name: 'word error rate',
          value: figure.rate * 100,
          unit: '%',
          note: `${String(figure.clips)} clips, ${String(figure.words)} words`,
        },
      ];
    case 'batch_independence':
      return [
        {
          name: 'texts changed by batch mates',
          value: figure.changed,
          unit: `of ${String(figure.total)}`,
          note: 'random batches of 2, 4 and 8',
        },
      ];
    case 'throughput': {
      const stages = (['features', 'encoder', 'decoder'] as const).flatMap((stage): Figure[] => {
        const ms = figure[`${stage}Ms`];
        return ms === null ? [] : [{ name: `batch ${String(figure.batch)}, ${stage}`, value: ms, unit: 'ms a clip' }];
      });
      return [
        ...stages,
        {
          name: `batch ${String(figure.batch)}`,
          value: figure.timesRealTime,
          unit: 'x real time',
          note: `${figure.wallMs.toFixed(0)} ms a clip`,
        },
      ];
    }
  }
}

async function measureModel(name: string, chosen: Dtype): Promise<void> {
  const model = await resolveModel(name, { cacheDir: join(ROOT, '.murmuration', 'models'), dtype: chosen });
  const { clips, timed } = await clipsFor(model.family);
  const loadBefore = loadavg()[0] ?? 0;
  const figures = await benchModel({
    model,
    dtype: chosen,
    device: 'cpu',
    threads: 1,
    clips,
    timed,
    batchSizes,
    rounds,
  });
  process.stdout.write(
    `${model.id} ${figures[0]?.dtype ?? ''}, one session of one thread on ${String(availableParallelism())} cores, load ${loadBefore.toFixed(1)} before and ${(loadavg()[0] ?? 0).toFixed(1)} after\n`,
  );
  printFigures('model', figures.flatMap(printed));
}

if (values.shape === undefined) await measureModel(values.model, dtype);
else
  await measureShape({
    shape: values.shape,
    dtype: dtype !== 'auto' ? dtype : usualDtype(values.shape, device),
    device,
    batchSizes,
    tokens,
    rounds,
  });
