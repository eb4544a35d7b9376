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

/**
 * Audio that was given and is not acknowledged yet, in a ring of fixed size. Places are bytes from the session's start:
 * `start` (acknowledged before it) ≤ `end` (given before it), no more than the capacity apart.
 */
export class UnackedAudio {
  readonly #ring: Uint8Array<ArrayBuffer>;
  #start = 0;
  #end = 0;

  constructor(capacityBytes: number) {
    this.#ring = new Uint8Array(capacityBytes);
  }

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#end;
  }

  get freeBytes(): number {
    return this.#ring.length - (this.#end - this.#start);
  }

  /** Copies as much as fits and returns how much that was. */
  append(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, this.freeBytes);
    const at = this.#end % this.#ring.length;
    const upToSeam = taken.subarray(0, this.#ring.length - at);
    this.#ring.set(upToSeam, at);
    this.#ring.set(taken.subarray(upToSeam.length), 0);
    this.#end += taken.length;
    return taken.length;
  }

  /** A copy of what lies at a place, up to `most` bytes of it. */
  read(place: number, most: number): Uint8Array<ArrayBuffer> {
    const at = place % this.#ring.length;
    return this.#ring.slice(at, Math.min(at + most, at + this.#end - place, this.#ring.length));
  }

  /** Everything before the place is safe. A place that was passed before, or is not reached yet, counts as the nearest. */
  acknowledge(place: number): void {
    this.#start = Math.max(this.#start, Math.min(this.#end, place));
  }
}
