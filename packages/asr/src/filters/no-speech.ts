import type { FilterOptions } from '@murmuration/contracts';

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
