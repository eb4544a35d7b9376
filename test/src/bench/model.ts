import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  benchModel,
  resolveModel,
  type BenchClip,
  type Dtype,
  type ModelFigure,
  type ResolvedModel,
} from '@murmuration/asr';
import { printFigures, type Figure } from '../harness/figures.js';
import { ROOT } from '../harness/service-process.js';
import { RATE_HZ, joined, samples, type Sample } from '../harness/wav.js';

/*
 * One model in one session of one thread: features, encoder, decoder and times real time at batch sizes 1, 4, 8 and 16, its word error rate, and
 * how often a clip's text changes with its batch mates. Whisper gets the samples joined to chunks of about 28 s, Moonshine each by itself.
 *
 *   npm run bench -- model [--model PATH] [--dtype auto|fp32|fp16|int8] [--batches 1,4,8,16] [--rounds N]
 */

const DTYPES: readonly Dtype[] = ['auto', 'fp32', 'fp16', 'int8'];
const PACKED_SAMPLES = 28 * RATE_HZ;
const PAUSE_MS = 400;

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'moonshine-tiny' },
    dtype: { type: 'string', default: 'auto' },
    batches: { type: 'string', default: '1,4,8,16' },
    rounds: { type: 'string', default: '16' },
  },
});
const dtype = DTYPES.find((known) => known === values.dtype);
const batchSizes = values.batches.split(',').map(Number);
const rounds = Number(values.rounds);
if (dtype === undefined) throw new RangeError(`--dtype must be one of ${DTYPES.join(', ')}`);
if (![...batchSizes, rounds].every((one) => Number.isInteger(one) && one >= 1))
  throw new RangeError('--batches and --rounds must be whole numbers, 1 or more');

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

const model = await resolveModel(values.model, { cacheDir: join(ROOT, '.murmuration', 'models'), dtype });
const { clips, timed } = await clipsFor(model.family);
const loadBefore = loadavg()[0] ?? 0;
const figures = await benchModel({ model, dtype, device: 'cpu', threads: 1, clips, timed, batchSizes, rounds });
process.stdout.write(
  `${model.id} ${figures[0]?.dtype ?? ''}, one session of one thread on ${String(availableParallelism())} cores, load ${loadBefore.toFixed(1)} before and ${(loadavg()[0] ?? 0).toFixed(1)} after\n`,
);
printFigures('model', figures.flatMap(printed));
