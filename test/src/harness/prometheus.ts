import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@murmuration/store/testing';

/** Why no Prometheus can be started here, or null. */
export function withoutPrometheus(): string | null {
  return spawnSync('prometheus', ['--version']).status === 0 ? null : 'prometheus is not installed on this machine';
}

/** What is scraped: a port of metrics, with the labels that the Prometheus operator would give it. */
export interface ScrapeTarget {
  readonly port: number;
  readonly service: string;
  readonly pod: string;
}

/** A Prometheus that scrapes services of this machine twice a second; targets may come and go. */
export class Prometheus {
  readonly #url: string;
  readonly #targets: string;
  readonly #namespace: string;
  readonly #stop: () => Promise<void>;

  private constructor(url: string, targets: string, namespace: string, stop: () => Promise<void>) {
    this.#url = url;
    this.#targets = targets;
    this.#namespace = namespace;
    this.#stop = stop;
  }

  /** @param rules of the chart, as JSON; none are loaded unless given */
  static async start(namespace: string, rules: string | null = null): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
    const [port, targets, config] = [await freePort(), join(folder, 'targets.json'), join(folder, 'prometheus.yml')];
    await writeFile(targets, '[]');
    await writeFile(join(folder, 'rules.json'), rules ?? '{"groups":[]}');
    await writeFile(
      config,
      JSON.stringify({
        global: { scrape_interval: '500ms', evaluation_interval: '500ms' },
        rule_files: [join(folder, 'rules.json')],
        scrape_configs: [{ job_name: 'murmuration', file_sd_configs: [{ files: [targets], refresh_interval: '1s' }] }],
      }),
    );
    const child = spawn(
      'prometheus',
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${String(port)}`,
        '--log.level=error',
      ],
      { stdio: 'ignore' },
    );
    const exited = new Promise<void>((resolve) => {
      child.once('exit', () => {
        resolve();
      });
    });
    const url = `http://127.0.0.1:${String(port)}`;
    const started = new Prometheus(url, targets, namespace, async () => {
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    });
    for (let i = 0; i < 600 && child.exitCode === null; i++) {
      if ((await fetch(`${url}/-/ready`).catch(() => null))?.ok === true) return started;
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
    await started.close();
    throw new Error('prometheus did not start');
  }

  async scrape(targets: readonly ScrapeTarget[]): Promise<void> {
    await writeFile(
      this.#targets,
      JSON.stringify(
        targets.map(({ port, service, pod }) => ({
          targets: [`127.0.0.1:${String(port)}`],
          labels: { namespace: this.#namespace, service, pod },
        })),
      ),
    );
  }

  /** The value of an expression's only sample; null when it has none. Throws when the expression is refused or has several. */
  async value(expression: string): Promise<number | null> {
    const samples = (await this.#ask('query', { query: expression })) as {
      result: { value: [number, string] }[];
    };
    if (samples.result.length > 1) throw new Error(`${expression} has ${String(samples.result.length)} samples`);
    const value = samples.result[0]?.value[1];
    return value === undefined ? null : Number(value);
  }

  /** Names of all metrics that targets declare, whether they have samples yet or not; of a histogram its own name. */
  async names(): Promise<ReadonlySet<string>> {
    return new Set(Object.keys((await this.#ask('metadata', {})) as object));
  }

  async close(): Promise<void> {
    await this.#stop();
  }

  async #ask(path: string, query: Readonly<Record<string, string>>): Promise<unknown> {
    const response = await fetch(`${this.#url}/api/v1/${path}?${new URLSearchParams(query).toString()}`);
    const body = (await response.json()) as { status: string; data: unknown; error?: string };
    if (body.status !== 'success') throw new Error(`${path} ${JSON.stringify(query)}: ${String(body.error)}`);
    return body.data;
  }
}
