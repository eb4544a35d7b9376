import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import koffi, { type LibraryHandle } from 'koffi';
import { OnnxError } from '../onnx-error.js';
import type { SessionOptions } from '../session.js';
import { LIBRARY_VERSION, type Handle } from './api-table.js';
import { shippedLibrary, type NativeLibrary } from './native-library.js';
import { OwnedHandle } from './owned-handle.js';

const RUNTIME = 'libonnxruntime.so.1';
const SHARED = 'libonnxruntime_providers_shared.so';
const PROVIDER = 'libonnxruntime_providers_cuda.so';
/** What the provider of this version links to or opens when it computes, each after those that it needs itself. */
const LINKED = [
  'libcudart.so.13',
  'libcublasLt.so.13',
  'libcublas.so.13',
  'libcurand.so.10',
  'libcufft.so.12',
  'libnvrtc.so.13',
  'libcudnn.so.9',
];

/** Whether the folder, or that of the shipped runtime, has the provider for CUDA. Says nothing of its libraries, driver or card. */
export function hasCudaProvider(folder: string | undefined): boolean {
  return providerFolder(folder) !== null;
}

/** The folder with the provider; one that was given must have a runtime of its own, because providers are sought beside the runtime. */
export function providerFolder(folder: string | undefined): string | null {
  if (process.platform !== 'linux') return null;
  const complete = (one: string, files: readonly string[]): boolean =>
    files.every((file) => existsSync(join(one, file)));
  if (folder !== undefined && complete(folder, [RUNTIME, SHARED, PROVIDER])) return folder;
  const shipped = dirname(shippedLibrary());
  return complete(shipped, [SHARED, PROVIDER]) ? shipped : null;
}

/** The runtime's library beside which the provider lies. Throws `provider_missing` when there is none. */
export function cudaRuntime(folder: string | undefined): string {
  const found = providerFolder(folder);
  if (found === null)
    throw new OnnxError(
      'provider_missing',
      `the CUDA provider ${PROVIDER} of version ${LIBRARY_VERSION} is ${folder === undefined ? 'not there' : `not in ${folder}`}: run murmur gpu install`,
    );
  return join(found, RUNTIME);
}

/** Handles of what was loaded: they stay as long as the process. */
const held: LibraryHandle[] = [];
const ready = new Set<string>();

/**
 * Loads NVIDIA's libraries from the provider's folder, or by the loader's own paths, so that what is missing is named here: the runtime
 * ends the process when it has to call a provider that cannot be loaded. The provider itself is the runtime's to load; it needs the
 * runtime's hand from its first instruction on. Throws `driver_missing`, or `provider_missing` with the libraries' names.
 */
export function loadNvidiaLibraries(folder: string): void {
  if (ready.has(folder)) return;
  if (!loads(DRIVER))
    throw new OnnxError(
      'driver_missing',
      `there is no NVIDIA driver (${DRIVER} cannot be loaded): install the driver, or give the container the GPU (--gpus all)`,
    );
  const missing = missingLibraries(folder);
  if (missing.length > 0)
    throw new OnnxError(
      'provider_missing',
      `the CUDA provider in ${folder} lacks ${missing.join(', ')}: run murmur gpu install, or put NVIDIA's libraries for CUDA 13 on LD_LIBRARY_PATH`,
    );
  ready.add(folder);
}

/** NVIDIA's libraries that lie neither in the provider's folder nor where the loader looks. */
export function missingLibraries(folder: string): string[] {
  return missingAmong(folder, LINKED);
}

/** Those of the libraries that lie neither in the folder nor where the loader looks; the others are loaded. */
export function missingAmong(folder: string, libraries: readonly string[]): string[] {
  return libraries.filter((name) => !loads(join(folder, name)) && !loads(name));
}

function loads(path: string): boolean {
  try {
    held.push(koffi.load(path, { global: true, lazy: true }));
    return true;
  } catch {
    return false;
  }
}

const word = new BigUint64Array(1);

/**
 * Puts CUDA into session options. Throws `provider_missing` or `driver_missing`, each in a sentence.
 * TF32 computes what stays float32 with 10 bits of fraction; `NVIDIA_TF32_OVERRIDE=0` forbids it to NVIDIA's libraries in any case.
 */
export function appendCuda(library: NativeLibrary, settings: Handle, options: SessionOptions): void {
  const { api } = library;
  loadNvidiaLibraries(dirname(library.path));
  const { memoryLimitBytes, tf32 = true, convolutionSearch = 'heuristic' } = options.gpu ?? {};
  const given: Readonly<Record<string, string>> = {
    device_id: String(options.deviceId ?? 0),
    arena_extend_strategy: 'kSameAsRequested',
    cudnn_conv_algo_search: convolutionSearch.toUpperCase(),
    do_copy_in_default_stream: '1',
    use_tf32: tf32 ? '1' : '0',
    // A graph's addresses are fixed, and those of runs here are not: docs/gpu.md.
    enable_cuda_graph: '0',
    ...(memoryLimitBytes === undefined ? {} : { gpu_mem_limit: String(memoryLimitBytes) }),
  };
  api.CreateCUDAProviderOptions(word);
  const cuda = new OwnedHandle(word[0] ?? 0n, api.ReleaseCUDAProviderOptions);
  try {
    api.UpdateCUDAProviderOptions(cuda.handle, Object.keys(given), Object.values(given), Object.keys(given).length);
    api.SessionOptionsAppendExecutionProvider_CUDA_V2(settings, cuda.handle);
  } finally {
    cuda.release();
  }
}

const DEVICE_MEMORY = 0;
const DEFAULT_MEMORY = 0;

/** A description of the card's memory; the caller's to release. */
export function cudaMemory({ api }: NativeLibrary, deviceId: number): OwnedHandle {
  api.CreateMemoryInfo('Cuda', DEVICE_MEMORY, deviceId, DEFAULT_MEMORY, word);
  return new OwnedHandle(word[0] ?? 0n, api.ReleaseMemoryInfo);
}

/** The same error, or, where the driver is too old or gives no card, one that says so. */
export function cudaFault(error: unknown): unknown {
  const reason = error instanceof Error ? error.message : String(error);
  // 35: driver older than the libraries; 100: no device; 999 and others speak for themselves.
  const known = /CUDA failure (35|100)\b|insufficient for CUDA runtime|no CUDA-capable device/.exec(reason);
  if (known === null) return error;
  return new OnnxError(
    'driver_missing',
    known[0].includes('100') || known[0].includes('no CUDA')
      ? 'the NVIDIA driver gives this process no GPU: look at CUDA_VISIBLE_DEVICES, and at --gpus of a container'
      : 'the NVIDIA driver is older than CUDA 13 needs: install version 580 or later',
    { cause: error },
  );
}

/** The driver's library. */
const DRIVER = 'libcuda.so.1';
const NAME_BYTES = 128;

/** What the driver tells. */
export interface DriverFacts {
  /** Version of CUDA that it speaks, as 13.0; null where there is no driver. */
  readonly driver: string | null;
  /** Cards that it gives this process. */
  readonly cards: readonly { readonly name: string; readonly memoryMiB: number }[];
}

/** The driver's own version, as 580.65.06, where the kernel tells it. */
export function driverVersion(): string | null {
  try {
    return (
      /Kernel Module(?: for \S+)?\s+(\d+[.\d]+)/.exec(readFileSync('/proc/driver/nvidia/version', 'utf8'))?.[1] ?? null
    );
  } catch {
    return null;
  }
}

/** By the driver's own interface: functions of libcuda that have been there since CUDA 3.2. */
export function askDriver(): DriverFacts {
  let library: LibraryHandle;
  try {
    library = koffi.load(DRIVER);
  } catch {
    return { driver: null, cards: [] };
  }
  const call = (name: string, ...kinds: string[]) =>
    library.func(name, 'int', kinds) as (...given: unknown[]) => number;
  const number = new Int32Array(1);
  call('cuDriverGetVersion', 'void *')(number);
  const version = number[0] ?? 0;
  const driver = `${String(Math.floor(version / 1_000))}.${String(Math.floor((version % 1_000) / 10))}`;
  const count =
    call('cuInit', 'uint')(0) === 0 && call('cuDeviceGetCount', 'void *')(number) === 0 ? (number[0] ?? 0) : 0;
  const cards = Array.from({ length: count }, (_, at) => {
    const name = Buffer.alloc(NAME_BYTES);
    const bytes = new BigUint64Array(1);
    call('cuDeviceGet', 'void *', 'int')(number, at);
    call('cuDeviceGetName', 'void *', 'int', 'int')(name, NAME_BYTES, number[0] ?? 0);
    call('cuDeviceTotalMem_v2', 'void *', 'int')(bytes, number[0] ?? 0);
    return { name: name.toString('latin1', 0, name.indexOf(0)), memoryMiB: Number((bytes[0] ?? 0n) >> 20n) };
  });
  return { driver, cards };
}
