import { filteredJson, type FilteredJson, type Transcript, seconds } from '@murmuration/contracts';

/** Milliseconds as `HH:MM:SS<mark>mmm`, rounded to the millisecond before it is taken apart. */
export function clockTime(timeMs: number, mark: ',' | '.'): string {
  const total = Math.max(0, Math.round(timeMs));
  const padded = (value: number, length: number): string => String(value).padStart(length, '0');
  const seconds = Math.floor(total / 1000);
  return `${padded(Math.floor(seconds / 3600), 2)}:${padded(Math.floor(seconds / 60) % 60, 2)}:${padded(seconds % 60, 2)}${mark}${padded(total % 1000, 3)}`;
}

/** A transcript as `POST /transcribe` answers it; all times are seconds. */
export interface TranscriptJson {
  readonly id: string;
  readonly text: string;
  readonly segments: SegmentJson[];
  readonly duration: number;
  /** Of the text: that of a translation is `en`. */
  readonly language: string | null;
  /** Of a translation: the language that was spoken. */
  readonly source_language?: string | null;
  readonly language_probability: number | null;
  readonly model: string;
  readonly task: Transcript['task'];
  readonly channels: number;
  readonly timings: {
    readonly queue: number;
    readonly inference: number;
    readonly decode: number;
    readonly detect: number;
    readonly total: number;
  };
  readonly filtered: FilteredJson[];
  readonly accounting: {
    readonly speech: number;
    readonly non_speech: number;
    readonly skipped: {
      readonly start: number;
      readonly end: number;
      readonly channel: number;
      readonly reason: string;
    }[];
  };
  readonly warnings: { readonly code: string; readonly message: string }[];
}

export interface SegmentJson {
  readonly id: number;
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** 0 to 1. */
  readonly confidence: number;
  readonly channel: number;
  readonly words?: WordJson[];
  /** Where the language `multi` was asked for. */
  readonly language?: string;
}

export interface WordJson {
  readonly word: string;
  readonly start: number;
  readonly end: number;
  readonly probability: number;
  readonly approximate?: boolean;
}

/** The whole transcript in the form of `POST /transcribe`. */
export function renderJson(transcript: Transcript): TranscriptJson {
  const { timings, accounting } = transcript;
  return {
    id: transcript.id,
    text: transcript.text,
    segments: transcript.segments.map(segmentJson),
    duration: seconds(transcript.durationMs),
    language: transcript.language,
    ...(transcript.sourceLanguage === undefined ? {} : { source_language: transcript.sourceLanguage }),
    language_probability: transcript.languageProbability,
    model: transcript.model,
    task: transcript.task,
    channels: transcript.channels,
    timings: {
      queue: seconds(timings.queueMs),
      inference: seconds(timings.inferenceMs),
      decode: seconds(timings.decodeMs),
      detect: seconds(timings.detectMs),
      total: seconds(timings.totalMs),
    },
    filtered: transcript.filtered.map(filteredJson),
    accounting: {
      speech: seconds(accounting.speechMs),
      non_speech: seconds(accounting.nonSpeechMs),
      skipped: accounting.skipped.map((entry) => ({
        start: seconds(entry.startMs),
        end: seconds(entry.endMs),
        channel: entry.channel,
        reason: entry.reason,
      })),
    },
    warnings: transcript.warnings.map(({ code, message }) => ({ code, message })),
  };
}

/** One segment in the form of `POST /transcribe`; `id` counts the recording's segments from 0. */
export function segmentJson(segment: Transcript['segments'][number], id: number): SegmentJson {
  return {
    id,
    start: seconds(segment.startMs),
    end: seconds(segment.endMs),
    text: segment.text,
    confidence: segment.confidence,
    channel: segment.channel,
    ...(segment.language === undefined ? {} : { language: segment.language }),
    ...(segment.words === undefined
      ? {}
      : {
          words: segment.words.map((word) => ({
            word: word.word.trim(),
            start: seconds(word.startMs),
            end: seconds(word.endMs),
            probability: word.probability,
            ...(word.approximate === undefined ? {} : { approximate: word.approximate }),
          })),
        }),
  };
}
