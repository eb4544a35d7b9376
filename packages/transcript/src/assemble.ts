import {
  MULTI,
  joinTexts,
  languageName,
  type ChunkResult,
  type RecordingSummary,
  type Segment,
  type Timings,
  type Transcript,
} from '@murmuration/contracts';
import { SegmentJoiner } from './segment-joiner.js';

/** What a transcript says of its request. */
export interface TranscriptMeta {
  readonly id: string;
  /** Public name of the model that served. */
  readonly model: string;
  readonly task: Transcript['task'];
  /** Language that is spoken, as asked for, or null; it is the answer when the model names none. */
  readonly language: string | null;
  /** From the start of the request to now, milliseconds. */
  readonly totalMs: number;
}

/** Puts a recording's results, in any order, together. Nothing may be missing: the caller has seen `summary.chunks` of them. */
export function assembleTranscript(
  results: readonly ChunkResult[],
  summary: RecordingSummary,
  meta: TranscriptMeta,
): Transcript {
  const ordered = [...results].sort((left, right) => left.index - right.index);
  const segments = joined(ordered);
  const { language, probability } = mainLanguage(ordered, meta.language === MULTI ? null : meta.language);
  return {
    id: meta.id,
    text: joinText(segments),
    model: meta.model,
    task: meta.task,
    ...(meta.task === 'translate' ? { language: 'en', sourceLanguage: language } : { language }),
    languageProbability: probability,
    durationMs: summary.durationMs,
    channels: summary.channels,
    segments,
    filtered: ordered.flatMap((result) => result.filtered).sort((left, right) => left.startMs - right.startMs),
    accounting: summary.accounting,
    warnings: [
      ...summary.warnings,
      ...promptWarning(ordered),
      ...(meta.language === MULTI ? [] : languageWarning(ordered, language)),
    ],
    timings: timingsOf(ordered, summary, meta.totalMs),
  };
}

/** Texts of segments in order as one. */
export function joinText(segments: readonly Pick<Segment, 'text'>[]): string {
  return joinTexts(segments.map((segment) => segment.text));
}

function joined(ordered: readonly ChunkResult[]): Segment[] {
  const joiner = new SegmentJoiner(0);
  const segments = ordered.flatMap((result) => joiner.push(result));
  return [...segments, ...joiner.finish()].sort(
    (left, right) => left.startMs - right.startMs || left.channel - right.channel,
  );
}

/** The language that most audio with text is in, and the mean of its probability over that audio. */
function mainLanguage(
  results: readonly ChunkResult[],
  asked: string | null,
): { language: string | null; probability: number | null } {
  const shares = new Map<string, { audioMs: number; weighted: number; known: number }>();
  const spoken = results.filter((result) => result.segments.length > 0);
  for (const result of spoken.length > 0 ? spoken : results) {
    if (result.language === null) continue;
    const share = shares.get(result.language) ?? { audioMs: 0, weighted: 0, known: 0 };
    share.audioMs += result.audioMs;
    if (result.languageProbability !== null) {
      share.weighted += result.languageProbability * result.audioMs;
      share.known += result.audioMs;
    }
    shares.set(result.language, share);
  }
  const [main] = [...shares].sort((left, right) => right[1].audioMs - left[1].audioMs);
  if (main === undefined) return { language: asked, probability: null };
  const [language, share] = main;
  return { language, probability: share.known > 0 ? share.weighted / share.known : null };
}

function promptWarning(results: readonly ChunkResult[]): Transcript['warnings'] {
  if (!results.some((result) => result.promptTrimmed === true)) return [];
  return [{ code: 'prompt_trimmed', message: 'The prompt was longer than the model takes: only its end was used.' }];
}

/** Where the model found the language, and other speech was taken to be in it. Who gives the language wants it so. */
function languageWarning(results: readonly ChunkResult[], main: string | null): Transcript['warnings'] {
  if (!results.some((result) => result.languageProbability !== null)) return [];
  const heard = results.flatMap((result) => [
    ...(result.segments.length > 0 && result.language !== null ? [result.language] : []),
    ...(result.otherLanguages ?? []),
  ]);
  const others = [...new Set(heard)].filter((language) => language !== main);
  if (main === null || others.length === 0) return [];
  const named = (language: string): string =>
    `${languageName(language).replace(/^./, (letter) => letter.toUpperCase())} (${language})`;
  return [
    {
      code: 'several_languages',
      message: `The recording was taken to be in ${named(main)}, but some of it sounds like ${others.map(named).join(', ')}. Send language=multi to have each part in its own language.`,
    },
  ];
}

function timingsOf(results: readonly ChunkResult[], summary: RecordingSummary, totalMs: number): Timings {
  const sum = (value: (result: ChunkResult) => number): number =>
    results.reduce((total, result) => total + value(result), 0);
  return {
    decodeMs: summary.decodeMs,
    detectMs: summary.detectMs,
    queueMs: results.length === 0 ? 0 : sum((result) => result.queueMs) / results.length,
    inferenceMs: sum((result) => result.inferenceMs / result.batchSize),
    totalMs,
  };
}
