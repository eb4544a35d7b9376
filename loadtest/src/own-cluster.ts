import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environment } from './config.js';
import type { TargetOptions } from './target.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const START_LIMIT_MS = 300_000;
const STOP_LIMIT_MS = 90_000;

export interface OwnClusterOptions {
  readonly workers: number;
  /** Variables of the services. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** A small cluster on this machine by `murmur up`, with its own Redis, state and ports. */
export class OwnCluster {
  readonly addresses: Pick<TargetOptions, 'url' | 'grpc' | 'metrics'>;
  readonly #child: ChildProcess;
  readonly #folder: string;
  #output = '';

  private constructor(child: ChildProcess, folder: string, addresses: Pick<TargetOptions, 'url' | 'grpc' | 'metrics'>) {
    this.#child = child;
    this.#folder = folder;
    this.addresses = addresses;
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-16_384);
      });
  }

  /** Starts it and waits until it has transcribed its sample. Throws with its output when it does not come up. */
  static async start({ workers, variables = {} }: OwnClusterOptions): Promise<OwnCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'murmuration-loadtest-'));
    const [api = 0, webSocket = 0, grpc = 0, ...metrics] = await freePorts(5 + workers);
    // `murmur up` takes ports for metrics from METRICS_PORT upwards.
    const firstMetrics = await consecutive(metrics.length);
    const child = spawn(
      process.execPath,
      [join(ROOT, 'cli', 'bin', 'murmur.mjs'), 'up', '--workers', String(workers)],
      {
        cwd: ROOT,
        env: {
          ...environment(),
          REDIS_URL: '',
          // As under npx: it ends when this process is gone, however that ended.
          npm_lifecycle_event: 'npx',
          ...variables,
          STATE_DIR: folder,
          API_PORT: String(api),
          WS_PORT: String(webSocket),
          GRPC_PORT: String(grpc),
          METRICS_PORT: String(firstMetrics),
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const url = `http://127.0.0.1:${String(api)}`;
    const cluster = new OwnCluster(child, folder, {
      url,
      grpc: `127.0.0.1:${String(grpc)}`,
      metrics: Array.from({ length: 2 + workers }, (_, i) => `http://127.0.0.1:${String(firstMetrics + i)}/metrics`),
    });
    try {
      await cluster.#serves(url);
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  async #serves(url: string): Promise<void> {
    const untilMs = performance.now() + START_LIMIT_MS;
    // The addresses are printed last, after the sample.
    while (!this.#output.includes(url)) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null || performance.now() > untilMs)
        throw new Error(`the cluster did not come up:\n${this.#output}`);
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      const timer = setTimeout(() => {
        this.#child.kill('SIGKILL');
      }, STOP_LIMIT_MS);
      await ended;
      clearTimeout(timer);
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function listening(port: number): Promise<ReturnType<typeof createServer> | null> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => {
      resolve(null);
    });
    server.listen(port, '127.0.0.1', () => {
      resolve(server);
    });
  });
}

function portOf(server: ReturnType<typeof createServer> | null): number {
  const address = server?.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listening(0)));
  const ports = servers.map(portOf);
  for (const server of servers) server?.close();
  return ports;
}

/** The first of `count` free ports in a row. */
async function consecutive(count: number): Promise<number> {
  for (;;) {
    const first = await listening(0);
    const from = portOf(first);
    const others = await Promise.all(Array.from({ length: count - 1 }, (_, i) => listening(from + 1 + i)));
    for (const server of [first, ...others]) server?.close();
    if (others.every((server) => server !== null)) return from;
  }
}
