import { leaveAlone } from '@murmuration/contracts/left-alone';
import type { GpuFacts } from './gpu.js';
import type { GpuGauges } from './metrics.js';

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
