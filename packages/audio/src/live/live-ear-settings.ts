import type { LiveEncoding } from '@murmuration/contracts';

/** What an ear must know of its session. Milliseconds; limits as in `liveSettingsSchema`. */
export interface LiveEarSettings {
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
export function countedRateHz(settings: Pick<LiveEarSettings, 'encoding' | 'sampleRateHz'>): number {
  return settings.encoding === 'opus' ? 48_000 : settings.sampleRateHz;
}

/** Bytes of one sample of all channels, or null where bytes do not tell. */
export function frameBytes(settings: Pick<LiveEarSettings, 'encoding' | 'channels'>): number | null {
  switch (settings.encoding) {
    case 'pcm_s16le': return 2 * settings.channels;
    case 'pcm_f32le': return 4 * settings.channels;
    case 'pcm_u8': case 'mulaw': case 'alaw': return settings.channels;
    case 'opus': return null;
  }
}
