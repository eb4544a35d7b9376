import {
  filteredField,
  languageName,
  spaceBetween,
  type FilteredJson,
  type Transcript,
  seconds,
} from '@murmuration/contracts';
import { isUnspaced } from './overlap.js';

/** What OpenAI's API calls usage when it counts audio: whole seconds, the last one begun counted. */
export interface DurationUsage {
  readonly type: 'duration';
  readonly seconds: number;
}

/** `verbose_json` of OpenAI's transcription API (openai-node, `TranscriptionVerbose`), with the `task` that its servers send; times are seconds. */
export interface VerboseJson {
  readonly task: Transcript['task'];
  /** English name in lower case, for example `english`, or `unknown`. */
  readonly language: string;
  readonly duration: number;
  readonly text: string;
  readonly segments?: {
    readonly id: number;
    readonly seek: number;
    readonly start: number;
    readonly end: number;
    readonly text: string;
    readonly tokens: number[];
    readonly temperature: number;
    readonly avg_logprob: number;
    readonly compression_ratio: number;
    readonly no_speech_prob: number;
    /** Where the language `multi` was asked for. */
    readonly language?: string;
  }[];
  readonly words?: { readonly word: string; readonly start: number; readonly end: number }[];
  readonly usage: DurationUsage;
  readonly languages?: LanguageCode[];
  /** Not OpenAI's: what the filters took away, where they did. */
  readonly filtered?: FilteredJson[];
}

/** A language as OpenAI's newer models tell it. */
export interface LanguageCode {
  readonly code: string;
}

/** The transcript in OpenAI's long form; `granularities` says which of segments and words it lists. */
export function verboseJson(
  transcript: Transcript,
  granularities: { readonly segments: boolean; readonly words: boolean },
): VerboseJson {
  return {
    task: transcript.task,
    language: languageName(transcript.language),
    duration: seconds(transcript.durationMs),
    text: transcript.text,
    ...(granularities.segments ? { segments: transcript.segments.map(openAiSegment) } : {}),
    ...(granularities.words
      ? {
          words: transcript.segments.flatMap((segment) =>
            (segment.words ?? []).map((word) => ({
              word: word.word.trim(),
              start: seconds(word.startMs),
              end: seconds(word.endMs),
            })),
          ),
        }
      : {}),
    usage: durationUsage(transcript),
    ...spokenLanguages(transcript),
    ...filteredField(transcript.filtered),
  };
}

/** Languages in the order in which they are first spoken, where `multi` was asked for; else nothing. */
export function spokenLanguages({ segments }: Pick<Transcript, 'segments'>): { readonly languages?: LanguageCode[] } {
  const codes = [...new Set(segments.flatMap(({ language }) => language ?? []))];
  return codes.length === 0 ? {} : { languages: codes.map((code) => ({ code })) };
}

export function durationUsage(transcript: Pick<Transcript, 'durationMs'>): DurationUsage {
  return { type: 'duration', seconds: Math.ceil(seconds(transcript.durationMs)) };
}

function openAiSegment(
  segment: Transcript['segments'][number],
  id: number,
  all: Transcript['segments'],
): NonNullable<VerboseJson['segments']>[number] {
  const before = all[id - 1]?.text;
  const lead =
    before === undefined ? (isUnspaced(segment.text.charAt(0)) ? '' : ' ') : spaceBetween(before, segment.text);
  return {
    id,
    seek: Math.round(segment.startMs / 10),
    start: seconds(segment.startMs),
    end: seconds(segment.endMs),
    // OpenAI's segments begin with the space that stands before them, so that putting them together gives the text.
    text: lead + segment.text,
    tokens: segment.tokens,
    temperature: segment.temperature,
    avg_logprob: segment.avgLogprob,
    compression_ratio: segment.compressionRatio,
    no_speech_prob: segment.noSpeechProb,
    ...(segment.language === undefined ? {} : { language: segment.language }),
  };
}
