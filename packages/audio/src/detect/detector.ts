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
