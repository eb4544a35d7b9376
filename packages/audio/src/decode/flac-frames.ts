import { ByteQueue } from './byte-queue.js';

/** Longer frames are not looked for: RFC 9639 allows them, no encoder makes them. */
const MAX_FRAME_BYTES = 1_048_576;
/** Bytes of the longest frame header (RFC 9639, 9.1). */
export const MAX_HEADER_BYTES = 16;

/**
 * Divides a FLAC stream into its frames: frames have no length, but a header with a check sum of its own and, at their end, one over all of the frame.
 * A frame ends where the next header begins and the sum is right. Where none is, the frame is damaged and left out.
 */
export class FlacFrames {
  /** Bytes were left out that are no whole frame, other than at the end. */
  damaged = false;
  readonly #queue = new ByteQueue();
  /** Bytes from the start of the queue that were looked at, the sum over them, and the first header among them. */
  #looked = 0;
  #sum = 0;
  #firstHeader: number | null = null;
  #leftOut = false;

  /** Owned copies of whole frames. */
  push(bytes: Uint8Array): Uint8Array[] {
    this.#queue.push(bytes);
    return this.#frames(false);
  }

  /** What was held back. A frame that the end cuts is left out. */
  finish(): Uint8Array[] {
    return this.#frames(true);
  }

  #frames(ended: boolean): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (let frame = this.#next(ended); frame !== null; frame = this.#next(ended))
      if (frame.length > 0) frames.push(frame);
    return frames;
  }

  /** A frame, empty for something that is none, or null when more bytes are needed. */
  #next(ended: boolean): Uint8Array | null {
    const bytes = this.#queue.peek(this.#queue.length) ?? new Uint8Array(0);
    const last = bytes.length - (ended ? 0 : MAX_HEADER_BYTES);
    if (this.#looked === 0 && last > 0 && !isFrameHeader(bytes.subarray(0, MAX_HEADER_BYTES)))
      return this.#leaveOut(bytes, last);
    for (; this.#looked < last; this.#looked++) {
      const at = this.#looked;
      if (at > 0 && bytes[at] === 0xff && isFrameHeader(bytes.subarray(at, at + MAX_HEADER_BYTES))) {
        // The sum over a frame and its check sum is 0.
        if (this.#sum === 0) return this.#take(at);
        this.#firstHeader ??= at;
      }
      this.#sum = crc16(this.#sum, bytes[at] as number);
    }
    if (ended && bytes.length > 0 && this.#sum === 0) return this.#take(bytes.length);
    const lost = this.#looked > MAX_FRAME_BYTES || ended;
    return lost && bytes.length > 0 ? this.#leaveOut(bytes, last) : null;
  }

  #take(count: number): Uint8Array {
    const frame = (this.#queue.take(count) ?? new Uint8Array(0)).slice();
    this.damaged ||= this.#leftOut;
    this.#restart();
    return frame;
  }

  /** Goes on at the next header, if there is one. */
  #leaveOut(bytes: Uint8Array, last: number): Uint8Array | null {
    let at = this.#firstHeader ?? 1;
    if (this.#firstHeader === null)
      while (at < last && !(bytes[at] === 0xff && isFrameHeader(bytes.subarray(at, at + MAX_HEADER_BYTES)))) at++;
    this.#leftOut = true;
    this.#queue.skip(Math.min(at, bytes.length));
    this.#restart();
    return new Uint8Array(0);
  }

  #restart(): void {
    this.#looked = 0;
    this.#sum = 0;
    this.#firstHeader = null;
  }
}

/** Whether a frame's header begins here and is as its check sum says. @param bytes as many as a header may have, where there are so many */
export function isFrameHeader(bytes: Uint8Array): boolean {
  const [first, second = 0, third = 0, fourth = 0, fifth = 0] = bytes;
  const block = third >> 4;
  const rate = third & 15;
  if (
    first !== 0xff ||
    (second & 0xfe) !== 0xf8 ||
    block === 0 ||
    rate === 15 ||
    fourth >> 4 > 10 ||
    (fourth & 1) !== 0
  )
    return false;
  // A number in the way of UTF-8, then the block's length and the rate where they are not among the usual ones.
  const numberBytes = fifth < 0x80 ? 1 : Math.clz32(~(fifth << 24));
  const more = (block === 6 ? 1 : block === 7 ? 2 : 0) + (rate === 12 ? 1 : rate === 13 || rate === 14 ? 2 : 0);
  const end = 4 + numberBytes + more;
  return end < bytes.length && bytes.subarray(0, end).reduce(crc8, 0) === bytes[end];
}

/** Whether the bytes are a frame and nothing behind it. */
export function isWholeFrame(bytes: Uint8Array): boolean {
  return bytes.length > 8 && isFrameHeader(bytes.subarray(0, MAX_HEADER_BYTES)) && bytes.reduce(crc16, 0) === 0;
}

function crc8(sum: number, byte: number): number {
  let next = sum ^ byte;
  for (let bit = 0; bit < 8; bit++) next = next & 0x80 ? (next << 1) ^ 0x107 : next << 1;
  return next & 0xff;
}

const CRC16 = Uint16Array.from({ length: 256 }, (_, byte) => {
  let sum = byte << 8;
  for (let bit = 0; bit < 8; bit++) sum = sum & 0x8000 ? (sum << 1) ^ 0x1_8005 : sum << 1;
  return sum;
});

function crc16(sum: number, byte: number): number {
  return ((sum << 8) & 0xffff) ^ (CRC16[(sum >> 8) ^ byte] as number);
}
