import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, startRedis, type TestRedis } from '@murmuration/store/testing';
import { ServiceProcess, type ServiceName } from './service-process.js';

export interface ClusterOptions {
  readonly workers?: number;
  /** API nodes; default 1. */
  readonly apis?: number;
  /** Relays; default none. */
  readonly relays?: number;
  readonly api?: Readonly<Record<string, string>>;
  readonly relay?: Readonly<Record<string, string>>;
  readonly worker?: Readonly<Record<string, string>>;
  /** A worker has as many sessions as the machine has cores, as people run it: for what measures speed. Default false: one, as each takes as long to load and to warm up. */
  readonly wholeMachine?: boolean;
  /** Most time that a worker takes to be ready, milliseconds; default that of every service. A large model on a card takes minutes. */
  readonly workerStartMs?: number;
  /** Compiled checkouts of services that are not of this one. */
  readonly roots?: Readonly<Partial<Record<ServiceName, string>>>;
}

/** A service with the ports that its clients use. */
export interface Node {
  readonly process: ServiceProcess;
  readonly port: number;
}

export interface RelayNode extends Node {
  readonly grpcPort: number;
}

/** A Redis, API nodes, relays and workers on free ports of this machine, with a folder for audio that is theirs. */
export class Cluster {
  readonly redis: TestRedis;
  /** Folder of the services' audio, unless their options name another store. */
  readonly audioFolder: string;
  /** The first API node. */
  readonly api: ServiceProcess;
  /** Address of the first API node, without a slash at the end. */
  readonly url: string;
  readonly apis: Node[] = [];
  readonly relays: RelayNode[] = [];
  readonly workers: ServiceProcess[] = [];
  readonly #options: ClusterOptions;

  private constructor(
    redis: TestRedis,
    relays: readonly RelayNode[],
    api: Node,
    options: ClusterOptions,
    audioFolder: string,
  ) {
    this.audioFolder = audioFolder;
    this.redis = redis;
    this.relays.push(...relays);
    this.apis.push(api);
    this.api = api.process;
    this.url = `http://127.0.0.1:${String(api.port)}`;
    this.#options = options;
  }

  static async start(given: ClusterOptions = {}): Promise<Cluster> {
    const audioFolder = await mkdtemp(join(tmpdir(), 'murmuration-audio-'));
    const audio = { AUDIO_STORE_DIR: audioFolder };
    const options = {
      ...given,
      api: { ...audio, ...given.api },
      relay: { ...audio, ...given.relay },
      worker: { ...audio, ...(given.wholeMachine === true ? {} : { OMP_NUM_THREADS: '1' }), ...given.worker },
    };
    const redis = await startRedis();
    const relays = await Promise.all(Array.from({ length: options.relays ?? 0 }, () => launchRelay(redis, options)));
    const cluster = new Cluster(redis, relays, await launchApi(redis, relays[0], options), options, audioFolder);
    try {
      await Promise.all([
        ...Array.from({ length: options.workers ?? 1 }, () => cluster.addWorker()),
        ...Array.from({ length: (options.apis ?? 1) - 1 }, () => cluster.addApi()),
      ]);
      await Promise.all(
        [cluster.api, ...cluster.relays.map((relay) => relay.process)].map((service) => service.ready()),
      );
      return cluster;
    } catch (error) {
      // What has started would keep the test's process, and itself, for ever.
      await cluster.close('SIGKILL');
      throw error;
    }
  }

  /** Starts a worker and waits until it is ready. @param root of its checkout */
  async addWorker(
    extra: Readonly<Record<string, string>> = {},
    root = this.#options.roots?.worker,
  ): Promise<ServiceProcess> {
    const worker = await ServiceProcess.launch(
      'worker',
      { REDIS_URL: this.redis.url, ...this.#options.worker, ...extra },
      root,
    );
    this.workers.push(worker);
    await worker.ready(this.#options.workerStartMs);
    return worker;
  }

  /** Starts another API node, on a port of its own or on `port`, and waits until it is ready. */
  async addApi(
    port?: number,
    extra: Readonly<Record<string, string>> = {},
    root = this.#options.roots?.api,
  ): Promise<Node> {
    const api = { ...this.#options.api, ...extra };
    const options = {
      ...this.#options,
      api,
      roots: { ...this.#options.roots, ...(root !== undefined && { api: root }) },
    };
    const node = await launchApi(this.redis, this.relays[0], options, port);
    this.apis.push(node);
    await node.process.ready();
    return node;
  }

  /** Starts another relay, on ports of its own or on those of `place`, and waits until it is ready. */
  async addRelay(
    place?: Pick<RelayNode, 'port' | 'grpcPort'>,
    extra: Readonly<Record<string, string>> = {},
  ): Promise<RelayNode> {
    const relay = await launchRelay(
      this.redis,
      { ...this.#options, relay: { ...this.#options.relay, ...extra } },
      place,
    );
    this.relays.push(relay);
    await relay.process.ready();
    return relay;
  }

  async close(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await Promise.all([...this.apis, ...this.relays].map((node) => node.process.end(signal)));
    await Promise.all(this.workers.map((worker) => worker.end(signal)));
    await this.redis.close();
    await rm(this.audioFolder, { recursive: true, force: true });
  }
}

async function launchApi(
  redis: TestRedis,
  relay: RelayNode | undefined,
  options: ClusterOptions,
  given?: number,
): Promise<Node> {
  const port = given ?? (await freePort());
  const forward = relay === undefined ? {} : { RELAY_URL: `http://127.0.0.1:${String(relay.port)}` };
  return {
    port,
    process: await ServiceProcess.launch(
      'api',
      { REDIS_URL: redis.url, API_PORT: String(port), ...forward, ...options.api },
      options.roots?.api,
    ),
  };
}

async function launchRelay(
  redis: TestRedis,
  options: ClusterOptions,
  place?: Pick<RelayNode, 'port' | 'grpcPort'>,
): Promise<RelayNode> {
  const port = place?.port ?? (await freePort());
  const grpcPort = place?.grpcPort ?? (await freePort());
  return {
    port,
    grpcPort,
    process: await ServiceProcess.launch(
      'relay',
      { REDIS_URL: redis.url, WS_PORT: String(port), GRPC_PORT: String(grpcPort), ...options.relay },
      options.roots?.relay,
    ),
  };
}
