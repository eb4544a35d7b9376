import { openSession, type OnnxSession, type SessionOptions } from '@murmuration/onnx';
import { ModelFault } from './model-fault.js';

/**
 * Opens a graph of the model's folder. Throws `ModelFault` that names the file.
 * @param bytes what to open in place of the file at `path`
 */
export async function openGraph(path: string, options: SessionOptions, bytes?: Uint8Array): Promise<OnnxSession> {
  const name = `onnx/${/[^/\\]+$/.exec(path)?.[0] ?? ''}`;
  try {
    return await openSession(bytes ?? path, options);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (options.device !== 'cpu' && /provider|backend|device|cuda|webgpu/i.test(reason)) throw new ModelFault('model_device_unavailable', `the device ${options.device} cannot run ${name}`, error);
    throw new ModelFault('model_file_invalid', `${name} of the model cannot be loaded as a graph: it may be cut short or of a kind this runtime does not know`, error);
  }
}
