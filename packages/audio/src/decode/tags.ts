import { asciiOf, viewOf, type ByteQueue } from './byte-queue.js';
import { id3Bytes } from './mpeg-frame.js';

/** As many bytes as the head of any tag has. */
export const TAG_HEAD_BYTES = 32;
/** Bytes of an ID3v1 tag, which begins with TAG. */
export const ID3V1_BYTES = 128;
/** First characters of a Lyrics3 tag. */
export const LYRICS_START = 'LYRICSBEGIN';
const LYRICS_ENDS = ['LYRICS200', 'LYRICSEND'];
const LYRICS_END_BYTES = 9;

/** Bytes of an ID3v2 or APE tag at the start, or 0 when there is none. An APE footer without its header counts by itself. Sources: ID3v2.4 structure; APEv2 by Hydrogenaudio. */
export function tagBytes(bytes: Uint8Array): number {
  const id3 = id3Bytes(bytes);
  if (id3 > 0) return id3;
  if (bytes.length < TAG_HEAD_BYTES || asciiOf(bytes, 0, 8) !== 'APETAGEX') return 0;
  const view = viewOf(bytes);
  const isHeader = (view.getUint32(20, true) & 0x2000_0000) !== 0;
  return TAG_HEAD_BYTES + (isHeader ? view.getUint32(12, true) : 0);
}

/** Drops all tags at the start of a stream, and the zeros that pad them, however many and long, without holding them. */
export class LeadingTags {
  #tagged = false;
  #padded = false;

  /** False when more bytes are needed to tell. @param ended no more will come */
  skip(queue: ByteQueue, ended: boolean): boolean {
    for (;;) {
      if (this.#tagged) this.#skipPadding(queue);
      const head = queue.peek(Math.min(queue.length, TAG_HEAD_BYTES));
      if (head === null) return false;
      const bytes = tagBytes(head);
      if (bytes === 0) return head.length === TAG_HEAD_BYTES || ended;
      this.#tagged = true;
      this.#padded = false;
      queue.skip(bytes);
    }
  }

  /** Up to three zeros may be the beginning of what follows, as of an mp4. */
  #skipPadding(queue: ByteQueue): void {
    const bytes = queue.peek(queue.length) ?? new Uint8Array(0);
    let zeros = 0;
    while (bytes[zeros] === 0) zeros++;
    this.#padded ||= zeros > 3;
    if (this.#padded) queue.skip(zeros);
  }
}

/** Drops bytes up to the end mark of a Lyrics3 tag; false when it has not come. */
export function skipLyrics(queue: ByteQueue, ended: boolean): boolean {
  const bytes = queue.peek(queue.length) ?? new Uint8Array(0);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = LYRICS_ENDS.map((mark) => text.indexOf(mark))
    .filter((at) => at >= 0)
    .sort((a, b) => a - b)[0];
  queue.skip(end === undefined ? Math.max(0, bytes.length - (ended ? 0 : LYRICS_END_BYTES)) : end + LYRICS_END_BYTES);
  return end !== undefined || ended;
}
