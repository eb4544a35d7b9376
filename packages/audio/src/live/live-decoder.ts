import type { LiveEncoding } from '@murmuration/contracts';
import type { ResamplerSnapshot } from '../decode/resampler.js';

/** A segmenter's settings. Milliseconds; limits as in `liveSettingsSchema`. */
export interface LiveSegmenterSettings {
  readonly encoding: LiveEncoding;
  readonly sampleRateHz: number;
  readonly channels: number;
  /** False: only `commit` and length end utterances. */
  readonly detect: boolean;
  readonly threshold: number;
  readonly paddingMs: number;
  readonly endpointingMs: number;
  /** Longest audio of an utterance with its padding. */
  readonly maxUtteranceMs: number;
}

/** Rate at which a client's samples are counted. */
export function countedRateHz(settings: Pick<LiveSegmenterSettings, 'encoding' | 'sampleRateHz'>): number {
  return settings.encoding === 'opus' ? 48_000 : settings.sampleRateHz;
}

/** Bytes of one sample of all channels, or null where bytes do not tell. */
export function frameBytes(settings: Pick<LiveSegmenterSettings, 'encoding' | 'channels'>): number | null {
  switch (settings.encoding) {
    case 'pcm_s16le':
      return 2 * settings.channels;
    case 'pcm_f32le':
      return 4 * settings.channels;
    case 'pcm_u8':
    case 'mulaw':
    case 'alaw':
      return settings.channels;
    case 'opus':
      return null;
  }
}

/** The decoded form of one piece of a live signal. */
export interface DecodedLive {
  /** Mono, 16 kHz. */
  readonly samples: Float32Array;
  /** Samples of each channel that were consumed, at the rate that the client's samples are counted at. */
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
