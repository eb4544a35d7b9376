/** What a model says about how sure it is; logarithms are natural. */
export interface Sureness {
  /** Mean log-probability of the segment's own text tokens. */
  readonly textLogprob: number;
  /** Mean log-probability of all its window's tokens. */
  readonly windowLogprob: number;
  /** 0 to 1; 0 for a model that does not say. */
  readonly noSpeechProb: number;
}

/** How much a no-speech probability weighs against a log-probability, and up to which value it counts: beyond it adds nothing. */
const TEXT_WEIGHT = 4;
const TEXT_NO_SPEECH_CAP = 0.25;
/** Between the surest invented text (2.3) and the least sure spoken text (1.9) of the tuning set: see docs/invented-text.md. */
const TEXT_DOUBT = 2.1;
/** For a whole window, whose times are never written surely: only where the model hears rather no speech. */
const WINDOW_WEIGHT = 1.5;
const WINDOW_DOUBT = 1.9;
const WINDOW_NO_SPEECH = 0.4;

/** True when text is more likely invented than heard, though it passes the reference's silence rule. */
export function isDoubtful({ textLogprob, windowLogprob, noSpeechProb }: Sureness): boolean {
  if (TEXT_WEIGHT * Math.min(noSpeechProb, TEXT_NO_SPEECH_CAP) - textLogprob >= TEXT_DOUBT) return true;
  return noSpeechProb >= WINDOW_NO_SPEECH && WINDOW_WEIGHT * noSpeechProb - windowLogprob >= WINDOW_DOUBT;
}
