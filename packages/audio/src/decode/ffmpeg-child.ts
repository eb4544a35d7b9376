import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { AsrError } from '@murmuration/contracts/errors';
import { awaitedLater } from '@murmuration/contracts/left-alone';
import type { Command } from './ffmpeg-command.js';

/** Longest line and most bytes of ffmpeg's log that are read; a client's file can make it print without bound. */
const MAX_LINE_CHARS = 2_000;
const MAX_LOG_CHARS = 200_000;

/** What ffmpeg's log says about a recording. Fed from its standard error; keeps no line. */
export class FfmpegReport {
  /** Codec of the audio track that is decoded, or null. */
  codec: string | null = null;
  sampleRateHz: number | null = null;
  /** Length that the header declares, or null. Milliseconds. */
  declaredMs: number | null = null;
  /** Where the clock of the earliest track begins, or null. Milliseconds. */
  startMs: number | null = null;
  /** Settles when the log's description of the input was read, which is before any sound comes out. */
  readonly opened: Promise<void>;
  /** Audio tracks of the file. */
  audioTracks = 0;
  /** True when the file was opened and lacks the audio track. */
  noTrack = false;
  /** Parts that could not be decoded. */
  faults = 0;
  /** Frames whose check sum is wrong, though they could be decoded. */
  wrongSums = 0;
  /** True when ffmpeg says that the end of the file is missing. */
  partial = false;
  readonly #track: number;
  #inInput = true;
  #open: () => void = () => undefined;
  #line = '';
  #seen = 0;

  /** @param track the one that is decoded, counted from 0 */
  constructor(track: number) {
    this.#track = track;
    this.opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  /** The log has ended. */
  end(): void {
    this.#open();
  }

  push(text: string): void {
    this.#seen += text.length;
    if (this.#seen > MAX_LOG_CHARS) {
      this.#open();
      return;
    }
    const lines = (this.#line + text).split('\n');
    this.#line = (lines.pop() ?? '').slice(0, MAX_LINE_CHARS);
    for (const line of lines) this.#read(line.slice(0, MAX_LINE_CHARS));
  }

  #read(line: string): void {
    const stream = this.#inInput ? /\[info\] +Stream #0:\d+.*?: Audio: (\w+)(?:.*?, (\d+) Hz)?/.exec(line) : null;
    if (stream !== null && this.audioTracks++ === this.#track) {
      this.codec = stream[1] ?? null;
      this.sampleRateHz = stream[2] === undefined ? null : Number(stream[2]);
    }
    const duration = this.declaredMs === null ? /\[info\] +Duration: (\d+):(\d\d):(\d\d\.\d+)/.exec(line) : null;
    if (duration !== null)
      this.declaredMs = (Number(duration[1]) * 3_600 + Number(duration[2]) * 60 + Number(duration[3])) * 1_000;
    const start = this.startMs === null ? /\[info\] +Duration: .*?, start: (-?\d+\.\d+)/.exec(line) : null;
    if (start !== null) this.startMs = Number(start[1]) * 1_000;
    if (line.startsWith('[info] Output #0')) {
      this.#inInput = false;
      this.#open();
    }
    if (line.includes('matches no streams')) this.noTrack = true;
    if (line.includes('not on whitelist')) return;
    if (line.includes('partial file')) this.partial = true;
    if (line.includes('CRC error')) this.wrongSums++;
    if (
      line.includes('Error while decoding') ||
      line.includes('Error submitting packet') ||
      line.includes('Invalid data found')
    )
      this.faults++;
  }
}

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
    const child = spawn(command.path, command.argv, {
      env: {},
      cwd: '/',
      stdio: [spooled ? 'ignore' : 'pipe', 'pipe', 'pipe', spooled ? source : 'ignore'],
      windowsHide: true,
    });
    this.#child = child;
    this.#exited = new Promise((resolve, reject) => {
      child.once('error', (error) => {
        reject(new AsrError('internal', undefined, { cause: error }));
      });
      child.once('close', (code, signal) => {
        resolve({ code, signal, stalled: this.#stalled });
      });
    });
    awaitedLater(this.#exited);
    if (child.stdout === null || child.stderr === null) throw new AsrError('internal');
    this.#stdout = child.stdout;
    child.stderr
      .setEncoding('utf8')
      .on('data', (text: string) => {
        this.report.push(text);
      })
      .on('close', () => {
        this.report.end();
      });
    if (child.stdin !== null && !spooled) void this.#feed(source, child.stdin);
    else this.#busy = true;
  }

  /** Standard output piece by piece. Throws what the source threw. */
  async *output(): AsyncGenerator<Uint8Array> {
    const pieces = this.#stdout.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Uint8Array>;
    for (;;) {
      this.#watch();
      // A failed source closes the pipe under the reader, so the source's error is the one to throw.
      const next = await pieces
        .next()
        .catch((error: unknown) => {
          throw this.#sourceError === null ? error : this.#sourceError.error;
        })
        .finally(() => {
          this.#unwatch();
        });
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
