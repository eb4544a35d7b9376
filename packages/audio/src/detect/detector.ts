import { decodeFloats, encodeFloats } from '../decode/sample-encoding.js';
import { measureWindow, WINDOW_SAMPLES } from './audio-window.js';
import type { SegmenterEvent, SegmenterSnapshot } from './utterance-segmenter.js';

/** A detector's memory as plain JSON; numbers of audio and model as base64 of 32-bit floats, little endian. */
export interface DetectorSnapshot {
  readonly segmenter: SegmenterSnapshot;
  readonly hidden: string;
  readonly cell: string;
  /** 64 samples of context and the audio that is not decided yet, amplified as the detector used it. */
  readonly audio: string;
  /** Missing in snapshots of older versions, as is `doubt`. */
  readonly speechPower?: number;
  readonly doubt?: { readonly belowRms: number; readonly lowWindows: number } | null;
  /** Measurements of the whole windows in `audio`, and the latest levels. Missing in snapshots of older versions. */
  readonly waiting?: readonly { readonly rms: number; readonly quiet: boolean }[];
  readonly level?: number;
  readonly latest?: readonly number[];
}

/** What a detector decided about one window of 512 samples. */
export interface DetectedWindow {
  /** 0, 1, 2 … without gaps. */
  readonly index: number;
  /** Speech probability, 0 to 1; 0 where the gate decided. */
  readonly probability: number;
  /** Root mean square, full scale 1. */
  readonly rms: number;
  /** True when the cheap gate took it for silence without asking the model. */
  readonly gated: boolean;
  /** True when it lies in speech and not in a pause. */
  readonly speaking: boolean;
  /** What began or ended with it. */
  readonly events: readonly SegmenterEvent[];
  /** How much of the stream was needed for the decision, samples. Does not depend on the pieces the stream came in. */
  readonly atSamples: number;
}

/** The last decisions of a stream. */
export interface DetectionEnd {
  readonly windows: readonly DetectedWindow[];
  /** What was still open. */
  readonly events: readonly SegmenterEvent[];
  readonly totalSamples: number;
}

/** Finds speech in one channel, piece by piece: mono, 16 kHz, [-1, 1]. One call at a time. */
export interface Detector {
  /** Takes a piece of any length and returns what is decided with it. The piece is copied. */
  push(samples: Float32Array): Promise<DetectedWindow[]>;
  /** Ends the stream. */
  finish(): Promise<DetectionEnd>;
  /** Wall clock spent so far, milliseconds. */
  readonly detectMs: number;
}

/** Its memory as plain JSON: the beginning of a window, base64 of 32-bit floats. */
export interface WholeRecordingSnapshot {
  readonly nextWindow: number;
  readonly partial: string;
}

/** Takes everything for one utterance (`vad=false`); measures the level only, so that cuts by length fall into quiet places. */
export class WholeRecordingDetector implements Detector {
  readonly detectMs = 0;
  readonly #partial = new Float32Array(WINDOW_SAMPLES);
  #partialSamples = 0;
  #nextWindow = 0;

  /** @param snapshot continues a stream where `snapshot()` was taken */
  constructor(snapshot?: WholeRecordingSnapshot) {
    if (snapshot === undefined) return;
    this.#nextWindow = snapshot.nextWindow;
    const partial = decodeFloats(snapshot.partial);
    this.#partial.set(partial);
    this.#partialSamples = partial.length;
  }

  snapshot(): WholeRecordingSnapshot {
    return { nextWindow: this.#nextWindow, partial: encodeFloats(this.#partial.subarray(0, this.#partialSamples)) };
  }

  push(samples: Float32Array): Promise<DetectedWindow[]> {
    const windows: DetectedWindow[] = [];
    let position = 0;
    while (position < samples.length) {
      const taken = Math.min(WINDOW_SAMPLES - this.#partialSamples, samples.length - position);
      this.#partial.set(samples.subarray(position, position + taken), this.#partialSamples);
      this.#partialSamples += taken;
      position += taken;
      if (this.#partialSamples === WINDOW_SAMPLES) windows.push(this.#take(WINDOW_SAMPLES));
    }
    return Promise.resolve(windows);
  }

  finish(): Promise<DetectionEnd> {
    const totalSamples = this.#nextWindow * WINDOW_SAMPLES + this.#partialSamples;
    const windows = this.#partialSamples > 0 ? [this.#take(this.#partialSamples)] : [];
    return Promise.resolve({
      windows,
      events: totalSamples > 0 ? [{ type: 'utterance', startSamples: 0, endSamples: totalSamples }] : [],
      totalSamples,
    });
  }

  #take(length: number): DetectedWindow {
    const index = this.#nextWindow++;
    this.#partialSamples = 0;
    return {
      index,
      probability: 1,
      rms: measureWindow(this.#partial, 0, length).rms,
      gated: false,
      speaking: true,
      events:
        index === 0
          ? [
              { type: 'onset', startSamples: 0 },
              { type: 'confirmed', startSamples: 0 },
            ]
          : [],
      atSamples: index * WINDOW_SAMPLES + length,
    };
  }
}
