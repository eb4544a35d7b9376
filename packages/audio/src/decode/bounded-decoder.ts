import type { ChannelMode } from '@murmuration/contracts';
import type { RecordingLimits } from '../recording.js';
import { AiffHeader } from './aiff-header.js';
import { ChunkedPcmDecoder } from './chunked-pcm-decoder.js';
import type { BoundedContainer } from './container.js';
import type { StreamDecoder } from './external-decoding.js';
import { WavHeader } from './wav-header.js';

/** How a recording is read. */
export interface BoundedDecoderOptions {
  readonly channels: ChannelMode;
  readonly limits: RecordingLimits;
}

/** The built-in reader of an uncompressed container: pure and synchronous, for any thread; memory does not grow with the file. */
export function createBoundedDecoder(container: BoundedContainer, options: BoundedDecoderOptions): StreamDecoder {
  const header = container === 'wav' ? new WavHeader() : new AiffHeader();
  return new ChunkedPcmDecoder(header, options.channels, options.limits);
}
