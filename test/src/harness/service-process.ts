import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { freePort } from '@murmuration/store/testing';

/** Root of the checkout. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const MAIN = {
  api: 'services/api/dist/main.js',
  relay: 'services/stream-relay/dist/main.js',
  worker: 'services/worker/dist/main.js',
} as const;
export type ServiceName = keyof typeof MAIN;
/** Below the limit of a test (`scripts/test/limits.mjs`), so that a service that does not start tells why. */
const START_LIMIT_MS = 100_000;
/** Longer than any drain that tests ask for. */
const END_LIMIT_MS = 75_000;

/** A service of the project as a process of its own, with the metrics port it was given. */
export class ServiceProcess {
  readonly metricsPort: number;
  readonly #child: ChildProcess;
  readonly #exit: Promise<number | null>;
  #log = '';

  private constructor(
    service: ServiceName,
    environment: Readonly<Record<string, string>>,
    metricsPort: number,
    root: string,
  ) {
    this.metricsPort = metricsPort;
    this.#child = spawn(process.execPath, ['--enable-source-maps', MAIN[service]], {
      cwd: root,
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: process.env['HOME'] ?? '',
        LOG_LEVEL: 'info',
        ...environment,
        METRICS_PORT: String(metricsPort),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const keep = (data: Buffer): void => {
      this.#log += data.toString();
    };
    this.#child.stdout?.on('data', keep);
    this.#child.stderr?.on('data', keep);
    this.#exit = new Promise((resolve) => {
      this.#child.once('exit', (code) => {
        resolve(code);
      });
    });
  }

  /** Starts and returns at once. `METRICS_PORT` is a free one where it is not given. @param root of a compiled checkout; default this one */
  static async launch(
    service: ServiceName,
    environment: Readonly<Record<string, string>>,
    root = ROOT,
  ): Promise<ServiceProcess> {
    return new ServiceProcess(service, environment, Number(environment['METRICS_PORT'] ?? (await freePort())), root);
  }

  /** Starts and waits until it is ready. Throws with its log when it ends before. */
  static async start(service: ServiceName, environment: Readonly<Record<string, string>>): Promise<ServiceProcess> {
    const started = await ServiceProcess.launch(service, environment);
    await started.ready();
    return started;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Everything it has logged. */
  get log(): string {
    return this.#log;
  }

  async ready(limitMs = START_LIMIT_MS): Promise<void> {
    const untilMs = performance.now() + limitMs;
    for (;;) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`the service ended before it was ready:\n${this.#log}`);
      if ((await this.probe('/readyz')) === 200) return;
      if (performance.now() > untilMs) throw new Error(`the service did not become ready:\n${this.#log}`);
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
  }

  /** Status of a path on the metrics port; null when nothing answers. */
  async probe(path: string): Promise<number | null> {
    try {
      const response = await fetch(`http://127.0.0.1:${String(this.metricsPort)}${path}`);
      await response.arrayBuffer();
      return response.status;
    } catch {
      return null;
    }
  }

  async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${String(this.metricsPort)}/metrics`)).text();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it with a signal and answers its exit status (null when the signal killed it). Throws with its log when it does not end, and kills it. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill(signal);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        this.#child.kill('SIGKILL');
        reject(new Error(`the service did not end within ${String(END_LIMIT_MS)} ms of ${signal}:\n${this.#log}`));
      }, END_LIMIT_MS);
    });
    try {
      return await Promise.race([this.#exit, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  get exited(): Promise<number | null> {
    return this.#exit;
  }
}
