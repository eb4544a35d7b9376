import { graphics } from 'systeminformation';

/** A GPU as the operating system tells of it; null where it does not say. */
export interface GpuFacts {
  readonly name: string;
  readonly memoryMiB: number | null;
  readonly memoryUsedMiB: number | null;
  /** 0 to 100. */
  readonly utilizationPercent: number | null;
  readonly temperatureC: number | null;
}

const NVIDIA = /nvidia/i;

/** GPUs fit for compute. Needs `lspci` (pciutils) and, for figures, `nvidia-smi`: without them the list is empty. */
export async function gpuFacts(): Promise<GpuFacts[]> {
  const { controllers } = await graphics();
  return controllers
    .filter((controller) => NVIDIA.test(controller.vendor) || NVIDIA.test(controller.model))
    .map((controller) => ({
      name: controller.name ?? controller.model,
      memoryMiB: controller.memoryTotal ?? controller.vram ?? null,
      memoryUsedMiB: controller.memoryUsed ?? null,
      utilizationPercent: controller.utilizationGpu ?? null,
      temperatureC: controller.temperatureGpu ?? null,
    }));
}
