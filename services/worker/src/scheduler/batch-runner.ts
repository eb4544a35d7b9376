import type { DecodeOptions, Recognition } from '@murmuration/contracts';

/** One row of a batch: signed 16-bit PCM, mono, 16 kHz. */
export interface BatchRow {
  readonly pcm: Int16Array;
  readonly options: DecodeOptions;
  /** Runs of speech in it, milliseconds; left out of live audio, whose text is one. */
  readonly speech?: readonly { readonly startMs: number; readonly endMs: number }[];
  /** Asked while the batch runs; a cancelled row ends early with nothing. */
  readonly cancelled: () => boolean;
}

/** What the batcher needs of the loaded model: `RecognizerPool` is one. */
export interface BatchRunner {
  readonly sessions: number;
  readonly idleSessions: number;
  /** Batches that may be handed over beside those that run, to be made ready. Default 0. */
  readonly roomAhead?: number;
  /** Share of a batch's time, 0 to 1, that passes before its decoder begins. Default 0. */
  readonly preparationShare?: number;
  /** True where rows of different padded lengths may share a batch. */
  readonly mixesLengths: boolean;
  /** Sizes of batch that were warmed, smallest first, 1 among them. */
  readonly batchSizes: readonly number[];
  paddedSamples(samples: number): number;
  /** Predicted time of a batch, milliseconds. @param paddedSamples of its rows; the mean where they differ */
  predictMs(paddedSamples: number, rows: number): number;
  /** Starts at once on an idle session, or is made ready where there is room ahead; throws when there is neither. */
  run(batch: readonly BatchRow[]): Promise<BatchResult>;
}

/** What became of a batch. */
export interface BatchResult {
  readonly recognitions: readonly Recognition[];
  /** Time of the batch in its session, milliseconds. */
  readonly inferenceMs: number;
  /** How long the session's device computed since its last answer, milliseconds. */
  readonly deviceMs: number;
}
