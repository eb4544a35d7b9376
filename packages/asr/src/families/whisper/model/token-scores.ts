/** Terms further below the largest than this are left out: 50,000 of them together change the sum by less than one part in 10,000. */
const REACH = 20;
const STEPS = 64;

/** exp(-i / STEPS), read with linear interpolation: an error of 3e-5, four times faster than Math.exp over a vocabulary. */
const TABLE = Float64Array.from({ length: REACH * STEPS + 2 }, (_, i) => Math.exp(-i / STEPS));

/**
 * Natural logarithm of the sum of exponentials of `values[from…to-1]`, to within 1e-4.
 * @param largest their maximum
 */
export function logSumExp(values: Float32Array, from: number, to: number, largest: number): number {
  if (largest === -Infinity) return -Infinity;
  let sum = 0;
  for (let i = from; i < to; i++) {
    const below = (largest - (values[i] ?? 0)) * STEPS;
    if (below < REACH * STEPS) {
      const index = below | 0;
      const left = TABLE[index] ?? 0;
      sum += left + (below - index) * ((TABLE[index + 1] ?? 0) - left);
    }
  }
  return largest + Math.log(sum);
}

/** Index of the first largest of `values[from…to-1]`; -1 when the range is empty. */
export function indexOfLargest(values: Float32Array, from: number, to: number): number {
  let best = -1;
  let largest = -Infinity;
  for (let i = from; i < to; i++) {
    const value = values[i] ?? 0;
    if (value > largest || best < 0) {
      largest = value;
      best = i;
    }
  }
  return best;
}

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
  masked.forEach((token, i) => {
    logits[token] = saved[i] ?? 0;
  });
  return {
    bestText,
    bestTextLogprob,
    tail: logits.slice(endOfText).map((value) => value - sum),
    all: wantAll ? logits.map((value) => value - sum) : null,
  };
}
