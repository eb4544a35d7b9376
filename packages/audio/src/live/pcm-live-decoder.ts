import { ChannelMixer } from '../decode/channel-mixer.js';
import { Resampler, type ResamplerSnapshot } from '../decode/resampler.js';
import {
  A_LAW,
  MU_LAW,
  deinterleave,
  floatEncoding,
  integerEncoding,
  type SampleEncoding,
} from '../decode/sample-encoding.js';
import type { DecodedLive, LiveDecoder, LiveSegmenterSettings } from './live-decoder.js';

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
