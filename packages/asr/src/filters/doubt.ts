import type { FilterOptions } from '@murmuration/contracts';
import { loudMs, type AudioFacts } from './audio-facts.js';

/**
 * The reference's rule for silence: the model says that nobody speaks, and it is not sure of its text. Never true where the threshold is off.
 * Decides which segments `applyFilters` removes, and that such a window is not tried again at a higher temperature.
 * Source: `no_speech_threshold` and `logprob_threshold` of openai/whisper's `transcribe`.
 */
export function isNoSpeech(
  { noSpeechProb, avgLogprob }: { readonly noSpeechProb: number; readonly avgLogprob: number },
  { noSpeechThreshold, logprobThreshold }: Pick<FilterOptions, 'noSpeechThreshold' | 'logprobThreshold'>,
): boolean {
  if (noSpeechThreshold === null || noSpeechProb <= noSpeechThreshold) return false;
  return logprobThreshold === null || avgLogprob < logprobThreshold;
}

/** What a model says about how sure it is; logarithms are natural. */
export interface Sureness {
  /** Mean log-probability of the segment's own text tokens. */
  readonly textLogprob: number;
  /** Mean log-probability of all its window's tokens. */
  readonly windowLogprob: number;
  /** 0 to 1; 0 for a model that does not say. */
  readonly noSpeechProb: number;
}

/** Weight of a no-speech probability against a log-probability, and the value above which it adds nothing more. */
const TEXT_WEIGHT = 4;
const TEXT_NO_SPEECH_CAP = 0.25;
/** Between the surest invented text (2.3) and the least sure spoken text (1.9) of the tuning set: see docs/invented-text.md. */
const TEXT_DOUBT = 2.1;
/** For a whole window, whose times are never certain. It applies only where the model leans towards no speech. */
const WINDOW_WEIGHT = 1.5;
const WINDOW_DOUBT = 1.9;
const WINDOW_NO_SPEECH = 0.4;

/** True when text is more likely invented than heard, though it passes the reference's silence rule. */
export function isDoubtful({ textLogprob, windowLogprob, noSpeechProb }: Sureness): boolean {
  if (TEXT_WEIGHT * Math.min(noSpeechProb, TEXT_NO_SPEECH_CAP) - textLogprob >= TEXT_DOUBT) return true;
  return noSpeechProb >= WINDOW_NO_SPEECH && WINDOW_WEIGHT * noSpeechProb - windowLogprob >= WINDOW_DOUBT;
}

/** A last word whose least sure letters are below this is a guess, where the audio is cut off in it. */
const GUESSED_LOGPROB = -0.7;
/** The audio is cut off inside speech when this much at its end … */
const EDGE_MS = 100;
/** … is loud except for one or two frames. A word that is spoken to its end fades out. */
const LOUD_EDGE_MS = 60;
/** A model's times may be off by this much. */
const TIME_ERROR_MS = 500;

/** Letters on both sides of a hyphen or dash. */
const COMPOUND = /[\p{L}\p{N}][-\u2010-\u2015][\p{L}\p{N}]/u;

/** True when audio ends inside speech. */
export function endsInSpeech(audio: AudioFacts): boolean {
  return loudMs(audio, audio.durationMs - EDGE_MS, audio.durationMs) >= LOUD_EDGE_MS;
}

/** True when a chunk ends inside speech, where its last segment ends, and the last word there was guessed. */
export function isLastWordCut(
  { endMs, lastWordLogprob = 0 }: { readonly endMs: number; readonly lastWordLogprob?: number },
  audio: AudioFacts,
): boolean {
  return lastWordLogprob < GUESSED_LOGPROB && endMs >= audio.durationMs - TIME_ERROR_MS && endsInSpeech(audio);
}

/**
 * Log-probability of the least sure token that writes letters or digits of the last word; 0 where there is none, nothing parts words, or it is a compound.
 * @param logprobs of the tokens, in their order @param decode makes text of the first of them
 */
export function lastWordLogprob(
  tokens: readonly number[],
  logprobs: readonly number[],
  decode: (tokens: readonly number[]) => string,
): number {
  let after = decode(tokens);
  const start = after.trimEnd().lastIndexOf(' ') + 1;
  // Of a compound only the last part was guessed, and the parts before it were said.
  if (COMPOUND.test(after.slice(start))) return 0;
  let least = 0;
  for (let at = tokens.length - 1; at >= 0 && after.length > start; at--) {
    const before = decode(tokens.slice(0, at));
    if (/[\p{L}\p{N}]/u.test(after.slice(before.length))) least = Math.min(least, logprobs[at] ?? 0);
    after = before;
  }
  return least;
}
