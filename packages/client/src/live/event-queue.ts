import { MurmurationError } from '../murmuration-error.js';
import type { LiveEvent } from './live-types.js';

/** A reader that leaves so many unread reads no more. */
const MOST_WAITING = 10_000;

/**
 * Events on their way to their one reader. A partial takes the place of an unread one of the same utterance.
 * open --`end`, `fail`--> ending (what waits is still given) --all given--> ended
 */
export class EventQueue {
  readonly #waiting: LiveEvent[] = [];
  readonly #readers: {
    readonly resolve: (result: IteratorResult<LiveEvent, undefined>) => void;
    readonly reject: (error: Error) => void;
  }[] = [];
  #fault: Error | null = null;
  #isEnding = false;

  /** Throws `buffer_full` when nobody reads. */
  push(event: LiveEvent): void {
    if (this.#isEnding) return;
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value: event });
      return;
    }
    const last = this.#waiting.at(-1);
    if (event.type === 'partial' && last?.type === 'partial' && last.utterance === event.utterance) this.#waiting.pop();
    if (this.#waiting.length >= MOST_WAITING)
      throw new MurmurationError('buffer_full', 'Nobody reads the events of the session.');
    this.#waiting.push(event);
  }

  end(): void {
    this.#isEnding = true;
    for (const { resolve } of this.#readers.splice(0)) resolve({ done: true, value: undefined });
  }

  /** The reader is told of the fault after what waits. */
  fail(fault: Error): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    const [first, ...others] = this.#readers.splice(0);
    if (first === undefined) this.#fault = fault;
    else first.reject(fault);
    for (const { resolve } of others) resolve({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<LiveEvent, undefined>> {
    const event = this.#waiting.shift();
    if (event !== undefined) return Promise.resolve({ done: false, value: event });
    const fault = this.#fault;
    this.#fault = null;
    if (fault !== null) return Promise.reject(fault);
    if (this.#isEnding) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
    });
  }
}
