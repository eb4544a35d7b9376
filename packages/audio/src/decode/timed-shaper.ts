import type { ChannelMode } from '@murmuration/contracts';
import { SAMPLE_RATE_HZ } from '@murmuration/contracts/audio-format';
import type { RecordingLimits } from '../recording.js';
import type { DecodedPiece } from './packet-codec.js';
import { TrackShaper } from './track-shaper.js';
import type { DecodeWarning } from './stream-findings.js';

/** Sound follows silence only when it is later than this: time stamps are rounded and jitter, and some codecs' first ones count a delay of up to 90 ms. Milliseconds. */
const TOLERANCE_MS = 100;
/** A time stamp that goes back by more is that of a clock that was set anew, as in joined files. Milliseconds. */
const BACK_TOLERANCE_MS = 1_000;
/** A stretch without sound that is longer is no silence: the clock was set anew. Milliseconds. */
const MAX_HOLE_MS = 3_600_000;

/**
 * Keeps the times of a recording those of its file: says how much silence stands before a sound. Sound is never dropped: where time stamps fall
 * behind the sound before them, it goes on end to end.
 */
export class RecordingTimeline {
  /** Longest stretch that is taken for silence. Milliseconds. */
  maxHoleMs: number;
  /** Length of the longest stretch that was passed over as a clock set anew, or 0. Milliseconds. */
  longestJumpMs = 0;
  readonly #fromFirst: boolean;
  #offsetMs = 0;
  #begun = false;

  /** @param fromFirst the clock begins with the first sound: no late start is looked for */
  constructor(fromFirst = false, maxHoleMs = MAX_HOLE_MS) {
    this.maxHoleMs = maxHoleMs;
    this.#fromFirst = fromFirst;
  }

  /**
   * Silence before a sound, milliseconds.
   * @param startMs its time stamp @param positionMs length of all before it, silence included @param restarts its clock has just been set anew, as by the next link of a chained file
   */
  holeBefore(startMs: number, positionMs: number, restarts = false): number {
    const first = !this.#begun;
    this.#begun = true;
    const holeMs = startMs + this.#offsetMs - positionMs;
    const anew = first ? this.#fromFirst : restarts;
    const jumps = holeMs > this.maxHoleMs;
    if (jumps && !anew) this.longestJumpMs = Math.max(this.longestJumpMs, holeMs);
    if (anew || jumps || holeMs < -BACK_TOLERANCE_MS) {
      this.#offsetMs -= holeMs;
      return 0;
    }
    return holeMs > TOLERANCE_MS ? holeMs : 0;
  }
}

/** Silence, then sound: one array a track, all of one length. Silence is a number, so that an hour of it takes no memory. */
export interface TimedPart {
  readonly silentSamples: number;
  readonly tracks: Float32Array[];
}

/** Samples of silence that are handed out at once: a second. */
const SILENCE_SAMPLES = SAMPLE_RATE_HZ;

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
    const holeMs =
      startMs === undefined || startMs === null ? 0 : this.timeline.holeBefore(startMs, this.durationMs, restarts);
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
    return longestJumpMs === 0
      ? mix
      : [
          ...mix,
          {
            code: 'clock_jump',
            message: `The file's time stamps jump by ${(longestJumpMs / 1_000).toFixed(0)} s, which is no silence; times behind the jump go on without it.`,
          },
        ];
  }
}

/** The part as pieces of PCM of bounded length. */
export function* unfolded(part: TimedPart): Generator<Float32Array[]> {
  for (let left = part.silentSamples; left > 0; left -= SILENCE_SAMPLES) {
    yield part.tracks.map(() => new Float32Array(Math.min(left, SILENCE_SAMPLES)));
  }
  if ((part.tracks[0]?.length ?? 0) > 0) yield part.tracks;
}
