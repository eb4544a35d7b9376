import type { Systeminformation } from 'systeminformation';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import { Thread, type ThreadMethods } from './thread.js';
import type { GpuGauges } from './metrics.js';

/** A GPU as the operating system tells of it; null where it does not say. */
export interface GpuFacts {
  /** Of a MIG slice with its profile, such as `NVIDIA A100-SXM4-40GB MIG 1g.5gb`. */
  readonly name: string;
  /** As `nvidia-smi -L` tells it: `GPU-…`, of a slice `MIG-…`. */
  readonly uuid: string | null;
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
  /** What `nvidia-smi -L` prints; empty without it. */
  list(argument: null): Promise<string>;
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
    const controllers = await thread.call('controllers', null);
    const hasDriver = controllers.some((controller) => controller.driverVersion !== undefined);
    return factsOf(controllers, hasDriver ? await thread.call('list', null) : '');
  } finally {
    await thread.terminate();
  }
}

/**
 * The facts in what systeminformation says. A container may see cards on the bus that its driver does not give it: where the driver tells of any, only
 * those count. A card that is cut into MIG slices counts as its slices; what one of them uses is not told by the driver.
 * @param list what `nvidia-smi -L` prints
 */
export function factsOf(controllers: readonly GraphicsController[], list = ''): GpuFacts[] {
  const cards = controllers.filter((controller) => NVIDIA.test(controller.vendor) || NVIDIA.test(controller.model));
  const driven = cards.filter((card) => card.driverVersion !== undefined);
  const listed = listedGpus(list);
  // Both are in the order of the bus.
  const known = listed.length === driven.length ? listed : [];
  return (driven.length > 0 ? driven : cards).flatMap((card, at) => {
    // systeminformation leaves out what is 0: of a card whose driver answers, an idle one has neither use nor memory in use.
    const idle = card.driverVersion === undefined ? null : 0;
    const whole: GpuFacts = {
      name: card.name ?? card.model,
      uuid: known[at]?.uuid ?? null,
      memoryMiB: card.memoryTotal ?? card.vram ?? null,
      memoryUsedMiB: card.memoryUsed ?? idle,
      utilizationPercent: card.utilizationGpu ?? idle,
      temperatureC: card.temperatureGpu ?? null,
      powerW: card.powerDraw ?? null,
    };
    const slices = known[at]?.slices ?? [];
    return slices.length === 0 ? [whole] : slices.map((slice) => sliceOf(whole, slice));
  });
}

function sliceOf(whole: GpuFacts, { profile, uuid }: MigSlice): GpuFacts {
  const gigabytes = /(\d+)gb/.exec(profile)?.[1];
  return {
    ...whole,
    name: `${whole.name} MIG ${profile}`,
    uuid,
    // As its profile is named: some hundred MiB more than it has.
    memoryMiB: gigabytes === undefined ? null : Number(gigabytes) * 1_024,
    memoryUsedMiB: null,
    utilizationPercent: null,
  };
}

interface MigSlice {
  /** Such as `1g.5gb`. */
  readonly profile: string;
  readonly uuid: string;
}

/** Cards and their slices in what `nvidia-smi -L` prints: a line a card, and an indented one a slice. */
function listedGpus(list: string): { readonly uuid: string; readonly slices: MigSlice[] }[] {
  const gpus: { uuid: string; slices: MigSlice[] }[] = [];
  for (const line of list.split('\n')) {
    const card = /^GPU \d+: .*\(UUID: (GPU-[^)]+)\)/.exec(line)?.[1];
    if (card !== undefined) gpus.push({ uuid: card, slices: [] });
    const [, profile, uuid] = /^\s+MIG (\S+)\s+Device\s+\d+: \(UUID: (MIG-[^)]+)\)/.exec(line) ?? [];
    if (profile !== undefined && uuid !== undefined) gpus.at(-1)?.slices.push({ profile, uuid });
  }
  return gpus;
}

/**
 * Those of a machine's GPUs that a process sees, in the order it numbers them: device 0 is the first.
 * @param visible `CUDA_VISIBLE_DEVICES`: numbers in the order of the bus (set `CUDA_DEVICE_ORDER=PCI_BUS_ID` where cards differ). As in CUDA, a number that
 * is not there ends the list, and an empty value hides all. A UUID may be cut short, as in CUDA; where none is known, all cards count.
 */
export function visibleGpus(facts: readonly GpuFacts[], visible: string | undefined): readonly GpuFacts[] {
  if (visible === undefined) return facts;
  const names = visible.split(',').map((name) => name.trim());
  const byUuid = (name: string): boolean => /^(GPU|MIG)-/i.test(name);
  if (names.some(byUuid) && facts.every(({ uuid }) => uuid === null)) return facts;
  const chosen: GpuFacts[] = [];
  for (const name of names) {
    const gpu = byUuid(name)
      ? facts.find(({ uuid }) => uuid?.toLowerCase().startsWith(name.toLowerCase()) === true)
      : /^\d+$/.test(name)
        ? facts[Number(name)]
        : undefined;
    if (gpu === undefined) break;
    chosen.push(gpu);
  }
  return chosen;
}

/** Figures are at most this old when they are asked for. */
const REFRESH_MS = 10_000;
const MIB = 1_048_576;

/**
 * Keeps the gauges of a process's GPUs: they are read when somebody asks for metrics, and not more often than every ten seconds. What a reading
 * does not tell is not shown.
 */
export class GpuWatch {
  readonly #gauges: GpuGauges;
  readonly #read: () => Promise<readonly GpuFacts[]>;
  readonly #now: () => number;
  #askedMs = -Infinity;
  #reading: Promise<void> = Promise.resolve();

  /** @param read the GPUs to tell of, always in the same order; when it fails the figures go away until it answers again */
  constructor(
    gauges: GpuGauges,
    read: () => Promise<readonly GpuFacts[]>,
    now: () => number = () => performance.now(),
  ) {
    this.#gauges = gauges;
    this.#read = read;
    this.#now = now;
    gauges.onCollect(() => this.#refreshed());
  }

  #refreshed(): Promise<void> {
    if (this.#now() - this.#askedMs >= REFRESH_MS) {
      this.#askedMs = this.#now();
      this.#reading = this.#read()
        .catch(leaveAlone('shown_without', []))
        .then((facts) => {
          this.#show(facts);
        });
    }
    return this.#reading;
  }

  #show(facts: readonly GpuFacts[]): void {
    const { memoryBytes, memoryUsedBytes, utilizationRatio, temperatureCelsius, powerWatts } = this.#gauges;
    for (const gauge of [memoryBytes, memoryUsedBytes, utilizationRatio, temperatureCelsius, powerWatts]) gauge.reset();
    facts.forEach((gpu, index) => {
      const labels = { gpu: String(index), name: gpu.name };
      if (gpu.memoryMiB !== null) memoryBytes.set(labels, gpu.memoryMiB * MIB);
      if (gpu.memoryUsedMiB !== null) memoryUsedBytes.set(labels, gpu.memoryUsedMiB * MIB);
      if (gpu.utilizationPercent !== null) utilizationRatio.set(labels, gpu.utilizationPercent / 100);
      if (gpu.temperatureC !== null) temperatureCelsius.set(labels, gpu.temperatureC);
      if (gpu.powerW !== null) powerWatts.set(labels, gpu.powerW);
    });
  }
}
