import { logSumExp } from './decoding/log-sum-exp.js';
import type { EncodedAudio, SpeechModel } from './model/speech-model.js';
import type { Vocabulary } from './model/vocabulary.js';

export interface DetectedLanguage {
  /** ISO code. */
  readonly language: string;
  /** Among all languages of the model, 0 to 1. */
  readonly probability: number;
}

/** The likeliest language of each row: what the decoder would write after the start of the transcript, among the language tokens. */
export async function detectLanguages(model: SpeechModel, vocabulary: Vocabulary, audio: EncodedAudio): Promise<DetectedLanguage[]> {
  const rows = await model.logprobsAfter(audio, vocabulary.startOfTranscript);
  const names = [...vocabulary.languages.keys()];
  const tokens = [...vocabulary.languages.values()];
  return rows.map((logprobs) => {
    const scores = Float32Array.from(tokens, (token) => logprobs[token] ?? -Infinity);
    const best = scores.indexOf(Math.max(...scores));
    const largest = scores[best] ?? 0;
    return { language: names[best] ?? 'en', probability: Math.exp(largest - logSumExp(scores, 0, scores.length, largest)) };
  });
}
