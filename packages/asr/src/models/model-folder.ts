import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Device } from '@murmuration/onnx';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import { ModelFileFault } from './model-files.js';

/** What is wrong with a model's folder. */
export type ModelFaultCode =
  | 'model_file_missing'
  | 'model_file_invalid'
  | 'model_dtype_missing'
  | 'model_not_whisper'
  | 'model_device_unavailable';

/** A model that cannot be loaded. No retry helps: the folder or the setting must change. Its message names the file (relative to the model's folder), what was expected and what was found. */
export class ModelFault extends ModelFileFault {
  readonly code: ModelFaultCode;

  constructor(code: ModelFaultCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** Element types a model may be asked for; `auto` is int8 on a CPU and fp16 on a GPU, or what the folder has. */
export type WhisperDtype = 'fp32' | 'fp16' | 'int8';

/** Endings of file names, as onnx-community names its exports; the first that is there is taken. */
const SUFFIXES: Readonly<Record<WhisperDtype, readonly string[]>> = {
  fp32: [''],
  fp16: ['_fp16'],
  int8: ['_quantized', '_int8'],
};

const PREFERENCE: Readonly<Record<'cpu' | 'gpu', readonly WhisperDtype[]>> = {
  cpu: ['int8', 'fp32', 'fp16'],
  gpu: ['fp16', 'fp32', 'int8'],
};

/** The graphs of one dtype, as paths or names. */
export interface GraphFiles {
  readonly dtype: WhisperDtype;
  readonly encoder: string;
  readonly decoder: string;
}

/** Finds the encoder and the merged decoder under `onnx/`. Throws `ModelFault` `model_dtype_missing` or `model_file_missing`, with the names expected and found. */
export async function findGraphs(folder: string, dtype: WhisperDtype | 'auto', device: Device): Promise<GraphFiles> {
  const { encoder, decoder, ...chosen } = chooseGraphs(
    await readdir(join(folder, 'onnx')).catch(leaveAlone('unreadable', [])),
    dtype,
    device,
  );
  return { ...chosen, encoder: join(folder, 'onnx', encoder), decoder: join(folder, 'onnx', decoder) };
}

/** Chooses among the names of files in a model's `onnx/`, here or on the hub. Returns names. Throws as `findGraphs`. */
export function chooseGraphs(names: readonly string[], dtype: WhisperDtype | 'auto', device: Device): GraphFiles {
  const found = names.filter((name) => name.endsWith('.onnx')).sort();
  const wanted = dtype === 'auto' ? PREFERENCE[device === 'cpu' ? 'cpu' : 'gpu'] : [dtype];
  for (const candidate of wanted) {
    for (const suffix of SUFFIXES[candidate]) {
      const encoder = `encoder_model${suffix}.onnx`;
      const decoder = `decoder_model_merged${suffix}.onnx`;
      if (found.includes(encoder) && found.includes(decoder)) return { dtype: candidate, encoder, decoder };
    }
  }
  const present = found.length === 0 ? 'no graph' : found.join(', ');
  const available = graphDtypes(found);
  if (available.length > 0)
    throw new ModelFault(
      'model_dtype_missing',
      `the model has no ${dtype}: set MODEL_DTYPE to ${available.join(' or ')}; found ${present}`,
    );
  const expected = wanted.flatMap((one) =>
    SUFFIXES[one]
      .slice(0, 1)
      .flatMap((suffix) => [`onnx/encoder_model${suffix}.onnx`, `onnx/decoder_model_merged${suffix}.onnx`]),
  );
  throw new ModelFault(
    'model_file_missing',
    `the model lacks its graphs: expected ${expected.slice(0, 2).join(' and ')}, found ${present}`,
  );
}

/** Dtypes of which encoder and decoder are among the names. */
export function graphDtypes(names: readonly string[]): readonly WhisperDtype[] {
  return (Object.keys(SUFFIXES) as WhisperDtype[]).filter((one) =>
    SUFFIXES[one].some(
      (suffix) => names.includes(`encoder_model${suffix}.onnx`) && names.includes(`decoder_model_merged${suffix}.onnx`),
    ),
  );
}

/** Reads one JSON file of the folder. Throws `ModelFault` when it is missing or no JSON. */
export async function readModelJson(folder: string, name: string): Promise<unknown> {
  const text = await readFile(join(folder, name), 'utf8').catch((error: unknown) => {
    throw new ModelFault('model_file_missing', `the model lacks ${name}`, error);
  });
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ModelFault(
      'model_file_invalid',
      `${name} of the model is no JSON (${String(text.length)} characters): it may be cut short`,
      error,
    );
  }
}

/** As `readModelJson`, but undefined when the file is not there. */
export async function readOptionalModelJson(folder: string, name: string): Promise<unknown> {
  try {
    return await readModelJson(folder, name);
  } catch (error) {
    if (error instanceof ModelFault && error.code === 'model_file_missing') return undefined;
    throw error;
  }
}
