/** A transcript as the server answers it; all times in seconds. See `docs/api.md`. */
export interface Transcript {
  readonly id: string;
  readonly text: string;
  readonly segments: readonly Segment[];
  readonly duration: number;
  /** Of the text: that of a translation is `en`. */
  readonly language: string | null;
  /** Of a translation: the language that was spoken. */
  readonly source_language?: string | null;
  readonly language_probability: number | null;
  readonly model: string;
  readonly task: 'transcribe' | 'translate';
  readonly channels: number;
  readonly timings: {
    readonly queue: number;
    readonly inference: number;
    readonly decode: number;
    readonly detect: number;
    readonly total: number;
  };
  /** Text that a filter took away. */
  readonly filtered: readonly {
    readonly start: number;
    readonly end: number;
    readonly text: string;
    readonly reason: string;
  }[];
  readonly accounting: {
    readonly speech: number;
    readonly non_speech: number;
    readonly skipped: readonly {
      readonly start: number;
      readonly end: number;
      readonly channel: number;
      readonly reason: string;
    }[];
  };
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
}

export interface Segment {
  /** 0, 1, 2 … */
  readonly id: number;
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** 0 to 1. */
  readonly confidence: number;
  readonly channel: number;
  readonly words?: readonly Word[];
  /** Where the language `multi` was asked for. */
  readonly language?: string;
}

export interface Word {
  readonly word: string;
  readonly start: number;
  readonly end: number;
  /** 0 to 1. */
  readonly probability: number;
  /** True when the time is spread over the utterance, or of a translation: then it says where the sense is, not where the word is spoken. */
  readonly approximate?: boolean;
}

/** Forms in which a transcript is plain text. */
export type TextFormat = 'txt' | 'srt' | 'vtt' | 'tsv';
