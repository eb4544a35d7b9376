import { AsrError } from '@murmuration/contracts/errors';
import { asciiOf, viewOf, type ByteQueue } from './byte-queue.js';
import type { HeaderReader, HeaderStep, PcmLayout } from './chunked-pcm-decoder.js';
import { wavFormatTag, wavLayout } from './wav-header.js';

/** A chunk's head: its GUID, and its size with this head in 64 bits. */
const HEAD_BYTES = 24;
/** The file's own head, and behind it the GUID that says what the file is. */
const FILE_BYTES = 40;
const MAX_FORMAT_BYTES = 4_096;
/** A GUID is four letters, which name the chunk as in RIFF, and one of these. */
const OF_RIFF = '\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0';
const OF_LIST = '\x2f\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0';
const OF_WAVE = '\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a';
const FILE = `riff${OF_RIFF}`;
const MORE: HeaderStep = { type: 'more' };

/**
 * Reads headers of Sony Wave64 up to the data chunk, also those of joined files: RIFF with GUIDs as names and sizes of 64 bits, chunks at multiples of eight bytes.
 * A data size that is none, as a writer to a pipe leaves it, means "to the end of the file". Source: Sonic Foundry, "Wave 64 file format".
 */
export class W64Header implements HeaderReader {
  readonly container = 'w64';
  readonly signatures = [FILE];
  #started = false;
  #layout: PcmLayout | null = null;
  #isBehindData = false;
  /** Bytes between the sound and the next chunk. */
  #padding = 0;

  read(queue: ByteQueue): HeaderStep {
    for (;;) {
      const head = queue.peek(this.#started ? HEAD_BYTES : FILE_BYTES);
      if (head === null) return MORE;
      if (guidOf(head) === FILE) {
        const file = queue.peek(FILE_BYTES);
        if (file === null) return MORE;
        if (guidOf(file.subarray(HEAD_BYTES)) !== `wave${OF_WAVE}`) throw refuse('The w64 file holds no sound.');
        this.#started = true;
        this.#isBehindData = false;
        this.#padding = 0;
        queue.skip(FILE_BYTES);
        continue;
      }
      if (!this.#started) throw refuse('The file does not start as a w64 file does.');
      if (this.#padding > 0) {
        queue.skip(this.#padding);
        this.#padding = 0;
        continue;
      }
      const name = nameOf(head);
      const size = sizeOf(head);
      if (name === 'data') {
        if (this.#layout === null) throw refuse('The w64 file has no format before its audio.');
        queue.skip(HEAD_BYTES);
        this.#isBehindData = true;
        const bytes = size > HEAD_BYTES && Number.isSafeInteger(size) ? size - HEAD_BYTES : Infinity;
        this.#padding = bytes === Infinity ? 0 : paddingBehind(bytes);
        return { type: 'pcm', layout: this.#layout, bytes };
      }
      if (this.#isBehindData && name === null) return { type: 'other' };
      if (size < HEAD_BYTES || !Number.isSafeInteger(size))
        throw refuse('The w64 file has a chunk of an impossible size.');
      if (name === 'fmt ') {
        if (size > MAX_FORMAT_BYTES) throw refuse('The w64 file has a format chunk of an impossible size.');
        const chunk = queue.peek(size);
        if (chunk === null) return MORE;
        this.#layout = wavLayout(chunk.subarray(HEAD_BYTES));
      }
      queue.skip(size + paddingBehind(size));
    }
  }
}

/** The format tag that the first bytes of a w64 file tell, or null where they end before it. */
export function w64FormatTag(head: Uint8Array): number | null {
  for (let at = FILE_BYTES; at + HEAD_BYTES <= head.length;) {
    const chunk = head.subarray(at);
    const size = sizeOf(chunk);
    if (nameOf(chunk) === 'fmt ') return wavFormatTag(chunk.subarray(HEAD_BYTES, size));
    if (size < HEAD_BYTES) return null;
    at += size + paddingBehind(size);
  }
  return null;
}

function guidOf(head: Uint8Array): string {
  return String.fromCharCode(...head.subarray(0, 16));
}

/** The chunk's four letters, or null where its GUID is none that is known. */
function nameOf(head: Uint8Array): string | null {
  return [OF_WAVE, OF_LIST].includes(guidOf(head).slice(4)) ? asciiOf(head, 0, 4) : null;
}

function sizeOf(head: Uint8Array): number {
  return Number(viewOf(head).getBigUint64(16, true));
}

function paddingBehind(bytes: number): number {
  return (8 - (bytes % 8)) % 8;
}

function refuse(message: string): AsrError {
  return new AsrError('unprocessable_audio', message);
}
