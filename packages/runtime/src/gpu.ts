import type { Systeminformation } from 'systeminformation';
import { Thread, type ThreadMethods } from './thread.js';

/** A GPU as the operating system tells of it; null where it does not say. */
export interface GpuFacts {
  readonly name: string;
  readonly memoryMiB: number | null;
  readonly memoryUsedMiB: number | null;
  /** 0 to 100. */
  readonly utilizationPercent: number | null;
  readonly temperatureC: number | null;
  /** What it draws now, watts. */
  readonly powerW: number | null;
}

/** What the thread serves that asks the operating system. */
export interface GpuThreadMethods extends ThreadMethods {
  controllers(argument: null): Promise<GraphicsController[]>;
}

/** As systeminformation gives it. */
export type GraphicsController = Systeminformation.GraphicsControllerData;

const NVIDIA = /nvidia/i;

/**
 * GPUs fit for compute, in the order of their addresses on the bus. Needs `lspci` (pciutils) and, for figures, `nvidia-smi`: without them the list is
 * empty. Asked in a thread that ends with the answer, because systeminformation waits for `nvidia-smi` (up to a second) without letting go of its own.
 */
export async function gpuFacts(): Promise<GpuFacts[]> {
  const thread = await Thread.start<GpuThreadMethods>(new URL('./gpu-thread.js', import.meta.url), null);
  try {
    return factsOf(await thread.call('controllers', null));
  } finally {
    await thread.terminate();
  }
}

/** The facts in what systeminformation says. A container may see cards on the bus that its driver does not give it: where the driver tells of any, only those count. */
export function factsOf(controllers: readonly GraphicsController[]): GpuFacts[] {
  const cards = controllers.filter((controller) => NVIDIA.test(controller.vendor) || NVIDIA.test(controller.model));
  const driven = cards.filter((card) => card.driverVersion !== undefined);
  return (driven.length > 0 ? driven : cards).map((card) => {
    // systeminformation leaves out what is 0: of a card whose driver answers, an idle one has neither use nor memory in use.
    const idle = card.driverVersion === undefined ? null : 0;
    return {
      name: card.name ?? card.model,
      memoryMiB: card.memoryTotal ?? card.vram ?? null,
      memoryUsedMiB: card.memoryUsed ?? idle,
      utilizationPercent: card.utilizationGpu ?? idle,
      temperatureC: card.temperatureGpu ?? null,
      powerW: card.powerDraw ?? null,
    };
  });
}

/**
 * Those of a machine's GPUs that a process sees, in the order it numbers them: device 0 is the first.
 * @param visible `CUDA_VISIBLE_DEVICES`: numbers in the order of the bus (set `CUDA_DEVICE_ORDER=PCI_BUS_ID` where cards differ). As in CUDA, a number that
 * is not there ends the list, and an empty value hides all. Cards named by UUID cannot be told apart here: then all count.
 */
export function visibleGpus(facts: readonly GpuFacts[], visible: string | undefined): readonly GpuFacts[] {
  if (visible === undefined) return facts;
  const names = visible.split(',').map((name) => name.trim());
  if (names.some((name) => /^(GPU|MIG)-/i.test(name))) return facts;
  const chosen: GpuFacts[] = [];
  for (const name of names) {
    const gpu = /^\d+$/.test(name) ? facts[Number(name)] : undefined;
    if (gpu === undefined) break;
    chosen.push(gpu);
  }
  return chosen;
}
