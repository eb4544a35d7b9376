import type { ModelProgress } from '@murmuration/asr';
import { formatBytes } from '../output/plain-text.js';
import type { Terminal } from '../terminal.js';

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
