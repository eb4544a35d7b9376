import type { Recognition } from '@murmuration/contracts';
import { MULTI } from '@murmuration/contracts/language';
import { msToSamples } from '@murmuration/contracts/audio-format';
import { loudMs, measureAudio, pausesOf, type AudioFacts } from '../../filters/audio-facts.js';
import type { RecognizerInput } from '../../recognizer.js';
import { copyWindow, LogMelExtractor, WINDOW_AUDIO_SAMPLES, WINDOW_FRAMES } from './features/log-mel.js';
import type { EncodedAudio, SpeechModel } from './model/speech-model.js';
import { logSumExp } from './model/token-scores.js';
import type { Vocabulary } from './model/vocabulary.js';
import type { WhisperParts } from './whisper-parts.js';

export interface DetectedLanguage {
  /** ISO code. */
  readonly language: string;
  /** Among all languages of the model, 0 to 1. */
  readonly probability: number;
}

/** Probability of each language of a model, 0 to 1, by its code; together 1. */
export type LanguageShares = ReadonlyMap<string, number>;

/** The likeliest language of each row: what the decoder would write after the start of the transcript, among the language tokens. */
export async function detectLanguages(
  model: SpeechModel,
  vocabulary: Vocabulary,
  audio: EncodedAudio,
): Promise<DetectedLanguage[]> {
  const rows = await model.logprobsAfter(audio, vocabulary.startOfTranscript);
  return rows.map((logprobs) => likeliest(languageShares(vocabulary, logprobs, 0)));
}

/** @param logprobs of the tokens from `firstToken` on, after the start of the transcript */
function languageShares(vocabulary: Vocabulary, logprobs: Float32Array, firstToken: number): LanguageShares {
  const scores = Float32Array.from(vocabulary.languages.values(), (token) => logprobs[token - firstToken] ?? -Infinity);
  const largest = Math.max(...scores);
  const sum = logSumExp(scores, 0, scores.length, largest);
  return new Map(
    [...vocabulary.languages.keys()].map(
      (language, i) => [language, Math.exp((scores[i] ?? -Infinity) - sum)] as const,
    ),
  );
}

function likeliest(shares: LanguageShares): DetectedLanguage {
  let best: DetectedLanguage = { language: 'en', probability: 0 };
  for (const [language, probability] of shares) if (probability > best.probability) best = { language, probability };
  return best;
}

const STEP_MS = 20;
const WINDOW_MS = 30_000;
/** A language changes where speech pauses as long as this at least, … */
const PAUSE_MS = 300;
/** … and is not told from less sound than this: shorter stretches count to the nearer neighbour. */
const LEAST_LOUD_MS = 1_000;
/** From this probability on a stretch is sure to be in its language. Below it, it is listened to by itself, … */
const SURE = 0.8;
/** … and then believed from here on; else it is taken to be in the language around it, … */
const BELIEVED = 0.5;
/** … which it is taken for as well where that is as likely as this: languages that are near to each other are easily mixed up. */
const LIKELY = 0.3;

/** A stretch of speech between pauses, milliseconds of the chunk. */
interface Stretch {
  readonly startMs: number;
  readonly endMs: number;
  readonly loudMs: number;
}
interface HeardStretch extends Stretch {
  readonly shares: LanguageShares;
}

/** What is recognised by itself: a chunk, or, of one that changes its language, the part in one language. */
export interface LanguageRun {
  /** Index of its chunk in the batch. */
  readonly row: number;
  /** Where it begins in the chunk. */
  readonly fromMs: number;
  readonly input: RecognizerInput;
  /** Of its language; null where recognising finds it. */
  readonly probability: number | null;
}

/** The language of a window's speech, and others that stretches of it are surely in. */
export interface WindowLanguage extends DetectedLanguage {
  readonly others: readonly string[];
}

/**
 * Tells which languages are spoken where in a chunk. The decoder is asked for the language of a stretch with only that stretch's part of the encoded
 * window before it: a twentieth of the cost of encoding it anew, and nearly as sure. (Whisper base int8: German after 11 s of English: 1.00, English
 * before it: 0.90, where the whole window gives German 0.97.)
 */
export class SpokenLanguages {
  readonly #parts: WhisperParts;
  readonly #features: LogMelExtractor;

  constructor(parts: WhisperParts, features: LogMelExtractor) {
    this.#parts = parts;
    this.#features = features;
  }

  /**
   * The language that most of a window's speech is in. Speech counts by its length: the window as a whole tells rather what it ends with.
   * @param row of the encoded windows; @param facts of the chunk; @param whole what the window as a whole tells
   */
  async ofWindow(
    audio: EncodedAudio,
    row: number,
    facts: AudioFacts,
    startMs: number,
    endMs: number,
    whole: DetectedLanguage,
  ): Promise<WindowLanguage> {
    const heard = await this.#hear(audio, row, stretchesOf(facts, startMs, endMs), startMs);
    if (heard.length < 2) return { ...whole, others: [] };
    const main = mainOf(heard);
    const others = new Set(
      heard
        .map(({ shares }) => likeliest(shares))
        .filter((one) => one.probability >= SURE && one.language !== main.language)
        .map((one) => one.language),
    );
    return { ...(main.language === whole.language ? whole : main), others: [...others] };
  }

  /** The parts of a batch's chunks: a chunk whose language is `MULTI` is cut where its language changes. */
  async runs(batch: readonly RecognizerInput[]): Promise<LanguageRun[]> {
    const runs: LanguageRun[] = [];
    for (const [row, input] of batch.entries()) {
      const parts =
        input.options.language === MULTI && this.#parts.vocabulary.multilingual ? await this.#cut(input) : [];
      if (parts.length === 0) runs.push({ row, fromMs: 0, input, probability: null });
      for (const { startMs, endMs, language, probability } of parts) {
        const pcm = input.pcm.subarray(msToSamples(startMs), msToSamples(endMs));
        const speech = input.speech
          ?.map((run) => ({
            startMs: Math.max(run.startMs, startMs) - startMs,
            endMs: Math.min(run.endMs, endMs) - startMs,
          }))
          .filter((run) => run.endMs > run.startMs);
        runs.push({
          row,
          fromMs: startMs,
          input: { pcm, options: { ...input.options, language }, speech },
          probability,
        });
      }
    }
    return runs;
  }

  /** Languages that windows were surely heard in beside the one they were written in, from what the decoder said before it was told that; costs nothing. */
  othersIn(startLogprobs: Float32Array, language: string | null): string[] {
    const { vocabulary } = this.#parts;
    const heard = likeliest(languageShares(vocabulary, startLogprobs, vocabulary.endOfText));
    return heard.probability >= SURE && heard.language !== language ? [heard.language] : [];
  }

  /** Empty where there is nothing to cut. */
  async #cut({ pcm }: RecognizerInput): Promise<(DetectedLanguage & { startMs: number; endMs: number })[]> {
    const facts = measureAudio(pcm);
    const stretches = stretchesOf(facts, 0, facts.durationMs);
    if (stretches.length < 2) return [];
    const heard = await this.#withEncoded(pcm, (audio) => this.#hear(audio, 0, stretches, 0));
    const sure: HeardStretch[] = [];
    for (const one of heard)
      sure.push(likeliest(one.shares).probability >= SURE ? one : await this.#hearAlone(pcm, one));
    return runsOf(sure, facts.durationMs);
  }

  async #hear(
    audio: EncodedAudio,
    row: number,
    stretches: readonly Stretch[],
    windowMs: number,
  ): Promise<HeardStretch[]> {
    if (stretches.length < 2) return [];
    const { model, vocabulary } = this.#parts;
    const heard: HeardStretch[] = [];
    for (const one of stretches) {
      const from = Math.max(0, Math.floor((one.startMs - windowMs) / STEP_MS));
      const to = Math.ceil((Math.min(one.endMs, windowMs + WINDOW_MS) - windowMs) / STEP_MS);
      if (to > from)
        heard.push({
          ...one,
          shares: languageShares(
            vocabulary,
            await model.logprobsWithin(audio, row, from, to, vocabulary.startOfTranscript),
            0,
          ),
        });
    }
    return heard;
  }

  async #hearAlone(pcm: Float32Array, one: HeardStretch): Promise<HeardStretch> {
    const { model, vocabulary } = this.#parts;
    const alone = pcm.subarray(msToSamples(one.startMs), msToSamples(one.endMs));
    const [logprobs] = await this.#withEncoded(alone, (audio) =>
      model.logprobsAfter(audio, vocabulary.startOfTranscript),
    );
    return logprobs === undefined ? one : { ...one, shares: languageShares(vocabulary, logprobs, 0) };
  }

  /** Does the work over the first window of the audio. */
  async #withEncoded<T>(pcm: Float32Array, work: (audio: EncodedAudio) => Promise<T>): Promise<T> {
    const { model, settings } = this.#parts;
    const features = new Float32Array(settings.mels * WINDOW_FRAMES);
    copyWindow(this.#features.extract(pcm.subarray(0, WINDOW_AUDIO_SAMPLES)), 0, features, 0);
    const audio = await model.encode(features, 1);
    try {
      return await work(audio);
    } finally {
      audio.dispose();
    }
  }
}

/** The recognitions of a chunk's runs as one; times of the chunk. */
export function joinRuns(
  runs: readonly (Pick<LanguageRun, 'fromMs' | 'probability'> & {
    readonly recognition: Recognition;
    readonly textLanguage: string | null;
  })[],
): Recognition {
  const shares = new Map<string, { loudMs: number; weighted: number }>();
  const joined = runs.map(({ fromMs, probability, recognition, textLanguage }) => {
    const spokenMs = recognition.segments.reduce((sum, segment) => sum + segment.endMs - segment.startMs, 0);
    const { language } = recognition;
    if (language !== null) {
      const share = shares.get(language) ?? { loudMs: 0, weighted: 0 };
      shares.set(language, {
        loudMs: share.loudMs + spokenMs,
        weighted: share.weighted + spokenMs * (probability ?? recognition.languageProbability ?? 0),
      });
    }
    const move = <T extends { readonly startMs: number; readonly endMs: number }>(one: T): T => ({
      ...one,
      startMs: one.startMs + fromMs,
      endMs: one.endMs + fromMs,
    });
    return {
      segments: recognition.segments.map((segment) => ({
        ...move(segment),
        ...(segment.words === undefined ? {} : { words: segment.words.map(move) }),
        ...(textLanguage === null ? {} : { language: textLanguage }),
      })),
      filtered: recognition.filtered.map(move),
      promptTrimmed: recognition.promptTrimmed === true,
    };
  });
  const [main] = [...shares].sort((a, b) => b[1].loudMs - a[1].loudMs);
  return {
    segments: joined.flatMap((one) => one.segments),
    filtered: joined.flatMap((one) => one.filtered),
    language: main?.[0] ?? null,
    languageProbability: main === undefined || main[1].loudMs === 0 ? null : main[1].weighted / main[1].loudMs,
    ...(joined.some((one) => one.promptTrimmed) ? { promptTrimmed: true } : {}),
  };
}

/** Speech between pauses; what is too short to tell a language counts to its nearer neighbour. */
function stretchesOf(facts: AudioFacts, startMs: number, endMs: number): Stretch[] {
  const found: Stretch[] = [];
  let fromMs = startMs;
  const end = Math.min(endMs, facts.durationMs);
  for (const pause of [...pausesOf(facts, PAUSE_MS), { startMs: end, endMs: end }]) {
    const toMs = Math.min(pause.startMs, end);
    if (toMs > fromMs) found.push({ startMs: fromMs, endMs: toMs, loudMs: loudMs(facts, fromMs, toMs) });
    fromMs = Math.max(fromMs, pause.endMs);
  }
  for (let short = shortest(found); short !== null; short = shortest(found)) {
    const first = gapAfter(found, short - 1) <= gapAfter(found, short) ? short - 1 : short;
    const [left, right] = [found[first], found[first + 1]];
    if (left === undefined || right === undefined) break;
    found.splice(first, 2, { startMs: left.startMs, endMs: right.endMs, loudMs: left.loudMs + right.loudMs });
  }
  return found;
}

/** Milliseconds between a stretch and the next; without either, infinitely many. */
function gapAfter(stretches: readonly Stretch[], index: number): number {
  const [left, right] = [stretches[index], stretches[index + 1]];
  return left === undefined || right === undefined ? Infinity : right.startMs - left.endMs;
}

/** Index of the shortest of the stretches that are too short; null where there is none, or nothing to join it to. */
function shortest(stretches: readonly Stretch[]): number | null {
  if (stretches.length < 2) return null;
  let found: number | null = null;
  stretches.forEach((one, i) => {
    if (one.loudMs < Math.min(LEAST_LOUD_MS, stretches[found ?? -1]?.loudMs ?? Infinity)) found = i;
  });
  return found;
}

/** The language of most speech, and its mean probability over all of it. */
function mainOf(heard: readonly HeardStretch[]): DetectedLanguage {
  const total = heard.reduce((sum, one) => sum + one.loudMs, 0);
  const shares = new Map<string, number>();
  for (const one of heard)
    for (const [language, share] of one.shares)
      shares.set(language, (shares.get(language) ?? 0) + (share * one.loudMs) / Math.max(1, total));
  return likeliest(shares);
}

/** Stretches of one language in a row as one run, from pause to pause over the whole chunk. */
function runsOf(
  heard: readonly HeardStretch[],
  durationMs: number,
): (DetectedLanguage & { startMs: number; endMs: number })[] {
  const main = mainOf(heard).language;
  const sure = heard.map(({ shares }) => {
    const best = likeliest(shares);
    if ((shares.get(main) ?? 0) >= LIKELY) return main;
    return best.probability >= BELIEVED ? best.language : null;
  });
  const runs: (DetectedLanguage & { startMs: number; endMs: number; weighted: number; loudMs: number })[] = [];
  heard.forEach((one, i) => {
    const language =
      sure[i] ??
      sure.slice(0, i).findLast((known) => known !== null) ??
      sure.slice(i).find((known) => known !== null) ??
      main;
    const weighted = (one.shares.get(language) ?? 0) * one.loudMs;
    const last = runs.at(-1);
    if (last?.language === language) {
      Object.assign(last, { endMs: one.endMs, weighted: last.weighted + weighted, loudMs: last.loudMs + one.loudMs });
      return;
    }
    const borderMs = last === undefined ? 0 : Math.round((last.endMs + one.startMs) / 2);
    if (last !== undefined) last.endMs = borderMs;
    runs.push({ language, probability: 0, startMs: borderMs, endMs: one.endMs, weighted, loudMs: one.loudMs });
  });
  const last = runs.at(-1);
  if (last !== undefined) last.endMs = durationMs;
  return runs.map(({ language, startMs, endMs, weighted, loudMs: loud }) => ({
    language,
    startMs,
    endMs,
    probability: weighted / Math.max(1, loud),
  }));
}
