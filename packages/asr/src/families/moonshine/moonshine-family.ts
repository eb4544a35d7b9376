import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChunkPolicy } from '@murmuration/contracts';
import { SAMPLE_RATE_HZ } from '@murmuration/contracts/audio-format';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import type { Binding, Device, GpuOptions } from '@murmuration/onnx';
import { ModelFileFault, type Dtype } from '../../models/model-files.js';
import type { ModelFamily } from '../model-family.js';
import { MoonshineRecognizer } from './moonshine-recognizer.js';

/**
 * How recordings are cut for Moonshine. Measured end to end (detector, planner, model) on the English evaluation clips and five LibriVox
 * clips (21 clips, 193 words), one by one and joined into one recording with pauses of 0.3, 0.8 and 1.5 s (579 words):
 * - every utterance by itself: 8 and 26 words wrong; utterances less than 2 s apart packed to 10 s with the silence between them kept:
 *   4 and 13 words. A short utterance alone lacks what the model guesses from. Packed to 15 s: 4 and 15 to 16 words.
 * - longer chunks cost more: the attention is over the whole chunk (42 times real time at utterance length, 26 at 40 s);
 * - the grid is that of the decoder's batch only, whose padding is masked: 0.5, 1, 2 and 4 s change no text. Silence added to the
 *   audio would: at 0.5 and 1 s 2 texts in 16. A wide grid finds more batch mates, and the padding costs less than they save.
 */
export const MOONSHINE_CHUNK_POLICY: ChunkPolicy = {
  sampleRateHz: SAMPLE_RATE_HZ,
  maxChunkMs: 20_000,
  targetChunkMs: 10_000,
  packGapMs: 2_000,
  gridMs: 4_000,
  overlapMs: 1_000,
};

interface MoonshineLoadOptions {
  readonly id: string;
  readonly slug: string;
  /** Folder with `encoder_model.onnx` and `decoder_model_merged.onnx`. */
  readonly folder: string;
  /** `auto`: int8 on a CPU, fp32 on a GPU. `fp32` computes with the file's 8-bit weights in floats. */
  readonly dtype: Dtype;
  readonly device: Device;
  readonly threads: number;
  readonly binding?: Binding | undefined;
  readonly gpu?: GpuOptions | undefined;
}

/**
 * Loads Moonshine. Throws an error that says which dtypes there are, or what is wrong with a file.
 * @param onCard whether the decoder is made as for a graphics card; on a CPU for tests
 */
export async function loadMoonshine(
  options: MoonshineLoadOptions,
  onCard = options.device !== 'cpu',
): Promise<MoonshineRecognizer> {
  const dtype = options.dtype === 'auto' ? (options.device === 'cpu' ? 'int8' : 'fp32') : options.dtype;
  if (options.device === 'tensorrt')
    throw new Error('Moonshine has no engines of TensorRT, since its audio has any length: set the device to cuda');
  if (dtype === 'fp16') throw new Error('Moonshine has no fp16: set the dtype to int8 (on a CPU), fp32 or auto');
  return MoonshineRecognizer.load(
    {
      folder: options.folder,
      device: options.device,
      threads: options.threads,
      binding: options.binding,
      gpu: options.gpu,
      arithmetic: dtype === 'int8' ? 'int8-per-row' : 'float32',
      description: {
        id: options.id,
        slug: options.slug,
        family: 'moonshine',
        languages: ['en'],
        tasks: ['transcribe'],
        wordTimes: 'approximate',
        detectsLanguage: false,
        dtype,
        chunkPolicy: MOONSHINE_CHUNK_POLICY,
      },
    },
    onCard,
  );
}

const FILES = ['encoder_model.onnx', 'decoder_model_merged.onnx'] as const;

async function checkFolder(folder: string, id: string): Promise<void> {
  for (const name of FILES) {
    const found = await stat(join(folder, name)).catch(leaveAlone('unreadable', null));
    if (found === null)
      throw new ModelFileFault(
        `the model file ${name} is missing in the folder ${id}: expected ${FILES.join(' and ')}, or a config.json of model_type whisper`,
      );
    if (found.size === 0)
      throw new ModelFileFault(`the model file ${name} in the folder ${id} is empty: expected a graph, found 0 bytes`);
  }
}

/** Moonshine (Useful Sensors, English): two graphs out of an npm package, or a folder that holds them. */
export const MOONSHINE: ModelFamily = {
  packaged: {
    // MIT, trained by Useful Sensors; the npm package holds the quantised export of onnx-community/moonshine-tiny-ONNX.
    'moonshine-tiny': {
      folder: 'moonshine-tiny',
      source: 'npm package @moonshine-ai/moonshine-js 0.1.29, dist/model/tiny/quantized',
      files: [
        {
          name: 'encoder_model.onnx',
          bytes: 7_937_661,
          sha256: 'c6fc4b7bc5af75c0591fd157a1f3829b533d18e9769a888fd95a62e470dd4f4a',
        },
        {
          name: 'decoder_model_merged.onnx',
          bytes: 20_243_286,
          sha256: 'eed87831c3a6103534aae7d47a5d485025c659a1323901513961c39fe8a1a367',
        },
      ],
    },
  },
  hubModels: {},
  hubAliases: {},
  hubRefusal:
    'is a Moonshine from the hub, whose layout is not read: use moonshine-tiny, or the path of a folder with encoder_model.onnx and decoder_model_merged.onnx',
  checkFolder,
  mixesLengths: true,
  load: ({ model: { id, slug, folder }, dtype, device, threads, binding, gpu }) =>
    loadMoonshine({ id, slug, folder, dtype, device, threads, binding, gpu }),
};
