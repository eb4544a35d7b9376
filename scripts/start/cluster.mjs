import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../setup/free-port.mjs';
import { forgetServer, newPassword, redisMemoryBytes, stopLeftover } from '../setup/own-redis.mjs';
import { ROOT, modelCache } from '../setup/paths.mjs';
import { privateFolder } from '../setup/private-files.mjs';
import { say } from '../setup/say.mjs';
import { LogFile } from './log-file.mjs';
import { probeRedis, probeService } from './probes.mjs';
import { Service } from './service.mjs';
import { audioFolder, nvidiaGpus, workerEnvironment } from './worker-environment.mjs';

const PRELOAD = new URL('./end-with-parent.mjs', import.meta.url).href;
const KEEPER = fileURLToPath(new URL('./redis-keeper.mjs', import.meta.url));
// Somewhat more than the services take for themselves by default (DRAIN_TIMEOUT_MS is 60 s).
const GRACE_MS = 75_000;
const REDIS_GRACE_MS = 20_000;
const TRIES_IN_A_ROW = 5;

/**
 * The processes of `npm start`. Redis starts first, then the doors (API and relay) and the workers at once; they end in the order doors, workers, Redis, so that
 * nothing is asked that can no longer answer. When something that nothing works without cannot be started again, `onFatal(message)` is called.
 */
export class Cluster {
  #options;
  #redis = null;
  #api = null;
  #relay = null;
  #workers = [];
  #redisUrl;
  #stopped = false;

  /** `options`: stateFolder, environment (of the services), redisUrl (null: one of its own by `redisBinary`), ports, relayHost, workers, metricsHost, onFatal. */
  constructor(options) {
    this.#options = options;
    this.#redisUrl = options.redisUrl;
  }

  /** Starts everything and waits until all are ready. Throws a `SetupError` when one cannot start. */
  async start() {
    if (this.#redisUrl === null) await this.#startRedis();
    const { ports, relayHost, workers, environment } = this.#options;
    const gpus = workers > 1 && environment.CUDA_VISIBLE_DEVICES === undefined ? await nvidiaGpus() : [];
    this.#api = this.#service('api', 'services/api/dist/main.js', {
      port: ports.apiMetrics,
      environment: { API_PORT: String(ports.api), RELAY_URL: environment.RELAY_URL?.trim() || `http://${relayHost}:${String(ports.webSocket)}` },
      triesInARow: TRIES_IN_A_ROW,
    });
    this.#relay = this.#service('relay', 'services/stream-relay/dist/main.js', {
      port: ports.relayMetrics,
      environment: { WS_PORT: String(ports.webSocket), GRPC_PORT: String(ports.grpc) },
      triesInARow: TRIES_IN_A_ROW,
    });
    this.#workers = ports.workerMetrics.map((port, i) => this.#service(workers === 1 ? 'worker' : `worker-${String(i + 1)}`, 'services/worker/dist/main.js', {
      port,
      environment: workerEnvironment(i, workers, { environment, gpus }),
    }));
    const services = [this.#api, this.#relay, ...this.#workers];
    if (this.#stopped) return;
    for (const service of services) service.start();
    await Promise.all(services.map(async (service) => {
      await service.ready();
      say(service.name, 'ready');
    }));
  }

  async #startRedis() {
    const { stateFolder, redisBinary, onFatal } = this.#options;
    const folder = join(stateFolder, 'redis');
    if (await stopLeftover(folder)) say('redis', 'ended the one that a killed start had left behind');
    const port = await freePort();
    const password = newPassword();
    privateFolder(folder);
    this.#redis = new Service('redis', {
      command: process.execPath,
      args: [KEEPER, redisBinary, folder],
      cwd: folder,
      // Other users cannot read the environment of a process.
      env: { ...process.env, OWN_REDIS: JSON.stringify({ port, password, memoryBytes: redisMemoryBytes() }) },
      log: new LogFile(join(stateFolder, 'logs', 'redis.log')),
      quiet: true,
      channel: true,
      probe: () => probeRedis({ port, password }),
      triesInARow: TRIES_IN_A_ROW,
      onGivenUp: onFatal,
    });
    if (this.#stopped) return;
    this.#redis.start();
    await this.#redis.ready();
    this.#redisUrl = `redis://:${password}@127.0.0.1:${String(port)}`;
    say('redis', `ready on port ${String(port)} (its own, data under ${folder})`);
  }

  #service(name, main, { port, environment, triesInARow }) {
    const { stateFolder, metricsHost, onFatal } = this.#options;
    return new Service(name, {
      command: process.execPath,
      args: ['--enable-source-maps', '--import', PRELOAD, join(ROOT, main)],
      cwd: ROOT,
      env: { ...this.#options.environment, MODEL_CACHE: modelCache(), ...audioFolder(this.#options.environment, stateFolder), ...environment, REDIS_URL: this.#redisUrl, METRICS_PORT: String(port) },
      log: new LogFile(join(stateFolder, 'logs', `${name}.log`)),
      channel: true,
      probe: () => probeService(metricsHost, port),
      triesInARow,
      onGivenUp: onFatal,
    });
  }

  /** Ends everything in order. */
  async stop() {
    this.#stopped = true;
    await Promise.all([this.#api, this.#relay].map((door) => door?.stop(GRACE_MS)));
    await Promise.all(this.#workers.map((worker) => worker.stop(GRACE_MS)));
    if (this.#redis === null) return;
    await this.#redis.stop(REDIS_GRACE_MS);
    forgetServer(join(this.#options.stateFolder, 'redis'));
  }

  /** Ends everything at once; Redis has every acknowledged write on disk. */
  kill() {
    this.#stopped = true;
    for (const service of [this.#api, this.#relay, ...this.#workers, this.#redis]) service?.kill();
  }
}
