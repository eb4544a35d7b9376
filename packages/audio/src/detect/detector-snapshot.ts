import type { SegmenterSnapshot } from './utterance-segmenter.js';

/** A detector's memory as plain JSON; numbers of audio and model as base64 of 32-bit floats, little endian. */
export interface DetectorSnapshot {
  readonly segmenter: SegmenterSnapshot;
  readonly hidden: string;
  readonly cell: string;
  /** 64 samples of context and what was heard but not decided. */
  readonly audio: string;
  /** Missing in snapshots of older versions, as is `doubt`. */
  readonly speechPower?: number;
  readonly doubt?: { readonly belowRms: number; readonly lowWindows: number } | null;
}
