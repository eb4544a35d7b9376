import { amrFrames } from './amr-frames.js';
import type { Container } from './container.js';
import { FlacCleaner } from './flac-cleaner.js';
import { FrameCleaner } from './frame-cleaner.js';
import { readAc3FrameBytes, readAdtsFrameBytes, readMpegFrame } from './mpeg-frame.js';
import { OggCleaner } from './ogg-cleaner.js';
import type { StreamCleaner } from './stream-findings.js';

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
