import type { Cluster } from './cluster.js';
import type { Prometheus } from './prometheus.js';
import type { ServiceProcess } from './service-process.js';

/** What KEDA reads of a ScaledObject. */
export interface ScaledObject {
  readonly spec: {
    readonly minReplicaCount: number;
    readonly maxReplicaCount: number;
    readonly pollingInterval: number;
    readonly cooldownPeriod: number;
    readonly advanced: {
      readonly horizontalPodAutoscalerConfig: {
        readonly behavior: { readonly scaleDown: { readonly stabilizationWindowSeconds: number } };
      };
    };
    readonly triggers: readonly [{ readonly metadata: { readonly query: string; readonly threshold: string } }];
  };
}

/** Moment of a rehearsal: what waits, seconds of audio, and how many workers run. */
export interface ScalingPoint {
  readonly seconds: number;
  readonly backlogSeconds: number | null;
  readonly workers: number;
}

/** Starts and stops worker processes of a cluster as KEDA and the HPA would for a ScaledObject: up at once; down to the most that was asked for within the HPA's window; to none after KEDA's cooldown. Down is SIGTERM. */
export class ScaledWorkers {
  readonly running: ServiceProcess[] = [];
  readonly history: ScalingPoint[] = [];
  /** Exit statuses of those that were taken away. */
  readonly exits: (number | null)[] = [];
  readonly #cluster: Cluster;
  readonly #prometheus: Prometheus;
  readonly #scaled: ScaledObject['spec'];
  readonly #changed: () => Promise<void>;
  readonly #ending: Promise<void>[] = [];
  #backlogSeconds: number | null = null;
  #idleSinceMs: number | null = null;
  /** What was asked for within the HPA's window. */
  #asked: { readonly atMs: number; readonly workers: number }[] = [];
  #work: Promise<void> | null = null;
  #stopped = false;

  /** @param changed called after a worker has come or gone */
  constructor(cluster: Cluster, prometheus: Prometheus, scaled: ScaledObject, changed: () => Promise<void>) {
    this.#cluster = cluster;
    this.#prometheus = prometheus;
    this.#scaled = scaled.spec;
    this.#changed = changed;
  }

  /** Workers that the ScaledObject asks for now; null while its query has no answer. */
  async wanted(): Promise<number | null> {
    const { query, threshold } = this.#scaled.triggers[0].metadata;
    this.#backlogSeconds = await this.#prometheus.value(query);
    if (this.#backlogSeconds === null) return null;
    // Above zero the scaler is active, and keeps one worker at least.
    const few = Math.max(this.#scaled.minReplicaCount, this.#backlogSeconds > 0 ? 1 : 0);
    return Math.min(this.#scaled.maxReplicaCount, Math.max(few, Math.ceil(this.#backlogSeconds / Number(threshold))));
  }

  start(): void {
    const begunMs = performance.now();
    this.#work = (async () => {
      while (!this.#stopped) {
        const wanted = await this.wanted();
        this.history.push({
          seconds: (performance.now() - begunMs) / 1_000,
          backlogSeconds: this.#backlogSeconds,
          workers: this.running.length,
        });
        if (wanted !== null) await this.#scale(wanted);
        await new Promise((resolve) => {
          setTimeout(resolve, this.#scaled.pollingInterval * 1_000);
        });
      }
    })();
  }

  /** Resolves when those that were taken away have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#ending);
  }

  async close(): Promise<void> {
    this.#stopped = true;
    await this.#work;
    for (const worker of this.running.splice(0)) this.#end(worker);
    await this.ended();
  }

  async #scale(wanted: number): Promise<void> {
    const nowMs = performance.now();
    this.#idleSinceMs = wanted > 0 ? null : (this.#idleSinceMs ?? nowMs);
    const { stabilizationWindowSeconds } = this.#scaled.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown;
    this.#asked = [...this.#asked, { atMs: nowMs, workers: wanted }].filter(
      ({ atMs }) => nowMs - atMs <= stabilizationWindowSeconds * 1_000,
    );
    const isIdle = this.#idleSinceMs !== null && nowMs - this.#idleSinceMs >= this.#scaled.cooldownPeriod * 1_000;
    const kept = isIdle ? 0 : Math.max(...this.#asked.map(({ workers }) => workers));
    if (wanted > this.running.length) {
      const started = Array.from({ length: wanted - this.running.length }, () => this.#cluster.addWorker());
      this.running.push(...(await Promise.all(started)));
      await this.#changed();
    } else if (kept < this.running.length) {
      for (const worker of this.running.splice(kept)) this.#end(worker);
      await this.#changed();
    }
  }

  #end(worker: ServiceProcess): void {
    this.#ending.push(
      worker.end().then((status) => {
        this.exits.push(status);
      }),
    );
  }
}
