import type { Recognition } from '@murmuration/contracts';
import { MULTI } from '@murmuration/contracts/language';
import { msToSamples } from '@murmuration/contracts/audio-format';
import { measureAudio, type AudioFacts } from '../../filters/audio-facts.js';
import type { RecognizerInput } from '../../recognizer.js';
import { copyWindow, LogMelExtractor, WINDOW_AUDIO_SAMPLES, WINDOW_FRAMES } from './features/log-mel.js';
import {
  likeliest,
  mainOf,
  runsOf,
  stretchesOf,
  SURE,
  type DetectedLanguage,
  type HeardStretch,
  type LanguageShares,
  type Stretch,
} from './language-changes.js';
import type { EncodedAudio, SpeechModel } from './model/speech-model.js';
import { logSumExp } from './model/token-scores.js';
import type { Vocabulary } from './model/vocabulary.js';
import type { WhisperParts } from './whisper-parts.js';

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

const STEP_MS = 20;
const WINDOW_MS = 30_000;

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
