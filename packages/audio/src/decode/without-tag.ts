import { ByteQueue } from './byte-queue.js';
import { id3Bytes } from './mpeg-frame.js';

/** Passes over an ID3v2 tag, however long, without holding it. */
export class WithoutTag {
  readonly queue = new ByteQueue();
  #looked = false;

  /** True once what is in the queue comes after the tag. */
  push(bytes: Uint8Array): boolean {
    this.queue.push(bytes);
    if (this.#looked) return true;
    const head = this.queue.peek(10);
    if (head === null) return false;
    this.#looked = true;
    this.queue.skip(id3Bytes(head));
    return true;
  }
}
