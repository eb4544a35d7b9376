import type { Recognition } from '@murmuration/contracts';
import { decodeTokens } from './moonshine-tokens.js';
import { wordsByAttention, type Decoded } from './words-by-attention.js';
import { compressionRatio } from '../filters/compression-ratio.js';
import { applyFilters, type JudgedSegment } from '../filters/apply-filters.js';
import { lastWordLogprob } from '../filters/cut-word.js';
import { measureAudio, type AudioFacts } from '../filters/audio-facts.js';
import { followSpeech } from '../segments/follow-speech.js';
import { SAMPLES_PER_MS } from './chunk-policy.js';
import type { RecognizerInput } from '../recognizer.js';

/** A chunk without text; one that was cancelled, too. */
export function emptyRecognition(): Recognition {
  return { segments: [], filtered: [], language: LANGUAGE, languageProbability: null };
}

/** Moonshine tiny knows English only. */
const LANGUAGE = 'en';

/**
 * The chunk's text as the filters leave it, divided where the speech pauses and sentences end. Moonshine gives no no-speech probability (0 here), so the
 * filters judge by its sureness and the audio. It takes neither prompt nor hotwords: what was given is reported as cut.
 */
export function toRecognition(decoded: Decoded, input: RecognizerInput): Recognition {
  const audio = measureAudio(input.pcm);
  const recognition = applyFilters(unfiltered(decoded, input, audio), input.options.filter, { audio, textLanguage: LANGUAGE });
  const segments = followSpeech(recognition.segments, { audio, detected: input.speech ?? null, decode: decodeTokens });
  const divided = segments.length > recognition.segments.length;
  return { ...recognition, segments: segments.map(({ words, ...segment }) => ({
    ...segment,
    ...(divided ? { avgLogprob: Math.log(segment.confidence) } : {}),
    ...(words === undefined || !input.options.wordTimestamps ? {} : { words: words.map((word) => ({ ...word, approximate: true })) }),
  })) };
}

function unfiltered(decoded: Decoded, input: RecognizerInput, audio: AudioFacts): Recognition & { readonly segments: readonly JudgedSegment[] } {
  const prompt = `${input.options.prompt}${input.options.hotwords}`.trim() === '' ? {} : { promptTrimmed: true };
  const text = decodeTokens(decoded.tokens);
  if (text === '') return { ...emptyRecognition(), ...prompt };
  const avgLogprob = decoded.logprobs.reduce((sum, one) => sum + one, 0) / decoded.logprobs.length;
  const endMs = Math.round(input.pcm.length / SAMPLES_PER_MS);
  const segment: JudgedSegment = {
    startMs: 0, endMs, text, channel: 0, confidence: Math.min(1, Math.exp(avgLogprob)), avgLogprob,
    noSpeechProb: 0, compressionRatio: compressionRatio(text), temperature: 0,
    tokens: [...decoded.tokens],
    lastWordLogprob: lastWordLogprob(decoded.tokens, decoded.logprobs, decodeTokens),
    ...(input.options.wordTimestamps || input.speech !== undefined ? { words: wordsByAttention(decoded, text, audio) } : {}),
  };
  return { ...emptyRecognition(), segments: [segment], ...prompt };
}
