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
