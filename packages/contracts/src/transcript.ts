import type { Filtered, Segment } from './chunk.js';

/** Where every second of a recording went; per channel, summed. `speechMs + nonSpeechMs + skippedMs` is duration times channels. */
export interface Accounting {
  readonly speechMs: number;
  readonly nonSpeechMs: number;
  /** Not given to the model, by reason (for example speech shorter than the minimum). */
  readonly skipped: readonly {
    readonly startMs: number;
    readonly endMs: number;
    readonly channel: number;
    readonly reason: string;
  }[];
}

/** What the decoder and detector say at the end of a recording. */
export interface RecordingSummary {
  readonly durationMs: number;
  readonly channels: number;
  readonly format: string;
  readonly accounting: Accounting;
  /** Stable codes with a sentence each, for example a truncated file. */
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
  /** Time spent on decoding and detection, milliseconds of wall clock, overlapping the upload. */
  readonly decodeMs: number;
  readonly detectMs: number;
  readonly chunks: number;
}

/** A finished transcript; times are milliseconds from the recording's start. */
export interface Transcript {
  readonly id: string;
  readonly text: string;
  readonly model: string;
  readonly task: 'transcribe' | 'translate';
  /** Of the text: that of a translation is `en`. */
  readonly language: string | null;
  /** Of a translation: the language that was spoken, or null when unknown. */
  readonly sourceLanguage?: string | null;
  /** How sure the model is of the language that was spoken; null when that was given. */
  readonly languageProbability: number | null;
  readonly durationMs: number;
  readonly channels: number;
  readonly segments: readonly Segment[];
  readonly filtered: readonly Filtered[];
  readonly accounting: Accounting;
  readonly warnings: RecordingSummary['warnings'];
  readonly timings: Timings;
}

/** Milliseconds; `queueMs` is the mean wait of a chunk, `inferenceMs` the sum over chunks of the share of their batch. */
export interface Timings {
  readonly decodeMs: number;
  readonly detectMs: number;
  readonly queueMs: number;
  readonly inferenceMs: number;
  readonly totalMs: number;
}
