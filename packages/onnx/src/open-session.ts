import { OnnxError } from './onnx-error.js';
import { silenceTelemetry } from './native/system-library.js';
import type { Binding, Device, GpuOptions, OnnxSession, SessionOptions } from './session.js';

/** What each binding has to offer; loaded when it is first used, so that a process has no library that it does not need. */
interface BindingModule {
  /** Devices that it was built for, the CPU first. */
  builtDevices(gpu?: GpuOptions): readonly Device[];
  open(model: string | Uint8Array, options: SessionOptions): Promise<OnnxSession>;
}

const MODULES: Readonly<Record<Binding, () => Promise<BindingModule>>> = {
  node: () => import('./node/node-session.js'),
  native: () => import('./native/native-session.js'),
};

/** On a CPU the native one takes 0.87 to 0.98 of the processor time (docs/gpu.md); WebGPU and other systems than Linux go by Node's. */
function bindingOf(device: Device): Binding {
  return device === 'webgpu' || process.platform !== 'linux' ? 'node' : 'native';
}

/**
 * Devices that the binding was built for, the CPU first. Being listed says nothing of a driver or a card: only `openSession` shows
 * whether the device works.
 */
export async function availableDevices(binding: Binding, gpu?: GpuOptions): Promise<readonly Device[]> {
  return (await MODULES[binding]()).builtDevices(gpu);
}

/**
 * Loads a graph from a file (external data files lie beside it) or from the bytes of one.
 * Throws an error that names the device when that is not to be had, else the runtime's error when the model is no graph.
 */
export async function openSession(model: string | Uint8Array, options: SessionOptions): Promise<OnnxSession> {
  const { device, binding = bindingOf(options.device) } = options;
  silenceTelemetry();
  const module = await MODULES[binding]();
  const built = module.builtDevices(options.gpu);
  // What CUDA and TensorRT lack the native binding says itself, with what to do.
  const byNvidia = device === 'cuda' || device === 'tensorrt';
  if (!built.includes(device) && !(byNvidia && binding === 'native'))
    throw new OnnxError(
      'provider_missing',
      `the installed onnxruntime has no device ${device}; it has ${built.join(', ')}`,
    );
  try {
    return await module.open(model, options);
  } catch (error) {
    if (device === 'cpu') throw error;
    throw new OnnxError(
      error instanceof OnnxError ? error.code : 'failed',
      `the model cannot be loaded on the device ${device}: ${String(error instanceof Error ? error.message : error).trim()}`,
      { cause: error },
    );
  }
}
