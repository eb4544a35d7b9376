import { indexOfLargest, logSumExp } from '../decoding/log-sum-exp.js';

/** What one position of the decoder says about the next token of one row: natural logarithms of probabilities, before anything is suppressed. */
export interface TokenScores {
  /** The likeliest text token (below the end of the text) that is not suppressed. */
  readonly bestText: number;
  readonly bestTextLogprob: number;
  /** Those of the end of the text, the special tokens and the times: the vocabulary from the end of the text on. */
  readonly tail: Float32Array;
  /** Those of the whole vocabulary, for drawing; null unless they were asked for. */
  readonly all: Float32Array | null;
}

/** Text tokens that are never written, and those not written first. All of them are below `endOfText`. */
export interface TextMask {
  readonly endOfText: number;
  readonly suppress: readonly number[];
  readonly beginSuppress: readonly number[];
}

/** The lists of the model's files as a mask: what they name of text. */
export function textMask(endOfText: number, suppress: readonly number[], beginSuppress: readonly number[]): TextMask {
  const text = (tokens: readonly number[]): number[] => [...new Set(tokens)].filter((token) => token < endOfText);
  return { endOfText, suppress: text(suppress), beginSuppress: text([...suppress, ...beginSuppress]) };
}

/**
 * Scores of a row whose logits are at hand.
 * @param logits the vocabulary's; changed while this runs, restored at the end
 * @param begin true at the first token of a text
 */
export function scoresOf(logits: Float32Array, mask: TextMask, begin: boolean, wantAll: boolean): TokenScores {
  const { endOfText } = mask;
  const masked = begin ? mask.beginSuppress : mask.suppress;
  const largest = logits[indexOfLargest(logits, 0, logits.length)] ?? 0;
  const sum = logSumExp(logits, 0, logits.length, largest);
  const saved = masked.map((token) => {
    const value = logits[token] ?? 0;
    logits[token] = -Infinity;
    return value;
  });
  const bestText = indexOfLargest(logits, 0, endOfText);
  const bestTextLogprob = (logits[bestText] ?? -Infinity) - sum;
  masked.forEach((token, i) => { logits[token] = saved[i] ?? 0; });
  return {
    bestText, bestTextLogprob,
    tail: logits.slice(endOfText).map((value) => value - sum),
    all: wantAll ? logits.map((value) => value - sum) : null,
  };
}
