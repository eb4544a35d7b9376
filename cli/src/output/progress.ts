import { Writable } from 'node:stream';
import { MultiBar, type SingleBar } from 'cli-progress';
import type { ModelProgress } from '@murmuration/asr';
import { clockTime, type Terminal, formatBytes } from '../terminal.js';

const REDRAW_MS = 100;
const TELL_MS = 10_000;
const BAR_CELLS = 24;
const VERBS = { waiting: 'another process fetches it', downloading: 'fetching', verifying: 'verifying' } as const;

type Watched = Pick<Terminal, 'err' | 'isWatched' | 'columns'>;

/** Shows progress: a bar that redraws itself where a person watches, else a line every ten seconds. */
export class ProgressLine {
  readonly #terminal: Watched;
  readonly #now: () => number;
  #shownAtMs = Number.NEGATIVE_INFINITY;
  #step = '';
  #isDrawn = false;

  constructor(terminal: Watched, now: () => number = () => performance.now()) {
    this.#terminal = terminal;
    this.#now = now;
  }

  update({ step, reason, file, doneBytes, totalBytes }: ModelProgress): void {
    if (step === 'pausing') {
      this.end();
      this.#terminal.err(`${reason}; trying again\n`);
      this.#step = '';
      return;
    }
    const nowMs = this.#now();
    if (step === this.#step && nowMs - this.#shownAtMs < (this.#terminal.isWatched ? REDRAW_MS : TELL_MS)) return;
    this.#step = step;
    this.#shownAtMs = nowMs;
    const share = totalBytes === 0 ? 0 : doneBytes / totalBytes;
    const amounts = `${String(Math.floor(share * 100))} %  ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`;
    if (!this.#terminal.isWatched) {
      this.#terminal.err(totalBytes === 0 ? `${VERBS[step]}\n` : `${VERBS[step]} ${file}  ${amounts}\n`);
      return;
    }
    const filled = Math.round(share * BAR_CELLS);
    const text =
      totalBytes === 0
        ? VERBS[step]
        : `${VERBS[step]} [${'#'.repeat(filled)}${'.'.repeat(BAR_CELLS - filled)}] ${amounts}  ${file}`;
    // A line that wraps could not be drawn over.
    this.#terminal.err(`\r\u001B[K${text.slice(0, Math.max(1, this.#terminal.columns - 1))}`);
    this.#isDrawn = true;
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#isDrawn) this.#terminal.err('\r\u001B[K');
    this.#isDrawn = false;
  }
}

const NAME_CELLS = 28;

/**
 * A bar for each recording in progress, where a person watches; nothing elsewhere.
 * drawn --`aside`--> taken away, something is printed --> drawn. `end` takes them away for good.
 */
export class ProgressBoard {
  readonly #terminal: Terminal;
  readonly #shown = new Set<Progress>();
  #bars: MultiBar | null = null;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** A bar for one more recording. */
  add(name: string): Progress {
    const progress = new Progress(name, () => {
      this.#shown.delete(progress);
      this.#redraw();
    });
    this.#shown.add(progress);
    this.#redraw();
    return progress;
  }

  /** Prints something above the bars. */
  aside(print: () => void): void {
    this.#takeAway();
    print();
    this.#redraw();
  }

  end(): void {
    this.#shown.clear();
    this.#takeAway();
  }

  #takeAway(): void {
    this.#bars?.stop();
    this.#bars = null;
    for (const progress of this.#shown) progress.attach(null);
  }

  #redraw(): void {
    this.#takeAway();
    if (!this.#terminal.isWatched || this.#shown.size === 0) return;
    const bars = new MultiBar({
      stream: asStream(this.#terminal),
      format: '{name} [{bar}] {percentage} %  {stage}',
      barsize: BAR_CELLS,
      barCompleteChar: '#',
      barIncompleteChar: '.',
      clearOnComplete: true,
      hideCursor: true,
      emptyOnZero: true,
      forceRedraw: true,
      gracefulExit: false,
    });
    this.#bars = bars;
    for (const progress of this.#shown) progress.attach(bars);
  }
}

/** How far one recording is: what is sent, then how much of its speech is transcribed. Shares never go back. */
export class Progress {
  readonly #name: string;
  readonly #leave: () => void;
  #bar: SingleBar | null = null;
  #sentShare = 0;
  #doneSeconds = 0;
  #plannedSeconds = 0;
  #share = 0;

  constructor(name: string, leave: () => void) {
    this.#name = name.length > NAME_CELLS ? `…${name.slice(1 - NAME_CELLS)}` : name.padEnd(NAME_CELLS);
    this.#leave = leave;
  }

  sent(bytes: number, totalBytes: number | null): void {
    if (totalBytes === null || totalBytes === 0) return;
    this.#sentShare = bytes / totalBytes;
    this.#update();
  }

  /** The server has the whole recording. */
  accepted(): void {
    this.#sentShare = 1;
    this.#update();
  }

  transcribed(doneSeconds: number, plannedSeconds: number): void {
    this.#doneSeconds = doneSeconds;
    this.#plannedSeconds = plannedSeconds;
    this.#update();
  }

  end(): void {
    this.#leave();
  }

  /** Draws it among these bars, or not at all. */
  attach(bars: MultiBar | null): void {
    this.#bar = bars === null ? null : bars.create(100, 0, { name: this.#name, stage: '' });
    this.#update();
  }

  #update(): void {
    // While a recording is sent, nobody knows how much speech is still to come: what is sent stands for the whole.
    const share = this.#plannedSeconds === 0 ? 0 : (this.#sentShare * this.#doneSeconds) / this.#plannedSeconds;
    this.#share = Math.min(1, Math.max(this.#share, share));
    this.#bar?.update(Math.floor(this.#share * 100), { stage: this.#stage() });
  }

  #stage(): string {
    const speech = `${clockTime(this.#doneSeconds)} of ${clockTime(this.#plannedSeconds)} of speech`;
    if (this.#sentShare < 1)
      return `${String(Math.floor(this.#sentShare * 100))} % sent${this.#doneSeconds > 0 ? `, ${speech}` : ''}`;
    return this.#plannedSeconds === 0 ? 'waiting' : speech;
  }
}

/** The terminal as the stream that cli-progress draws on. */
function asStream(terminal: Terminal): NodeJS.WriteStream {
  const stream = new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      terminal.err(text);
      done();
    },
  });
  return Object.assign(stream, { isTTY: true, columns: terminal.columns }) as unknown as NodeJS.WriteStream;
}
