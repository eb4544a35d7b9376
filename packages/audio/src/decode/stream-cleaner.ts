import type { Container } from './container.js';
import { FlacCleaner } from './flac-cleaner.js';
import { FrameCleaner, type FrameFormat } from './frame-cleaner.js';
import { readAc3FrameBytes, readAdtsFrameBytes, readMpegFrame } from './mpeg-frame.js';
import { OggCleaner } from './ogg-cleaner.js';
import type { StreamCleaner } from './stream-findings.js';
import { asciiOf } from './byte-queue.js';

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
