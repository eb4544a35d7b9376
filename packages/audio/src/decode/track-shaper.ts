import type { ChannelMode } from '@murmuration/contracts';
import { SAMPLE_RATE_HZ } from '@murmuration/contracts/audio-format';
import { AsrError } from '@murmuration/contracts/errors';
import type { RecordingLimits } from '../recording.js';
import { ChannelMixer } from './channel-mixer.js';
import { Resampler } from './resampler.js';
import type { DecodeWarning } from './stream-findings.js';

/** Lowest and highest sample rate that is taken for real. */
const MIN_RATE_HZ = 1_000;
const MAX_RATE_HZ = 384_000;
/** Most channels of any recording: the highest value of the limit. */
export const MAX_CHANNELS = 64;

/** Refuses rates and channel counts that no recording has. Throws `unprocessable_audio`. */
export function checkFormat(sampleRateHz: number, channels: number, limits: RecordingLimits): void {
  if (!Number.isInteger(sampleRateHz) || sampleRateHz < MIN_RATE_HZ || sampleRateHz > MAX_RATE_HZ) {
    throw new AsrError(
      'unprocessable_audio',
      `The recording claims a sample rate of ${String(sampleRateHz)} Hz; ${String(MIN_RATE_HZ)} to ${String(MAX_RATE_HZ)} Hz can be read.`,
    );
  }
  const most = Math.min(MAX_CHANNELS, limits.maxChannels);
  if (channels < 1 || channels > most) {
    throw new AsrError(
      'unprocessable_audio',
      `The recording claims ${String(channels)} channels; 1 to ${String(most)} can be read.`,
    );
  }
}

/** Planar PCM of any rate and channel count in, tracks at 16 kHz out: folds channels, resamples, watches the length. */
export class TrackShaper {
  readonly #mode: ChannelMode;
  readonly #limits: RecordingLimits;
  #resampler: Resampler | null = null;
  #mixer: ChannelMixer | null = null;
  #replacedMs = 0;
  #rateHz = 0;
  #channels = 0;
  #tracks = 0;
  #durationMs = 0;
  #outSamples = 0;

  constructor(mode: ChannelMode, limits: RecordingLimits) {
    this.#mode = mode;
    this.#limits = limits;
  }

  /** True once any sample came in. */
  get hasAudio(): boolean {
    return this.#durationMs > 0;
  }

  /** Length of what came in so far. Milliseconds. */
  get durationMs(): number {
    return this.#durationMs;
  }

  /** How long the average of the channels was replaced. Milliseconds. */
  get #totalReplacedMs(): number {
    return this.#replacedMs + ((this.#mixer?.replacedSamples ?? 0) * 1_000) / Math.max(1, this.#mixer?.rateHz ?? 1);
  }

  /** What a client should know of the mix; complete at the end. */
  mixWarnings(): DecodeWarning[] {
    const replacedMs = this.#totalReplacedMs;
    return replacedMs === 0
      ? []
      : [
          {
            code: 'mix_adjusted',
            message: `The average of the channels would have lost sound in ${(replacedMs / 1_000).toFixed(1)} s, for they cancel each other or most are empty: there they were mixed by their polarity and level. channels=split transcribes each by itself.`,
          },
        ];
  }

  /** Arrays that `push` gives: 1 for mix, else the channels of the first piece. 0 before the first. */
  get tracks(): number {
    return this.#tracks;
  }

  /**
   * @param planar one array a channel, all of one length; rate and channel count may change between pieces (chained streams), the number of tracks stays.
   * Throws `audio_too_long`, and `unprocessable_audio` for a format no recording has.
   */
  push(planar: readonly Float32Array[], rateHz: number): Float32Array[] {
    const samples = planar[0]?.length ?? 0;
    if (samples === 0) return emptyTracks(this.#tracks);
    let before: Float32Array[] = [];
    const changed = rateHz !== this.#rateHz || planar.length !== this.#channels;
    if (this.#resampler === null || changed) {
      checkFormat(rateHz, planar.length, this.#limits);
      before = this.#resampler?.finish() ?? [];
      if (this.#tracks === 0) this.#tracks = this.#mode === 'mix' ? 1 : planar.length;
      this.#rateHz = rateHz;
      this.#channels = planar.length;
      // Silence between leaves the mixer what it is.
      if (this.#mixer === null || changed) this.#startMixer(rateHz, planar.length);
      this.#resampler = new Resampler(rateHz, this.#tracks);
    }
    this.#durationMs += (samples * 1_000) / rateHz;
    if (this.#durationMs > this.#limits.maxDurationMs) throw tooLong(this.#limits.maxDurationMs);
    const after = this.#resampler.push(this.#fold(planar));
    return this.#counted(concatTracks([before, after]));
  }

  /** Takes silence: gives what is left of the sound before it, and the silence as a number of 16 kHz samples. Throws `audio_too_long`. */
  pause(durationMs: number): { readonly rest: Float32Array[]; readonly silentSamples: number } {
    const rest = this.#counted(this.#resampler?.finish() ?? []);
    this.#resampler = null;
    this.#durationMs += durationMs;
    if (this.#durationMs > this.#limits.maxDurationMs) throw tooLong(this.#limits.maxDurationMs);
    const silentSamples = Math.max(0, Math.round((this.#durationMs * SAMPLE_RATE_HZ) / 1_000) - this.#outSamples);
    this.#outSamples += silentSamples;
    return { rest, silentSamples };
  }

  /** What is left once the input has ended. */
  finish(): Float32Array[] {
    return this.#resampler?.finish() ?? emptyTracks(this.#tracks);
  }

  #counted(tracks: Float32Array[]): Float32Array[] {
    this.#outSamples += tracks[0]?.length ?? 0;
    return tracks;
  }

  #startMixer(rateHz: number, channels: number): void {
    this.#replacedMs = this.#totalReplacedMs;
    this.#mixer = this.#mode === 'mix' ? new ChannelMixer(channels, rateHz) : null;
  }

  #fold(planar: readonly Float32Array[]): Float32Array[] {
    const first = planar[0] ?? new Float32Array(0);
    return this.#mixer === null
      ? Array.from({ length: this.#tracks }, (_, track) => planar[track] ?? first)
      : [this.#mixer.mix(planar)];
  }
}

/** The refusal of a recording that is longer than the limit. */
function tooLong(maxDurationMs: number): AsrError {
  return new AsrError(
    'audio_too_long',
    `The recording is longer than the limit of ${String(Math.floor(maxDurationMs / 1_000))} seconds. Split it.`,
  );
}

/** Pieces of the same tracks, in order, as one; pieces without samples may have no tracks. */
export function concatTracks(pieces: readonly (readonly Float32Array[])[]): Float32Array[] {
  const filled = pieces.filter((piece) => (piece[0]?.length ?? 0) > 0);
  const first = filled[0];
  if (first === undefined) return [...(pieces.find((piece) => piece.length > 0) ?? [])];
  if (filled.length === 1) return [...first];
  const samples = filled.reduce((sum, piece) => sum + (piece[0]?.length ?? 0), 0);
  return first.map((_, track) => {
    const joined = new Float32Array(samples);
    let at = 0;
    for (const piece of filled) {
      const part = piece[track] ?? new Float32Array(0);
      joined.set(part, at);
      at += part.length;
    }
    return joined;
  });
}

function emptyTracks(tracks: number): Float32Array[] {
  return Array.from({ length: tracks }, () => new Float32Array(0));
}
