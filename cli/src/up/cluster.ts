import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT, modelCache } from '../../../scripts/setup/paths.mjs';
import { say } from '../../../scripts/setup/say.mjs';
import type { Environment } from '../config.js';
import { bracketed, reachableHost } from './addresses.js';
import { Backend, Balancer } from './balancer.js';
import { LogFile } from './log-file.js';
import { forgetServer, newPassword, redisMemoryBytes, stopLeftover, writeSettings } from './own-redis.js';
import { freePort, type Hosts, type Ports } from './ports.js';
import { probeRedis, probeService, Service } from './service.js';
import { audioFolder, nvidiaGpus, workerEnvironment } from './worker-environment.js';

const PRELOAD = new URL('./end-with-parent.js', import.meta.url).href;
const KEEPER = fileURLToPath(new URL('./redis-keeper.js', import.meta.url));
// Somewhat more than the services take for themselves by default (DRAIN_TIMEOUT_MS is 60 s).
const GRACE_MS = 75_000;
const REDIS_GRACE_MS = 20_000;
const TRIES_IN_A_ROW = 5;
const LOOPBACK = '127.0.0.1';
/** Young objects of a service: V8 lets its 16 MiB fill three times over. With 4, the API has 33 MB less of 330 after 240 clips; with 2, a request takes more time. */
const YOUNG_MIB = 4;

/** What a cluster is made of. */
export interface ClusterOptions extends Hosts {
  readonly stateFolder: string;
  /** Variables of the services. */
  readonly environment: Environment;
  /** Null: a Redis of its own, by `redisBinary`. */
  readonly redisUrl: string | null;
  readonly redisBinary: string | null;
  readonly ports: Ports;
  /** Something that nothing works without cannot be started again. */
  readonly onFatal: (message: string) => void;
}

/** Several services of a kind, each on a port of its own, and the ports under which clients know them. */
interface Balanced {
  readonly services: readonly Service[];
  /** Port that clients know -> ports of the services, in their order. */
  readonly listens: readonly { readonly host: string; readonly port: number; readonly targets: readonly number[] }[];
  readonly metrics: readonly number[];
}

/**
 * The processes of `murmur up`. Redis starts first, then the HTTP services, the relays and the workers at once; where there is more than one of the first two, a
 * balancer in this process takes their connections. They end in the order HTTP services and relays, workers, Redis, so that nothing is asked that can no longer
 * answer. When something that nothing works without cannot be started again, `onFatal` is called.
 */
export class Cluster {
  readonly #options: ClusterOptions;
  #redis: Service | null = null;
  #apis: readonly Service[] = [];
  #relays: readonly Service[] = [];
  #workers: readonly Service[] = [];
  #backends: readonly Backend[] = [];
  #balancers: readonly Balancer[] = [];
  #redisUrl: string | null;
  #stopped = false;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#redisUrl = options.redisUrl;
  }

  /** Starts everything and waits until all are ready. Throws a `SetupError` when one cannot start. */
  async start(): Promise<void> {
    if (this.#redisUrl === null) await this.#startRedis();
    const { ports, environment, apiHost, relayHost, wyomingHost } = this.#options;
    const workers = ports.workerMetrics.length;
    const gpus = workers > 1 && environment.CUDA_VISIBLE_DEVICES === undefined ? await nvidiaGpus() : [];
    const given = environment.RELAY_URL?.trim() ?? '';
    const relayUrl = given === '' ? `http://${bracketed(reachableHost(relayHost))}:${String(ports.webSocket)}` : given;
    this.#apis = ports.apis.map(({ port, metrics }, i, all) =>
      this.#service(numbered('api', i, all.length), 'services/api/dist/main.js', {
        port: metrics,
        environment: { ...(all.length > 1 ? { API_HOST: LOOPBACK } : {}), API_PORT: String(port), RELAY_URL: relayUrl },
        triesInARow: TRIES_IN_A_ROW,
      }),
    );
    this.#relays = ports.relays.map(({ listens, metrics }, i, all) =>
      this.#service(numbered('relay', i, all.length), 'services/stream-relay/dist/main.js', {
        port: metrics,
        environment: {
          ...(all.length > 1 ? { RELAY_HOST: LOOPBACK, WYOMING_HOST: LOOPBACK } : {}),
          ...Object.fromEntries(Object.entries(listens).map(([name, port]) => [name, String(port)])),
        },
        triesInARow: TRIES_IN_A_ROW,
      }),
    );
    this.#workers = ports.workerMetrics.map((port, i, all) =>
      this.#service(numbered('worker', i, all.length), 'services/worker/dist/main.js', {
        port,
        environment: workerEnvironment(i, all.length, { environment, gpus }),
      }),
    );
    const services = [...this.#apis, ...this.#relays, ...this.#workers];
    if (this.#hasStopped()) return;
    for (const service of services) service.start();
    await Promise.all(
      services.map(async (service) => {
        await service.ready();
        say(service.name, 'ready');
      }),
    );
    await this.#balance({
      services: this.#apis,
      metrics: ports.apis.map(({ metrics }) => metrics),
      listens: [{ host: apiHost, port: ports.api, targets: ports.apis.map(({ port }) => port) }],
    });
    await this.#balance({
      services: this.#relays,
      metrics: ports.relays.map(({ metrics }) => metrics),
      listens: Object.entries(ports.public).map(([name, port]) => ({
        host: name === 'WYOMING_PORT' ? wyomingHost : relayHost,
        port,
        targets: ports.relays.map(({ listens }) => listens[name] ?? 0),
      })),
    });
  }

  async #balance({ services, listens, metrics }: Balanced): Promise<void> {
    if (services.length === 1 || this.#hasStopped()) return;
    const host = bracketed(reachableHost(this.#options.metricsHost));
    const backends = metrics.map((port) => new Backend(async () => (await probeService(host, port)).ready));
    this.#backends = [...this.#backends, ...backends];
    await Promise.all(backends.map((backend) => backend.watch()));
    for (const { host: address, port, targets } of listens) {
      const balancer = new Balancer(backends.map((backend, i) => ({ backend, port: targets[i] ?? 0 })));
      this.#balancers = [...this.#balancers, balancer];
      await balancer.listen(port, address);
      say('balancer', `port ${String(port)}: ${services.map(({ name }) => name).join(', ')}`);
    }
  }

  async #startRedis(): Promise<void> {
    const { stateFolder, redisBinary, onFatal } = this.#options;
    const folder = join(stateFolder, 'redis');
    if (await stopLeftover(folder)) say('redis', 'ended the one that a killed start had left behind');
    const port = await freePort();
    const password = newPassword();
    writeSettings(folder, { port, password, memoryBytes: redisMemoryBytes() });
    this.#redis = new Service('redis', {
      command: process.execPath,
      args: [KEEPER, redisBinary ?? '', folder],
      cwd: folder,
      env: this.#options.environment,
      log: new LogFile(join(stateFolder, 'logs', 'redis.log')),
      quiet: true,
      channel: true,
      probe: () => probeRedis({ port, password }),
      triesInARow: TRIES_IN_A_ROW,
      onGivenUp: onFatal,
    });
    if (this.#hasStopped()) return;
    this.#redis.start();
    await this.#redis.ready();
    this.#redisUrl = `redis://:${password}@127.0.0.1:${String(port)}`;
    say('redis', `ready on port ${String(port)} (its own, data under ${folder})`);
  }

  #service(
    name: string,
    main: string,
    {
      port,
      environment,
      triesInARow,
    }: { readonly port: number; readonly environment: Environment; readonly triesInARow?: number },
  ): Service {
    const { stateFolder, metricsHost, onFatal } = this.#options;
    const host = bracketed(reachableHost(metricsHost));
    return new Service(name, {
      command: process.execPath,
      args: [
        '--enable-source-maps',
        `--max-semi-space-size=${String(YOUNG_MIB)}`,
        '--import',
        PRELOAD,
        join(ROOT, main),
      ],
      cwd: ROOT,
      // Other users cannot read the environment of a process.
      env: {
        ...this.#options.environment,
        MODEL_CACHE: modelCache(),
        ...audioFolder(this.#options.environment, stateFolder),
        ...environment,
        REDIS_URL: this.#redisUrl ?? undefined,
        METRICS_PORT: String(port),
      },
      log: new LogFile(join(stateFolder, 'logs', `${name}.log`)),
      channel: true,
      probe: () => probeService(host, port),
      triesInARow,
      onGivenUp: onFatal,
    });
  }

  #hasStopped(): boolean {
    return this.#stopped;
  }

  /** Ends everything in order. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const balancer of this.#balancers) balancer.close();
    await Promise.all([...this.#apis, ...this.#relays].map((service) => service.stop(GRACE_MS)));
    for (const backend of this.#backends) backend.unwatch();
    for (const balancer of this.#balancers) balancer.destroy();
    await Promise.all(this.#workers.map((worker) => worker.stop(GRACE_MS)));
    if (this.#redis === null) return;
    await this.#redis.stop(REDIS_GRACE_MS);
    forgetServer(join(this.#options.stateFolder, 'redis'));
  }

  /** Ends everything at once; Redis has every acknowledged write on disk. */
  kill(): void {
    this.#stopped = true;
    for (const service of [...this.#apis, ...this.#relays, ...this.#workers, this.#redis]) service?.kill();
  }
}

function numbered(name: string, index: number, count: number): string {
  return count === 1 ? name : `${name}-${String(index + 1)}`;
}
