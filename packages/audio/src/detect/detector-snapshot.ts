import type { SegmenterSnapshot } from './utterance-segmenter.js';

/** A detector's memory as plain JSON; numbers of audio and model as base64 of 32-bit floats, little endian. */
export interface DetectorSnapshot {
  readonly segmenter: SegmenterSnapshot;
  readonly hidden: string;
  readonly cell: string;
  /** 64 samples of context and what was heard but not decided, at the level at which it was heard. */
  readonly audio: string;
  /** Missing in snapshots of older versions, as is `doubt`. */
  readonly speechPower?: number;
  readonly doubt?: { readonly belowRms: number; readonly lowWindows: number } | null;
  /** What was measured of the whole windows in `audio`, and the levels that were heard. Missing in snapshots of older versions. */
  readonly waiting?: readonly { readonly rms: number; readonly quiet: boolean }[];
  readonly level?: number;
  readonly latest?: readonly number[];
}
