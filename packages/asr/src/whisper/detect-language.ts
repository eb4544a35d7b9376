import { logSumExp } from './decoding/log-sum-exp.js';
import type { EncodedAudio, SpeechModel } from './model/speech-model.js';
import type { Vocabulary } from './model/vocabulary.js';

export interface DetectedLanguage {
  /** ISO code. */
  readonly language: string;
  /** Among all languages of the model, 0 to 1. */
  readonly probability: number;
}

/** Probability of each language of a model, 0 to 1, by its code; together 1. */
export type LanguageShares = ReadonlyMap<string, number>;

/** The likeliest language of each row: what the decoder would write after the start of the transcript, among the language tokens. */
export async function detectLanguages(model: SpeechModel, vocabulary: Vocabulary, audio: EncodedAudio): Promise<DetectedLanguage[]> {
  const rows = await model.logprobsAfter(audio, vocabulary.startOfTranscript);
  return rows.map((logprobs) => likeliest(languageShares(vocabulary, logprobs, 0)));
}

/** @param logprobs of the tokens from `firstToken` on, after the start of the transcript */
export function languageShares(vocabulary: Vocabulary, logprobs: Float32Array, firstToken: number): LanguageShares {
  const scores = Float32Array.from(vocabulary.languages.values(), (token) => logprobs[token - firstToken] ?? -Infinity);
  const largest = Math.max(...scores);
  const sum = logSumExp(scores, 0, scores.length, largest);
  return new Map([...vocabulary.languages.keys()].map((language, i) => [language, Math.exp((scores[i] ?? -Infinity) - sum)] as const));
}

export function likeliest(shares: LanguageShares): DetectedLanguage {
  let best: DetectedLanguage = { language: 'en', probability: 0 };
  for (const [language, probability] of shares) if (probability > best.probability) best = { language, probability };
  return best;
}
