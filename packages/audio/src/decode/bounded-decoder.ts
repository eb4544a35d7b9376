import type { ChannelMode } from '@murmuration/contracts';
import type { RecordingLimits } from '../recording.js';
import { AiffHeader } from './aiff-header.js';
import { ChunkedPcmDecoder, type HeaderReader } from './chunked-pcm-decoder.js';
import type { BoundedContainer } from './container.js';
import type { StreamDecoder } from './external-decoding.js';
import { W64Header } from './w64-header.js';
import { WavHeader } from './wav-header.js';

const HEADERS: Readonly<Record<BoundedContainer, () => HeaderReader>> = {
  wav: () => new WavHeader(),
  w64: () => new W64Header(),
  aiff: () => new AiffHeader(),
};

/** How a recording is read. */
export interface BoundedDecoderOptions {
  readonly channels: ChannelMode;
  readonly limits: RecordingLimits;
}

/** The built-in reader of an uncompressed container: pure and synchronous, for any thread; memory does not grow with the file. */
export function createBoundedDecoder(container: BoundedContainer, options: BoundedDecoderOptions): StreamDecoder {
  return new ChunkedPcmDecoder(HEADERS[container](), options.channels, options.limits);
}
