import { listSupportedBackends } from 'onnxruntime-node';

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
