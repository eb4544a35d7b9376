import type { ChannelMode } from '@murmuration/contracts';
import type { RecordingLimits } from '../recording.js';
import type { DecodeWarning } from './external-decoding.js';
import type { DecodedPiece } from './packet-codec.js';
import { RecordingTimeline } from './recording-timeline.js';
import { TrackShaper } from './track-shaper.js';

/** Silence, then sound: one array a track, all of one length. Silence is a number, so that an hour of it takes no memory. */
export interface TimedPart {
  readonly silentSamples: number;
  readonly tracks: Float32Array[];
}

/** Samples of silence that are handed out at once: a second. */
const SILENCE_SAMPLES = 16_000;

/** Shapes decoded pieces into tracks at 16 kHz whose times are those of the file. */
export class TimedShaper {
  readonly timeline: RecordingTimeline;
  readonly #shaper: TrackShaper;

  constructor(mode: ChannelMode, limits: RecordingLimits, timeline = new RecordingTimeline()) {
    this.timeline = timeline;
    this.#shaper = new TrackShaper(mode, limits);
  }

  get hasAudio(): boolean {
    return this.#shaper.hasAudio;
  }

  /** Length of what came in so far, silence included. Milliseconds. */
  get durationMs(): number {
    return this.#shaper.durationMs;
  }

  /** Throws `audio_too_long`, also for the silence before the piece, and `unprocessable_audio` for a format no recording has. */
  push(piece: DecodedPiece): TimedPart[] {
    const { planar, sampleRateHz, startMs, restarts } = piece;
    if ((planar[0]?.length ?? 0) === 0) return [];
    const holeMs = startMs === undefined || startMs === null ? 0 : this.timeline.holeBefore(startMs, this.durationMs, restarts);
    if (holeMs === 0) return [{ silentSamples: 0, tracks: this.#shaper.push(planar, sampleRateHz) }];
    const { rest, silentSamples } = this.#shaper.pause(holeMs);
    const tracks = this.#shaper.push(planar, sampleRateHz);
    return [...(rest.length > 0 ? [{ silentSamples: 0, tracks: rest }] : []), { silentSamples, tracks }];
  }

  /** What is left once the input has ended. */
  finish(): TimedPart[] {
    return [{ silentSamples: 0, tracks: this.#shaper.finish() }];
  }

  warnings(): DecodeWarning[] {
    const { longestJumpMs } = this.timeline;
    const mix = this.#shaper.mixWarnings();
    return longestJumpMs === 0 ? mix : [...mix, { code: 'clock_jump', message: `The file's time stamps jump by ${(longestJumpMs / 1_000).toFixed(0)} s, which is no silence; times behind the jump go on without it.` }];
  }
}

/** The part as pieces of PCM of bounded length. */
export function* unfolded(part: TimedPart): Generator<Float32Array[]> {
  for (let left = part.silentSamples; left > 0; left -= SILENCE_SAMPLES) {
    yield part.tracks.map(() => new Float32Array(Math.min(left, SILENCE_SAMPLES)));
  }
  if ((part.tracks[0]?.length ?? 0) > 0) yield part.tracks;
}
