import type { LiveEncoding } from '@murmuration/client/node';

/** Audio as it comes, and what it is. */
export interface PcmSource {
  readonly encoding: LiveEncoding;
  readonly sampleRateHz: number;
  readonly channels: number;
  readonly audio: AsyncIterable<Uint8Array>;
}

export const ENCODINGS = ['pcm_s16le', 'pcm_f32le', 'mulaw', 'alaw'] as const satisfies readonly LiveEncoding[];

/** There is no audio to be had: the message says why and what to do. */
export class UnusableInput extends Error {
  override readonly name = 'UnusableInput';
}
