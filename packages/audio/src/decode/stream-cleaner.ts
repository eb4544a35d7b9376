import type { Container } from './container.js';
import { FlacCleaner } from './flac-cleaner.js';
import { FrameCleaner, type FrameFormat } from './frame-cleaner.js';
import { readAc3FrameBytes, readAdtsFrameBytes, readMpegFrame } from './mpeg-frame.js';
import type { StreamCleaner } from './stream-findings.js';
import { asciiOf, viewOf } from './byte-queue.js';
import { OggPages, type OggPage } from './ogg-pages.js';

/** The cleaner of a container whose decoders take such bytes for damage, or null. */
export function cleanerOf(container: Container): StreamCleaner | null {
  switch (container) {
    case 'mp3':
      return new FrameCleaner({ first: 0xff, frameBytes: (bytes) => readMpegFrame(bytes, 0)?.bytes ?? null });
    case 'adts':
      return new FrameCleaner({ first: 0xff, frameBytes: (bytes) => readAdtsFrameBytes(bytes, 0) });
    case 'ac3':
      return new FrameCleaner({ first: 0x0b, frameBytes: (bytes) => readAc3FrameBytes(bytes, 0) });
    case 'amr':
      return new FrameCleaner(amrFrames());
    case 'flac':
      return new FlacCleaner();
    case 'ogg':
      return new OggCleaner();
    default:
      return null;
  }
}

/** Bytes of an AMR frame by its type, with the head: narrow band, then wide band. Source: RFC 4867, 5.3. */
const AMR_BYTES: readonly (readonly (number | null)[])[] = [
  [13, 14, 16, 18, 20, 21, 27, 32, 6, null, null, null, null, null, null, 1],
  [18, 24, 33, 37, 41, 47, 51, 59, 61, 6, null, null, null, null, 1, 1],
];
/** Of the head: the frame is whole. Its writer clears it where the frame arrived damaged. */
const QUALITY = 0x04;

/** AMR's frames: one byte says little, so that several must follow each other; zeros say of themselves that they are damaged. */
function amrFrames(): FrameFormat {
  let wide: boolean | null = null;
  let marked: boolean | null = null;
  return {
    first: null,
    framesWhenLost: 4,
    lookBytes: 256,
    dropsUnknown: true,
    frameBytes: (bytes) => {
      const head = bytes[0] ?? 0xff;
      const length = (head & 0x83) === 0 ? (AMR_BYTES[wide === true ? 1 : 0]?.[head >> 3] ?? null) : null;
      if (length === null) return null;
      // A writer that does not know of the mark never sets it.
      marked ??= (head & QUALITY) !== 0;
      return marked && (head & QUALITY) === 0 ? null : length;
    },
    headerBytes: (bytes) => {
      const line = /^#!AMR(-WB)?\n/.exec(asciiOf(bytes, 0, 9));
      if (line === null) return 0;
      wide ??= line[1] !== undefined;
      return line[0].length;
    },
  };
}

const CHECKSUM_AT = 22;
/** Streams of one file that are followed. */
const MAX_STREAMS = 64;

/**
 * Lets the pages of an Ogg pass, and nothing between and behind them. A page whose check sum is wrong gets a right one: most of its packets are whole,
 * and ffmpeg 5.1 ends a recording at the first such page.
 */
class OggCleaner implements StreamCleaner {
  readonly joinedMs = 0;
  damaged = false;
  harmlessPackets = 0;
  #opusHeaders = 0;
  readonly #pages = new OggPages();
  /** Number of the next page of each stream. */
  readonly #next = new Map<number, number>();

  get truncated(): boolean {
    return this.#pages.insidePage;
  }

  push(bytes: Uint8Array): Uint8Array[] {
    return this.#pages.push(bytes).map((page) => this.#page(page));
  }

  finish(): Uint8Array[] {
    return [];
  }

  #page(page: OggPage): Uint8Array {
    this.#countHeaders(page);
    const bytes = page.bytes.slice();
    const view = viewOf(bytes);
    const told = view.getUint32(CHECKSUM_AT, true);
    view.setUint32(CHECKSUM_AT, 0, true);
    const sum = bytes.reduce(crc32, 0) >>> 0;
    view.setUint32(CHECKSUM_AT, sum, true);
    const wanted = this.#next.get(page.serial);
    const isNext = page.passedBytes === 0 && (wanted ?? page.number) === page.number;
    // What lies between two links of a chained file, such as a tag, is no damage.
    this.damaged ||= told !== sum || (!page.first && !isNext);
    if (this.#next.has(page.serial) || this.#next.size < MAX_STREAMS) this.#next.set(page.serial, page.number + 1);
    return bytes;
  }

  /** A joined file of the same serial number begins with headers that ffmpeg hands to the Opus decoder as sound. */
  #countHeaders({ packets }: OggPage): void {
    for (const packet of packets) {
      const head = asciiOf(packet, 0, 8);
      if ((head === 'OpusHead' || head === 'OpusTags') && ++this.#opusHeaders > 2) this.harmlessPackets++;
    }
  }
}

/** Polynomial 0x04c11db7, highest bit first, from 0 (RFC 3533, 6). */
const CRC32 = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte << 24;
  for (let bit = 0; bit < 8; bit++) sum = sum < 0 ? (sum << 1) ^ 0x04c1_1db7 : sum << 1;
  return sum >>> 0;
});

function crc32(sum: number, byte: number): number {
  return (sum << 8) ^ (CRC32[(sum >>> 24) ^ byte] as number);
}
