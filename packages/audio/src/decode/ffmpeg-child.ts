import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { AsrError } from '@murmuration/contracts/errors';
import type { Command } from './ffmpeg-command.js';
import { FfmpegReport } from './ffmpeg-report.js';

/** How a child ended. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** True when it was ended for making no progress. */
  readonly stalled: boolean;
}

/**
 * One run of ffmpeg: bytes in, bytes out, nothing held but the two pipes.
 * Feeding waits for the source (idle) or for the child (busy); a child that is busy, or has all its input, and gives nothing for `stallMs` while
 * its output is awaited is killed.
 */
export class FfmpegChild {
  readonly report: FfmpegReport;
  readonly #child: ChildProcess;
  readonly #stdout: Readable;
  readonly #exited: Promise<ChildExit>;
  readonly #stallMs: number;
  #busy = false;
  #stalled = false;
  #sourceError: { readonly error: unknown } | null = null;
  #timer: NodeJS.Timeout | null = null;

  /**
   * @param source fed to standard input, or a file descriptor that the child gets as its fourth
   * @param track the audio track that the command asks for
   */
  constructor(command: Command, source: AsyncIterable<Uint8Array> | number, stallMs: number, track: number) {
    this.report = new FfmpegReport(track);
    this.#stallMs = stallMs;
    const spooled = typeof source === 'number';
    const child = spawn(command.path, command.argv, { env: {}, cwd: '/', stdio: [spooled ? 'ignore' : 'pipe', 'pipe', 'pipe', spooled ? source : 'ignore'], windowsHide: true });
    this.#child = child;
    this.#exited = new Promise((resolve, reject) => {
      child.once('error', (error) => { reject(new AsrError('internal', undefined, { cause: error })); });
      child.once('close', (code, signal) => { resolve({ code, signal, stalled: this.#stalled }); });
    });
    this.#exited.catch(() => undefined);
    if (child.stdout === null || child.stderr === null) throw new AsrError('internal');
    this.#stdout = child.stdout;
    child.stderr.setEncoding('utf8').on('data', (text: string) => { this.report.push(text); }).on('close', () => { this.report.end(); });
    if (child.stdin !== null && !spooled) void this.#feed(source, child.stdin);
    else this.#busy = true;
  }

  /** Standard output piece by piece. Throws what the source threw. */
  async *output(): AsyncGenerator<Uint8Array> {
    const pieces = this.#stdout.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Uint8Array>;
    for (;;) {
      this.#watch();
      // A failed source closes the pipe under the reader: the source's error is the one to tell.
      const next = await pieces.next().catch((error: unknown) => { throw this.#sourceError === null ? error : this.#sourceError.error; }).finally(() => { this.#unwatch(); });
      if (this.#sourceError !== null) throw this.#sourceError.error;
      if (next.done === true) return;
      yield next.value;
    }
  }

  /** Waits for the end. Throws `internal` when the program could not be started. */
  exited(): Promise<ChildExit> {
    return this.#exited;
  }

  /** Ends the child at once, whatever it is doing. */
  kill(): void {
    this.#child.kill('SIGKILL');
    this.#child.stdin?.destroy();
    this.#stdout.destroy();
  }

  async #feed(source: AsyncIterable<Uint8Array>, stdin: Writable): Promise<void> {
    // A child that has what it wants, or failed, closes its end: its exit tells more than the broken pipe.
    stdin.on('error', () => undefined);
    try {
      for await (const piece of source) {
        if (stdin.destroyed || stdin.closed) break;
        this.#busy = true;
        if (!stdin.write(piece)) await drained(stdin);
        this.#busy = false;
        this.#timer?.refresh();
      }
    } catch (error) {
      this.#sourceError = { error };
      this.kill();
      return;
    }
    this.#busy = true;
    stdin.end();
    this.#timer?.refresh();
  }

  #watch(): void {
    const timer = setTimeout(() => {
      if (!this.#busy) {
        timer.refresh();
        return;
      }
      this.#stalled = true;
      this.#child.kill('SIGKILL');
    }, this.#stallMs);
    this.#timer = timer;
  }

  #unwatch(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/** Until more may be written or the other end is gone. */
function drained(stdin: Writable): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      stdin.off('drain', end).off('close', end);
      resolve();
    };
    stdin.on('drain', end).on('close', end);
    if (stdin.destroyed) end();
  });
}
