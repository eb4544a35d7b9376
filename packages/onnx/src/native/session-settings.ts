import type { SessionOptions } from '../session.js';
import type { BorrowedConstants } from './borrowed-constants.js';
import { appendCuda } from './cuda-provider.js';
import { FATAL, type NativeLibrary } from './native-library.js';
import { OwnedHandle } from './owned-handle.js';
import { appendTensorRt } from './tensorrt-provider.js';

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
