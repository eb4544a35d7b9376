import type { SessionOptions } from '../session.js';
import type { OnnxTensor } from '../tensor.js';
import type { Handle } from './api-table.js';
import { appendCuda } from './cuda-provider.js';
import { FATAL, type NativeLibrary } from './native-library.js';
import { valueSharing } from './native-tensor.js';
import { OwnedHandle } from './owned-handle.js';
import { appendTensorRt } from './tensorrt-provider.js';

/**
 * Constants of a session that lie in others' memory. The runtime takes them without a copy where they lie on the device for which it planned them
 * (`SaveInitializedTensors` of its session_state_utils.cc), and keeps the addresses of the values: they live until the session is gone.
 */
export class BorrowedConstants {
  readonly #library: NativeLibrary;
  /** Host tensors are held, too: their memory is JavaScript's. */
  readonly #tensors: ReadonlyMap<string, OnnxTensor>;
  readonly #values: readonly (readonly [name: string, value: OwnedHandle])[];

  /** @param place description of the memory in which device tensors lie */
  constructor(library: NativeLibrary, tensors: ReadonlyMap<string, OnnxTensor>, place: Handle) {
    this.#library = library;
    this.#tensors = tensors;
    this.#values = Array.from(this.#tensors, ([name, tensor]) => [name, valueSharing(library, tensor, place)] as const);
  }

  /** Puts them into options for a session. */
  addTo(settings: Handle): void {
    for (const [name, value] of this.#values) this.#library.api.AddInitializer(settings, name, value.handle);
  }

  /** Gives up the values, not the memory; again is harmless. */
  release(): void {
    for (const [, value] of this.#values) value.release();
  }
}

const SEQUENTIAL = 0;
const ALL_OPTIMIZATIONS = 99;

const word = new BigUint64Array(1);

/**
 * The runtime's session options for ours; the caller's to release.
 * @param model that the session will have, for TensorRT's engines
 */
export function sessionSettings(
  library: NativeLibrary,
  options: SessionOptions,
  model: string | Uint8Array,
  constants: BorrowedConstants,
): OwnedHandle {
  const { api } = library;
  api.CreateSessionOptions(word);
  const settings = new OwnedHandle(word[0] ?? 0n, api.ReleaseSessionOptions);
  try {
    api.SetIntraOpNumThreads(settings.handle, options.threads);
    api.SetInterOpNumThreads(settings.handle, 1);
    api.SetSessionExecutionMode(settings.handle, SEQUENTIAL);
    api.SetSessionGraphOptimizationLevel(settings.handle, ALL_OPTIMIZATIONS);
    // The runtime's arena takes memory in steps of powers of two and keeps all of it, for each graph of each session.
    api.DisableCpuMemArena(settings.handle);
    api.DisableMemPattern(settings.handle);
    api.SetSessionLogSeverityLevel(settings.handle, FATAL);
    constants.addTo(settings.handle);
    if (options.device === 'tensorrt') appendTensorRt(library, settings.handle, options, model);
    if (options.device !== 'cpu') appendCuda(library, settings.handle, options);
    return settings;
  } catch (error) {
    settings.release();
    throw error;
  }
}
