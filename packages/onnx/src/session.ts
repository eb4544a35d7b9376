import { env, InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node';

/** Where a session runs. `cuda` and `webgpu` need a binding, libraries and a driver that have them: `openSession` throws otherwise. */
export type Device = 'cpu' | 'cuda' | 'webgpu';

const DEVICES: readonly Device[] = ['cpu', 'cuda', 'webgpu'];

/**
 * Devices that the installed binding was built for, the CPU first. Being listed says nothing of a driver or a card: only
 * `openSession` shows whether the device works.
 */
export function availableDevices(): readonly Device[] {
  const built = new Set(listSupportedBackends().map((backend) => backend.name));
  return DEVICES.filter((device) => built.has(device));
}

/**
 * Phrases by which the runtime and its devices say that memory ran out. Sources: `BFCArena` and `CUDA_CALL` of onnxruntime,
 * the allocator of libstdc++, V8's array buffers.
 */
const PHRASES = [
  /bad_alloc/i,
  /failed to allocate memory/i,
  /out of memory/i,
  /cuda(?:error)?[ _]?(?:error)?memoryallocation/i,
  /array buffer allocation failed/i,
  /available memory of \d+ is smaller than requested/i,
  /CUBLAS_STATUS_ALLOC_FAILED/,
];

/** True when an error of `OnnxSession.run` or `openSession` says that the device's or the machine's memory is short: a smaller batch may succeed. */
export function isOutOfMemory(error: unknown): boolean {
  const message = error instanceof Error ? error.message : String(error);
  return PHRASES.some((phrase) => phrase.test(message));
}

export interface SessionOptions {
  readonly device: Device;
  /** Threads inside one operator; on a CPU one single-threaded session a core is faster than one session over all cores. */
  readonly threads: number;
  /** CUDA device number; default 0. */
  readonly deviceId?: number;
}

/** Element types that the models of this project use. */
export type ElementType = 'float32' | 'float16' | 'int64' | 'int32' | 'bool' | 'uint8' | 'int8';

export interface TensorSpec {
  readonly name: string;
  readonly type: ElementType;
  /** A number, or the name of a free dimension. */
  readonly shape: readonly (number | string)[];
}

/** A tensor as the runtime holds it; `data` of a result is the caller's and outlives the session. */
export type OnnxTensor = Tensor;

/** One loaded graph. `run` blocks the thread it is called on: use it in worker threads. States: open → closed. */
export class OnnxSession {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  #session: InferenceSession | null;

  constructor(session: InferenceSession) {
    this.#session = session;
    this.inputs = session.inputMetadata.map(toSpec);
    this.outputs = session.outputMetadata.map(toSpec);
  }

  /** Runs the graph. `fetches` names the outputs wanted; all when left out. Throws the runtime's error, for example when memory is short (`isOutOfMemory`). */
  async run(
    feeds: Readonly<Record<string, OnnxTensor>>,
    fetches?: readonly string[],
  ): Promise<Record<string, OnnxTensor>> {
    const session = this.#session;
    if (session === null) throw new Error('the session is closed');
    const results = fetches === undefined ? await session.run(feeds) : await session.run(feeds, [...fetches]);
    return results;
  }

  /** Frees the graph's memory; again is harmless. */
  async close(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    await session?.release();
  }
}

function toSpec(metadata: InferenceSession.ValueMetadata): TensorSpec {
  if (!metadata.isTensor) throw new Error(`${metadata.name} is no tensor`);
  return { name: metadata.name, type: metadata.type as ElementType, shape: metadata.shape };
}

/**
 * Loads a graph from a file (external data files lie beside it) or from the bytes of one.
 * Throws an error that names the device when that is not to be had, else the runtime's error when the model is no graph.
 */
export async function openSession(model: string | Uint8Array, options: SessionOptions): Promise<OnnxSession> {
  const { device } = options;
  if (!availableDevices().includes(device))
    throw new Error(`the installed onnxruntime has no device ${device}; it has ${availableDevices().join(', ')}`);
  // Errors are thrown; the runtime would print them a second time.
  env.logLevel = 'fatal';
  const settings: InferenceSession.SessionOptions = {
    executionProviders: [device === 'cuda' ? { name: 'cuda', deviceId: options.deviceId ?? 0 } : device],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
  };
  try {
    return new OnnxSession(
      typeof model === 'string'
        ? await InferenceSession.create(model, settings)
        : await InferenceSession.create(model, settings),
    );
  } catch (error) {
    if (device === 'cpu') throw error;
    throw new Error(
      `the model cannot be loaded on the device ${device}: ${String(error instanceof Error ? error.message : error).trim()}`,
      { cause: error },
    );
  }
}

/** Float32 tensor over `data` (not copied). */
export function float32Tensor(data: Float32Array, dims: readonly number[]): OnnxTensor {
  return new Tensor('float32', data, dims);
}

/** Float16 tensor over raw half-precision bits (not copied). */
export function float16Tensor(bits: Uint16Array, dims: readonly number[]): OnnxTensor {
  return new Tensor('float16', bits, dims);
}

/** Int64 tensor over `data` (not copied). */
export function int64Tensor(data: BigInt64Array, dims: readonly number[]): OnnxTensor {
  return new Tensor('int64', data, dims);
}

/** Bool tensor of one element. */
export function boolTensor(value: boolean): OnnxTensor {
  return new Tensor('bool', Uint8Array.of(value ? 1 : 0), [1]);
}

/** Tensor of zeros of the given type; for caches that start empty. */
export function zerosTensor(type: 'float32' | 'float16', dims: readonly number[]): OnnxTensor {
  const length = dims.reduce((product, dim) => product * dim, 1);
  return type === 'float32'
    ? float32Tensor(new Float32Array(length), dims)
    : float16Tensor(new Uint16Array(length), dims);
}
