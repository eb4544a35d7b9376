import { freePort, startRedis, type TestRedis } from '@murmuration/queue/testing';
import { ServiceProcess } from './service-process.js';

export interface ClusterOptions {
  readonly workers?: number;
  readonly api?: Readonly<Record<string, string>>;
  readonly worker?: Readonly<Record<string, string>>;
}

/** A Redis, one HTTP door and some workers on free ports of this machine. */
export class Cluster {
  readonly redis: TestRedis;
  readonly api: ServiceProcess;
  /** Address of the HTTP door, without a slash at the end. */
  readonly url: string;
  readonly workers: ServiceProcess[] = [];
  readonly #options: ClusterOptions;

  private constructor(redis: TestRedis, api: ServiceProcess, port: number, options: ClusterOptions) {
    this.redis = redis;
    this.api = api;
    this.url = `http://127.0.0.1:${String(port)}`;
    this.#options = options;
  }

  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const redis = await startRedis();
    const port = await freePort();
    try {
      const api = await ServiceProcess.launch('api', { REDIS_URL: redis.url, API_PORT: String(port), ...options.api });
      const cluster = new Cluster(redis, api, port, options);
      await Promise.all(Array.from({ length: options.workers ?? 1 }, () => cluster.addWorker()));
      await api.ready();
      return cluster;
    } catch (error) {
      await redis.close();
      throw error;
    }
  }

  /** Starts a worker and waits until it is ready. */
  async addWorker(extra: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
    const worker = await ServiceProcess.launch('worker', { REDIS_URL: this.redis.url, ...this.#options.worker, ...extra });
    this.workers.push(worker);
    await worker.ready();
    return worker;
  }

  async close(): Promise<void> {
    await this.api.end();
    await Promise.all(this.workers.map((worker) => worker.end()));
    await this.redis.close();
  }
}
