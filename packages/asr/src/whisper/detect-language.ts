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
  const logits = await model.logitsAfter(audio, vocabulary.startOfTranscript);
  const size = logits.length / audio.rows;
  const names = [...vocabulary.languages.keys()];
  const tokens = [...vocabulary.languages.values()];
  return Array.from({ length: audio.rows }, (_, row) => {
    const scores = Float32Array.from(tokens, (token) => logits[row * size + token] ?? -Infinity);
    const best = scores.indexOf(Math.max(...scores));
    const largest = scores[best] ?? 0;
    return { language: names[best] ?? 'en', probability: Math.exp(largest - logSumExp(scores, 0, scores.length, largest)) };
  });
}
