import type { Binding, Device, GpuOptions } from '@murmuration/onnx';
import type { Logger } from '@murmuration/runtime';
import type { WorkerConfig } from '../config.js';

type Asked = Pick<
  WorkerConfig,
  'DEVICE' | 'ONNX_BINDING' | 'ALLOW_CPU_FALLBACK' | 'GPU_LIBRARIES' | 'GPU_MEMORY_MIB' | 'NVIDIA_TF32_OVERRIDE'
>;

/** The binding for a device; undefined: that of packages/onnx. CUDA and TensorRT go by the native one alone. */
export function bindingFor(device: Asked['DEVICE'], { ONNX_BINDING }: Asked): Binding | undefined {
  if (ONNX_BINDING !== 'auto') return ONNX_BINDING;
  return device === 'cuda' || device === 'tensorrt' ? 'native' : device === 'webgpu' ? 'node' : undefined;
}

/** How sessions use the card. */
export function gpuOptions({ GPU_LIBRARIES, GPU_MEMORY_MIB, NVIDIA_TF32_OVERRIDE }: Asked): GpuOptions {
  return {
    folder: GPU_LIBRARIES,
    memoryLimitBytes: GPU_MEMORY_MIB === undefined ? undefined : GPU_MEMORY_MIB * 2 ** 20,
    tf32: NVIDIA_TF32_OVERRIDE !== '0',
  };
}

/**
 * The device to run on. `auto` takes a GPU that is there and that there is a provider for, else the CPU. Throws a sentence that names
 * what a device lacks that was asked for, unless the CPU may stand in.
 * @param built devices that there are providers for
 */
export function chooseDevice(
  asked: Asked,
  hasGpu: boolean,
  built: readonly Device[],
  logger: Pick<Logger, 'warn'>,
): Device | 'simulated' {
  const { DEVICE: device } = asked;
  if (device === 'simulated' || device === 'cpu') return device;
  if (device === 'auto') return hasGpu && built.includes('cuda') ? 'cuda' : 'cpu';
  if (hasGpu && built.includes(device)) return device;
  const why = hasGpu
    ? missingProvider(device, asked)
    : 'no GPU was found (on Linux lspci, of the package pciutils, must be there to find one)';
  if (!asked.ALLOW_CPU_FALLBACK)
    throw new Error(
      `DEVICE=${device} cannot be had: ${why}. Set DEVICE=cpu, or ALLOW_CPU_FALLBACK=true to run on the CPU for want of it.`,
    );
  logger.warn({ device, why }, 'falling back to the CPU');
  return 'cpu';
}

function missingProvider(device: Device, { ONNX_BINDING, GPU_LIBRARIES }: Asked): string {
  if (device !== 'cuda' && device !== 'tensorrt') return `the installed onnxruntime-node was not built for ${device}`;
  const name = device === 'cuda' ? 'CUDA' : 'TensorRT';
  return ONNX_BINDING === 'node'
    ? `ONNX_BINDING=node has no ${name}; leave it out`
    : `the ${name} provider is not in GPU_LIBRARIES (${GPU_LIBRARIES}); murmur gpu install puts it there`;
}
