import type { Device } from '@murmuration/onnx';
import type { Recognizer } from '../../recognizer.js';
import type { Dtype } from '../../models/model-files.js';
import { MOONSHINE_CHUNK_POLICY } from './chunk-policy.js';
import { MoonshineRecognizer } from './moonshine-recognizer.js';

export interface MoonshineLoadOptions {
  readonly id: string;
  readonly slug: string;
  /** Folder with `encoder_model.onnx` and `decoder_model_merged.onnx`. */
  readonly folder: string;
  /** `auto`: int8 on a CPU, fp32 on a GPU. `fp32` computes with the file's 8-bit weights in floats. */
  readonly dtype: Dtype;
  readonly device: Device;
  readonly threads: number;
}

/** Loads Moonshine. Throws an error that says which dtypes there are, or what is wrong with a file. */
export async function loadMoonshine(options: MoonshineLoadOptions): Promise<Recognizer> {
  const dtype = options.dtype === 'auto' ? (options.device === 'cpu' ? 'int8' : 'fp32') : options.dtype;
  if (dtype === 'fp16') throw new Error('Moonshine has no fp16: set the dtype to int8 (on a CPU), fp32 or auto');
  return MoonshineRecognizer.load({
    folder: options.folder,
    device: options.device,
    threads: options.threads,
    arithmetic: dtype === 'int8' ? 'int8-per-row' : 'float32',
    description: {
      id: options.id, slug: options.slug, family: 'moonshine',
      languages: ['en'], tasks: ['transcribe'], wordTimes: 'approximate', detectsLanguage: false,
      dtype, chunkPolicy: MOONSHINE_CHUNK_POLICY,
    },
  });
}
