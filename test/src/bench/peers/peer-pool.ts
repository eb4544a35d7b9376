import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from '../../harness/service-process.js';

/** Settings of a peer's process, as its script reads them. */
export interface PeerSettings {
  /** A script of this folder. */
  readonly script: string;
  readonly threads: number;
  readonly batch: number;
  readonly [name: string]: string | number | boolean;
}

/** So much of what a peer says on its standard error is told when it ends. */
const LAST_WORDS = 2_000;

/** One process of a peer: a line in, a line out. */
class PeerProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #closed: Promise<unknown>;
  #said = '';
  readonly #kill = (): void => {
    this.#child.kill('SIGKILL');
  };

  constructor(python: string, { script, ...settings }: PeerSettings, libraries: string | undefined) {
    const paths = [libraries, process.env['LD_LIBRARY_PATH']].filter((path) => path !== undefined && path !== '');
    this.#child = spawn(python, [join(ROOT, 'test', 'src', 'bench', 'peers', script)], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...(libraries === undefined ? {} : { LD_LIBRARY_PATH: paths.join(delimiter) }) },
    });
    this.#closed = once(this.#child, 'close');
    // What is written to a process that has ended is told by `answer`.
    this.#child.stdin.on('error', () => undefined);
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-LAST_WORDS);
    });
    // Whatever ends this process ends the peer: a script that is killed closes no pipe of a library that computes.
    process.once('exit', this.#kill);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#child.stdin.write(`${JSON.stringify(settings)}\n`);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** The next line. Throws when the process ended instead. */
  async answer<T>(): Promise<T> {
    const next = (await this.#lines.next()) as IteratorResult<string, undefined>;
    if (next.done === true) {
      await this.#closed;
      throw new Error(`the peer's process ended: ${this.#child.spawnargs.join(' ')}\n${this.#said}`);
    }
    return JSON.parse(next.value) as T;
  }

  async ask<T>(question: unknown): Promise<T> {
    this.#child.stdin.write(`${JSON.stringify(question)}\n`);
    return this.answer<T>();
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    await this.#closed;
    process.off('exit', this.#kill);
  }
}

/** A peer in some processes; each takes the next file as soon as it is done with one. */
export class PeerPool {
  readonly version: string;
  readonly #processes: readonly PeerProcess[];

  private constructor(processes: readonly PeerProcess[], version: string) {
    this.#processes = processes;
    this.version = version;
  }

  /**
   * Resolves when all have loaded their model. When one does not, all are ended and its error, with its last words, is thrown.
   * @param libraries folder where they find libraries of the system
   */
  static async start(python: string, count: number, settings: PeerSettings, libraries?: string): Promise<PeerPool> {
    const processes = Array.from({ length: count }, () => new PeerProcess(python, settings, libraries));
    const ready = await Promise.allSettled(processes.map((process) => process.answer<{ readonly ready: string }>()));
    const failed = ready.find((one) => one.status === 'rejected');
    if (failed !== undefined) {
      await Promise.allSettled(processes.map((process) => process.close()));
      throw failed.reason;
    }
    const [first] = ready;
    return new PeerPool(processes, first?.status === 'fulfilled' ? first.value.ready : '');
  }

  get pids(): readonly number[] {
    return this.#processes.map((process) => process.pid);
  }

  /** Texts of the files, in their order. `detect`: whether speech is found first, as in long recordings. */
  async transcribe(paths: readonly string[], detect: boolean): Promise<readonly string[]> {
    const texts: string[] = [];
    let next = 0;
    await Promise.all(
      this.#processes.map(async (process) => {
        for (let at = next++; at < paths.length; at = next++)
          texts[at] = (await process.ask<{ readonly text: string }>({ path: paths[at], detect })).text;
      }),
    );
    return texts;
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.close()));
  }
}
