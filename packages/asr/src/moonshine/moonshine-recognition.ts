import type { Recognition, Segment } from '@murmuration/contracts';
import { approximateWords } from './approximate-words.js';
import { decodeTokens } from './moonshine-tokens.js';
import { compressionRatio } from '../filters/compression-ratio.js';
import { applyFilters } from '../filters/apply-filters.js';
import { measureAudio, type AudioFacts } from '../filters/audio-facts.js';
import { SAMPLES_PER_MS } from './chunk-policy.js';
import type { RecognizerInput } from '../recognizer.js';

/** What the decoder made of one chunk. */
export interface Decoded {
  readonly tokens: readonly number[];
  /** Sum of the log-probabilities of all `steps` choices, the end token's among them. */
  readonly logprobSum: number;
  readonly steps: number;
}

/** A chunk without text; one that was cancelled, too. */
export function emptyRecognition(): Recognition {
  return { segments: [], filtered: [], language: LANGUAGE, languageProbability: null };
}

/** Moonshine tiny knows English only. */
const LANGUAGE = 'en';

/**
 * One segment over the whole chunk, or none where there is no text, as the filters leave it. Moonshine gives no no-speech probability (0 here), so the
 * filters judge by its sureness and the audio. It takes neither prompt nor hotwords: what was given is reported as cut.
 */
export function toRecognition(decoded: Decoded, input: RecognizerInput): Recognition {
  const audio = measureAudio(input.pcm);
  return applyFilters(unfiltered(decoded, input, audio), input.options.filter, { audio, textLanguage: LANGUAGE });
}

function unfiltered(decoded: Decoded, input: RecognizerInput, audio: AudioFacts): Recognition {
  const prompt = `${input.options.prompt}${input.options.hotwords}`.trim() === '' ? {} : { promptTrimmed: true };
  const text = decodeTokens(decoded.tokens);
  if (text === '') return { ...emptyRecognition(), ...prompt };
  const avgLogprob = decoded.logprobSum / decoded.steps;
  const confidence = Math.min(1, Math.exp(avgLogprob));
  const endMs = Math.round(input.pcm.length / SAMPLES_PER_MS);
  const segment: Segment = {
    startMs: 0, endMs, text, channel: 0, confidence, avgLogprob,
    noSpeechProb: 0, compressionRatio: compressionRatio(text), temperature: 0,
    tokens: [...decoded.tokens],
    ...(input.options.wordTimestamps ? { words: approximateWords(text, audio, confidence) } : {}),
  };
  return { ...emptyRecognition(), segments: [segment], ...prompt };
}
