/**
 * Bytes that arrived and were not yet read, for parsers that are fed pieces of any size.
 * Holds what was pushed and not taken, no more: a parser that takes what it can after each push stays bounded by its own largest element.
 */
export class ByteQueue {
  #buffer: Uint8Array = new Uint8Array(0);
  #start = 0;
  #end = 0;
  /** Whether the buffer was made here, so that it may be written to. */
  #own = true;
  #skip = 0;

  /** Bytes that can be read now. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Bytes that are still to be dropped and have not arrived. */
  get owed(): number {
    return this.#skip;
  }

  /** Adds a piece; the queue may keep a view of it, so its owner must not write to it again. */
  push(bytes: Uint8Array): void {
    const dropped = Math.min(this.#skip, bytes.length);
    this.#skip -= dropped;
    const piece = new Uint8Array(bytes.buffer, bytes.byteOffset + dropped, bytes.length - dropped);
    if (piece.length === 0) return;
    const left = this.length;
    if (left === 0) {
      this.#buffer = piece;
      this.#own = false;
      this.#start = 0;
      this.#end = piece.length;
      return;
    }
    if (!this.#own || this.#end + piece.length > this.#buffer.length) {
      // Twice what is needed: an element that arrives byte by byte is copied a constant number of times.
      const grown = new Uint8Array((left + piece.length) * 2);
      grown.set(this.#buffer.subarray(this.#start, this.#end));
      this.#buffer = grown;
      this.#own = true;
      this.#start = 0;
      this.#end = left;
    }
    this.#buffer.set(piece, this.#end);
    this.#end += piece.length;
  }

  /** The next `count` bytes without taking them, or null when they are not all there. A view, valid until the next push. */
  peek(count: number): Uint8Array | null {
    return this.length < count ? null : this.#buffer.subarray(this.#start, this.#start + count);
  }

  /** Takes the next `count` bytes, or null when they are not all there. A view, valid until the next push. */
  take(count: number): Uint8Array | null {
    const view = this.peek(count);
    if (view !== null) this.#start += count;
    return view;
  }

  /** Takes everything there is, at most `limit` bytes. */
  takeUpTo(limit: number): Uint8Array {
    const count = Math.min(this.length, limit);
    const view = this.#buffer.subarray(this.#start, this.#start + count);
    this.#start += count;
    return view;
  }

  /** Drops the next `count` bytes, also those that have not arrived yet. */
  skip(count: number): void {
    const here = Math.min(this.length, count);
    this.#start += here;
    this.#skip += count - here;
  }
}

/** A DataView over exactly these bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Bytes read as Latin-1 characters, for four-character codes. */
export function asciiOf(bytes: Uint8Array, from = 0, to = bytes.length): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}
