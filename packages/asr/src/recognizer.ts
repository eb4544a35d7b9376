import type { DecodeOptions, ModelDescription, Recognition } from '@murmuration/contracts';
import type { SpeechRun } from './segments/assign-runs.js';

/** A chunk as a model gets it: mono, 16 kHz, [-1, 1], without padding. */
export interface RecognizerInput {
  readonly pcm: Float32Array;
  readonly options: DecodeOptions;
  /** Runs of speech that the detector found, milliseconds of the chunk. Segments are divided by them; without them segments stay as the model writes them. */
  readonly speech?: readonly SpeechRun[] | undefined;
}

/** Asked between decoder steps; a row that was cancelled gets an empty recognition. */
export type RowCancelled = (row: number) => boolean;

/** Milliseconds of any beginning that run while a model computes. */
export type RehearsalClock = () => number;

/** How a recognizer takes the next batch while it decodes one. */
export interface Pipeline {
  /** Batches that may be in `recognize` at once: while one is decoded the next is made ready. Their texts do not depend on that. */
  readonly depth: number;
  /** Share of a batch's time, 0 to 1, before its decoder begins, as rehearsed with the largest batch; 0 before that. */
  readonly preparationShare: number;
}

/** A loaded model that turns a batch of chunks into text. Lives in a worker thread: its calls block. */
export interface Recognizer {
  readonly description: ModelDescription;
  /** Length in samples that a chunk of `samples` is padded to; only chunks of one padded length share a batch, unless the family mixes lengths. */
  paddedSamples(samples: number): number;
  /** Rows in, recognitions out, in the same order. Throws the runtime's error, for example when memory is short. */
  recognize(batch: readonly RecognizerInput[], cancelled: RowCancelled): Promise<Recognition[]>;
  /**
   * Runs the shapes of batches of `paddedSamples` without a whole decoding, and predicts for each size of `rows` how long a batch
   * of ordinary speech takes, milliseconds of `clock`.
   */
  rehearse(paddedSamples: number, rows: readonly number[], clock: RehearsalClock): Promise<number[]>;
  /** How batches overlap; left out where each is done before the next begins. */
  readonly pipeline?: Pipeline;
  /** Time spent in each stage since loading, milliseconds; for measurements. `features` where the model's are computed apart. */
  readonly stageMs?: { readonly features?: number; readonly encoder: number; readonly decoder: number };
  close(): Promise<void>;
}
