import type { RecordingLimits } from '../recording.js';
import { deinterleave, type SampleEncoding } from './sample-encoding.js';
import { checkFormat, type TrackShaper } from './track-shaper.js';

/** Frames worked on at once, so that arrays stay small however large a piece is. */
const FRAMES_AT_ONCE = 65_536;

/** What a header says about the PCM that follows. */
export interface PcmLayout {
  readonly encoding: SampleEncoding;
  readonly sampleRateHz: number;
  readonly channels: number;
}

/** A stretch of PCM in a bounded reader: bytes of interleaved frames in, tracks at 16 kHz out. Keeps less than one frame between pieces; a last frame that is not whole is dropped. */
export class PcmBody {
  readonly #layout: PcmLayout;
  readonly #shaper: TrackShaper;
  readonly #frameBytes: number;
  #rest = new Uint8Array(0);

  /** Throws `unprocessable_audio` for rates and channel counts that no recording has. */
  constructor(layout: PcmLayout, shaper: TrackShaper, limits: RecordingLimits) {
    checkFormat(layout.sampleRateHz, layout.channels, limits);
    this.#layout = layout;
    this.#shaper = shaper;
    this.#frameBytes = layout.encoding.bytes * layout.channels;
  }

  /** Gives one list of tracks for each run of frames. Throws `audio_too_long`. */
  push(bytes: Uint8Array): Float32Array[][] {
    const out: Float32Array[][] = [];
    let input = bytes;
    if (this.#rest.length > 0) {
      const wanted = this.#frameBytes - this.#rest.length;
      const frame = new Uint8Array(this.#rest.length + Math.min(wanted, input.length));
      frame.set(this.#rest);
      frame.set(input.subarray(0, wanted), this.#rest.length);
      input = input.subarray(Math.min(wanted, input.length));
      if (frame.length < this.#frameBytes) {
        this.#rest = frame;
        return out;
      }
      out.push(this.#shape(frame));
    }
    const whole = input.length - (input.length % this.#frameBytes);
    const step = FRAMES_AT_ONCE * this.#frameBytes;
    for (let at = 0; at < whole; at += step) out.push(this.#shape(input.subarray(at, Math.min(whole, at + step))));
    this.#rest = new Uint8Array(input.subarray(whole));
    return out;
  }

  #shape(frames: Uint8Array): Float32Array[] {
    const { encoding, channels, sampleRateHz } = this.#layout;
    return this.#shaper.push(deinterleave(frames, encoding, channels), sampleRateHz);
  }
}
