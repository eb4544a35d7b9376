import type { LiveEncoding } from '@murmuration/contracts';
import { ChannelMixer } from '../decode/channel-mixer.js';
import { Resampler, type ResamplerSnapshot } from '../decode/resampler.js';
import {
  A_LAW,
  deinterleave,
  floatEncoding,
  integerEncoding,
  MU_LAW,
  type SampleEncoding,
} from '../decode/sample-encoding.js';

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

/** Interleaved PCM of any encoding but containers. The pieces hold whole frames. */
export class PcmLiveDecoder implements LiveDecoder {
  readonly #encoding: SampleEncoding;
  readonly #channels: number;
  /** Not part of the snapshot: it adapts within 10 ms of speech. */
  readonly #mixer: ChannelMixer;
  readonly #resampler: Resampler;

  constructor(
    settings: Pick<LiveSegmenterSettings, 'encoding' | 'sampleRateHz' | 'channels'>,
    snapshot: ResamplerSnapshot | null,
  ) {
    this.#encoding = encodingOf(settings.encoding);
    this.#channels = settings.channels;
    this.#mixer = new ChannelMixer(settings.channels, settings.sampleRateHz);
    this.#resampler = new Resampler(settings.sampleRateHz, 1, snapshot ?? undefined);
  }

  get mixAdjusted(): boolean {
    return this.#mixer.replacedSamples > 0;
  }

  push(bytes: Uint8Array): Promise<DecodedLive> {
    const planar = deinterleave(bytes, this.#encoding, this.#channels);
    const [samples = new Float32Array(0)] = this.#resampler.push([this.#mixer.mix(planar)]);
    return Promise.resolve({ samples, sourceSamples: planar[0]?.length ?? 0 });
  }

  finish(): Promise<DecodedLive> {
    const [samples = new Float32Array(0)] = this.#resampler.finish();
    return Promise.resolve({ samples, sourceSamples: 0 });
  }

  snapshot(): ResamplerSnapshot {
    return this.#resampler.snapshot();
  }
}

function encodingOf(encoding: LiveSegmenterSettings['encoding']): SampleEncoding {
  const found =
    encoding === 'mulaw'
      ? MU_LAW
      : encoding === 'alaw'
        ? A_LAW
        : encoding === 'pcm_f32le'
          ? floatEncoding(4, true)
          : encoding === 'pcm_u8'
            ? integerEncoding(1, true, true)
            : encoding === 'pcm_s16le'
              ? integerEncoding(2, true)
              : null;
  if (found === null) throw new RangeError(`${encoding} is no encoding of bare samples`);
  return found;
}
