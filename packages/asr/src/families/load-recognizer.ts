import type { Device } from '@murmuration/onnx';
import { loadMoonshine } from './moonshine/load-moonshine.js';
import type { Dtype } from '../models/model-files.js';
import type { ResolvedModel } from '../models/resolve-model.js';
import type { Recognizer } from '../recognizer.js';
import { SimulatedRecognizer, type SimulatedCost } from './simulated/simulated-recognizer.js';
import { loadWhisper } from './whisper/load-whisper.js';

/** How a model is loaded into one session. */
export interface LoadOptions {
  readonly model: ResolvedModel;
  readonly dtype: Dtype;
  /** `simulated` computes nothing: it takes the time of `simulatedCost`. */
  readonly device: Device | 'simulated';
  /** CUDA device number; default 0. */
  readonly deviceId?: number;
  /** Threads inside one operator. */
  readonly threads: number;
  readonly simulatedCost?: SimulatedCost;
}

/** Loads the model of any family. Throws an error that says what is wrong with the model's files, the dtype or the device. */
export async function loadRecognizer(options: LoadOptions): Promise<Recognizer> {
  const { model, dtype, device, threads } = options;
  if (device === 'simulated' || model.family === 'simulated') return new SimulatedRecognizer(model, options.simulatedCost);
  if (model.family === 'whisper') {
    return loadWhisper({ folder: model.folder, id: model.id, dtype, device, threads, ...(options.deviceId === undefined ? {} : { deviceId: options.deviceId }) });
  }
  return loadMoonshine({ id: model.id, slug: model.slug, folder: model.folder, dtype, device, threads });
}
