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

/** How subtitles (`srt`, `vtt`) are laid out, by the names of Whisper's command line; what is left out has the server's default. */
export interface SubtitleLayout {
  /** Columns of a line; a wide character takes two. */
  readonly max_line_width?: number | undefined;
  /** Lines of a subtitle. */
  readonly max_line_count?: number | undefined;
  readonly max_words_per_line?: number | undefined;
  /** Underlines each word while it is said. */
  readonly highlight_words?: boolean | undefined;
}

/** Forms in which a transcript is plain text. */
export type TextFormat = 'txt' | 'srt' | 'vtt' | 'tsv';

/** The fields of a layout that were given, as a query or a form takes them. */
export function layoutFields(options: SubtitleLayout): Record<string, string> {
  const { max_line_width, max_line_count, max_words_per_line, highlight_words } = options;
  return Object.fromEntries(
    Object.entries({ max_line_width, max_line_count, max_words_per_line, highlight_words })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, String(value)]),
  );
}
