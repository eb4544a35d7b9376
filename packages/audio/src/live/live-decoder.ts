import type { ResamplerSnapshot } from '../decode/resampler.js';

/** What a piece of a live signal gave. */
export interface DecodedLive {
  /** Mono, 16 kHz. */
  readonly samples: Float32Array;
  /** Samples a channel that were taken in, at the rate they are counted at. */
  readonly sourceSamples: number;
}

/** Turns what a client sends into mono PCM at 16 kHz, piece by piece. Throws `unprocessable_audio`. */
export interface LiveDecoder {
  /** True once the average of the channels would have lost sound and was replaced. */
  readonly mixAdjusted: boolean;
  push(bytes: Uint8Array): Promise<DecodedLive>;
  /** What the resampler still holds. */
  finish(): Promise<DecodedLive>;
  /** All that the next decoder needs to continue exactly, or null where it starts anew (a container starts with its header). */
  snapshot(): ResamplerSnapshot | null;
}
