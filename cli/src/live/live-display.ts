import type { LiveEvent } from '@murmuration/client/node';
import { clockTime, type Terminal } from '../terminal.js';

/**
 * Finals as lines of standard output. Where a person watches, the partial of the open utterance stands below them and is
 * drawn over in place: its end, as far as the line reaches.
 */
export class LiveDisplay {
  readonly #terminal: Terminal;
  readonly #withTimes: boolean;
  #isDrawn = false;

  constructor(terminal: Terminal, withTimes: boolean) {
    this.#terminal = terminal;
    this.#withTimes = withTimes;
  }

  show(event: LiveEvent): void {
    switch (event.type) {
      case 'partial':
        this.#draw(event.text);
        return;
      case 'final':
        this.clear();
        if (event.text !== '')
          this.#terminal.out(
            `${this.#withTimes ? `[${clockTime(event.start_ms / 1_000, true)} - ${clockTime(event.end_ms / 1_000, true)}] ` : ''}${event.text}\n`,
          );
        return;
      case 'ready':
        this.#note('listening; Ctrl-C ends it');
        return;
      case 'reconnecting':
        this.#note(`reconnecting: ${event.reason}`);
        return;
      case 'resumed':
        this.#note('connected again; nothing is lost');
        return;
      case 'warning':
      case 'error':
        this.#tell(`${event.message} (${event.code})`);
        return;
      case 'speech_started':
      case 'closed':
    }
  }

  /** Takes the partial away. */
  clear(): void {
    if (this.#isDrawn) this.#terminal.err('\r\u001B[K');
    this.#isDrawn = false;
  }

  /** For a person only. */
  #note(text: string): void {
    if (this.#terminal.isWatched) this.#tell(text);
  }

  #tell(text: string): void {
    this.clear();
    this.#terminal.err(`${text}\n`);
  }

  #draw(text: string): void {
    if (!this.#terminal.isWatched) return;
    // A line that wraps could not be drawn over. Characters of two columns would need a table; half the line is left for them.
    const isWide = /[\u1100-\uffdc]/.test(text);
    const room = Math.max(1, Math.floor((this.#terminal.columns - 2) / (isWide ? 2 : 1)));
    const line = Array.from(text.replaceAll(/\p{Cc}/gu, ' '));
    this.#terminal.err(
      `\r\u001B[K${line.length > room ? `…${line.slice(line.length - room + 1).join('')}` : line.join('')}`,
    );
    this.#isDrawn = true;
  }
}
