import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import koffi from 'koffi';
import { dimensionsOf, elementTypeOf, parseModel } from '../model-file/onnx-graph.js';
import { OnnxError } from '../onnx-error.js';
import type { DimensionRange, GpuOptions, SessionOptions, TensorSpec } from '../session.js';
import { LIBRARY_VERSION, type Handle } from './api-table.js';
import { askDriver, driverVersion, loadNvidiaLibraries, missingAmong, providerFolder } from './cuda-provider.js';
import type { NativeLibrary } from './native-library.js';
import { OwnedHandle } from './owned-handle.js';

const PROVIDER = 'libonnxruntime_providers_tensorrt.so';
const INFERENCE = 'libnvinfer.so.10';
/** What the provider links to beside CUDA's libraries. */
const LINKED = [INFERENCE, 'libnvonnxparser.so.10'];
const HOW = "put TensorRT 10 for CUDA 13 (NVIDIA's packages libnvinfer10 and libnvonnxparsers10) on LD_LIBRARY_PATH";

/** The folder that has the provider for TensorRT beside that for CUDA; null where there is none. */
export function tensorRtFolder(folder: string | undefined): string | null {
  const found = providerFolder(folder);
  return found !== null && existsSync(join(found, PROVIDER)) ? found : null;
}

/** NVIDIA's libraries of TensorRT that lie neither in the provider's folder nor where the loader looks. */
export function missingTensorRt(folder: string): string[] {
  return missingAmong(folder, LINKED);
}

/** Throws `provider_missing` or `driver_missing`, in a sentence that names what a session on TensorRT lacks. */
export function demandTensorRt(gpu: GpuOptions = {}): void {
  const folder = tensorRtFolder(gpu.folder);
  if (folder === null)
    throw new OnnxError(
      'provider_missing',
      `the TensorRT provider ${PROVIDER} of version ${LIBRARY_VERSION} is ${gpu.folder === undefined ? 'not there' : `not in ${gpu.folder}`}: run murmur gpu install`,
    );
  loadNvidiaLibraries(folder);
  const missing = missingTensorRt(folder);
  if (missing.length > 0)
    throw new OnnxError(
      'provider_missing',
      `the TensorRT provider in ${folder} lacks ${missing.join(', ')}: ${HOW}, or set DEVICE=cuda`,
    );
}

/**
 * Where engines for this card are kept below `root`: they serve one card, driver, runtime and TensorRT alone.
 * Throws as `demandTensorRt`, and `driver_missing` where the driver gives no card.
 */
export function engineFolder(root: string, gpu: GpuOptions = {}, deviceId = 0): string {
  demandTensorRt(gpu);
  const { driver, cards } = askDriver();
  const card = cards[deviceId];
  if (card === undefined)
    throw new OnnxError('driver_missing', 'the NVIDIA driver gives this process no GPU: look at CUDA_VISIBLE_DEVICES');
  return join(
    root,
    ...engineNames({
      card: card.name,
      driver: driverVersion() ?? `cuda-${driver ?? ''}`,
      tensorRt: tensorRtVersion(gpu),
    }),
  );
}

/** Names of folders, one in the other, for engines of a card. */
export function engineNames(facts: {
  readonly card: string;
  readonly driver: string;
  readonly tensorRt: string;
}): string[] {
  const plain = (text: string): string => text.replace(/[^A-Za-z0-9.]+/g, '-').replace(/^-+|-+$/g, '');
  return [
    plain(facts.card),
    `driver-${plain(facts.driver)}`,
    `onnxruntime-${LIBRARY_VERSION}-tensorrt-${plain(facts.tensorRt)}`,
  ];
}

/** As the library tells it: 101401 is 10.14.1. */
function tensorRtVersion(gpu: GpuOptions): string {
  const beside = join(tensorRtFolder(gpu.folder) ?? '', INFERENCE);
  const number = koffi.load(existsSync(beside) ? beside : INFERENCE).func('getInferLibVersion', 'int', [])() as number;
  return `${String(Math.floor(number / 10_000))}.${String(Math.floor(number / 100) % 100)}.${String(number % 100)}`;
}

/** A folder for each graph: the provider tells graphs apart by their operators, not by their weights. */
function ownFolder(engines: string, bytes: Uint8Array, model: string | Uint8Array): string {
  // Weights in another file are not read: there the place stands for them.
  const hash = createHash('sha256').update(bytes);
  if (typeof model === 'string') hash.update(model);
  const folder = join(engines, hash.digest('hex').slice(0, 16));
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** The inputs as the file states them: their lengths are wanted before the runtime has opened it. */
function inputsOf(bytes: Uint8Array): TensorSpec[] {
  const { graph } = parseModel(bytes);
  return graph.inputs
    .filter(({ name }) => !graph.initializers.has(name))
    .map((input) => ({ name: input.name, type: elementTypeOf(input), shape: dimensionsOf(input) }));
}

/** Most rows, tokens and positions of the inputs' free dimensions, as the provider takes them: least, usual and most. */
function profiles(
  inputs: readonly TensorSpec[],
  rangeOf: (input: string, axis: number) => DimensionRange,
): Readonly<Record<string, string>> {
  const free = inputs.filter((input) => input.shape.some((dim) => typeof dim === 'string'));
  const shapes = (at: keyof DimensionRange): string =>
    free
      .map(({ name, shape }) => {
        const dims = shape.map((dim, axis) => (typeof dim === 'number' ? dim : rangeOf(name, axis)[at]));
        return `${name}:${dims.join('x')}`;
      })
      .join(',');
  return free.length === 0
    ? {}
    : {
        trt_profile_min_shapes: shapes('least'),
        trt_profile_opt_shapes: shapes('usual'),
        trt_profile_max_shapes: shapes('most'),
      };
}

/** The provider's options for a graph, by name. Makes the folder for its engines. Throws `RangeError` when the bytes are no model. */
export function tensorRtOptions(options: SessionOptions, model: string | Uint8Array): Readonly<Record<string, string>> {
  const { deviceId = 0, gpu = {}, range } = options;
  const bytes = typeof model === 'string' ? readFileSync(model) : model;
  const kept = gpu.engines === undefined ? undefined : ownFolder(gpu.engines, bytes, model);
  return {
    device_id: String(deviceId),
    trt_fp16_enable: '1',
    // Sums of squares over a wide layer leave the range of FP16.
    trt_layer_norm_fp32_fallback: '1',
    ...(kept === undefined
      ? {}
      : {
          trt_engine_cache_enable: '1',
          trt_engine_cache_path: kept,
          trt_timing_cache_enable: '1',
          trt_timing_cache_path: kept,
        }),
    ...(range === undefined ? {} : profiles(inputsOf(bytes), range)),
  };
}

const word = new BigUint64Array(1);

/** Puts TensorRT into session options, before CUDA, which takes what TensorRT does not. Throws as `demandTensorRt`, and what the provider refuses. */
export function appendTensorRt(
  { api }: NativeLibrary,
  settings: Handle,
  options: SessionOptions,
  model: string | Uint8Array,
): void {
  demandTensorRt(options.gpu);
  const given = tensorRtOptions(options, model);
  api.CreateTensorRTProviderOptions(word);
  const handle = new OwnedHandle(word[0] ?? 0n, api.ReleaseTensorRTProviderOptions);
  try {
    api.UpdateTensorRTProviderOptions(
      handle.handle,
      Object.keys(given),
      Object.values(given),
      Object.keys(given).length,
    );
    api.SessionOptionsAppendExecutionProvider_TensorRT_V2(settings, handle.handle);
  } finally {
    handle.release();
  }
}
