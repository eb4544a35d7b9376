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

/** Which tokens from the end of the text on may come next in a row: special ones below `endTo`, times from `timeFrom` on and below `timeTo`. */
export interface TailLimits {
  readonly endTo: number;
  readonly timeFrom: number;
  readonly timeTo: number;
}

/** What a token is chosen from: the likeliest of each kind that may come next. A log-probability of minus infinity: there is none. */
export interface StepScores extends Omit<TokenScores, 'tail'> {
  /** The end of the text, or a special token. */
  readonly bestEnd: number;
  readonly bestEndLogprob: number;
  readonly bestTime: number;
  readonly bestTimeLogprob: number;
  /** Of all times together. */
  readonly timesLogprob: number;
}

/** Tokens that are never written, and those not written first. */
export interface TokenMask {
  readonly endOfText: number;
  /** Text: below `endOfText`. */
  readonly suppress: readonly number[];
  readonly beginSuppress: readonly number[];
  /** From `endOfText` on. */
  readonly suppressTail: readonly number[];
  readonly beginSuppressTail: readonly number[];
}

/** The lists of the model's files as a mask. */
export function tokenMask(endOfText: number, suppress: readonly number[], beginSuppress: readonly number[]): TokenMask {
  const always = [...new Set(suppress)];
  const first = [...new Set([...suppress, ...beginSuppress])];
  const isText = (token: number): boolean => token < endOfText;
  const isTail = (token: number): boolean => token >= endOfText;
  return {
    endOfText,
    suppress: always.filter(isText),
    beginSuppress: first.filter(isText),
    suppressTail: always.filter(isTail),
    beginSuppressTail: first.filter(isTail),
  };
}

/** What may come next out of all scores of a position. @param begin true at the first token of a text */
export function withinLimits(
  { tail, ...scores }: TokenScores,
  { endTo, timeFrom, timeTo }: TailLimits,
  { endOfText, suppressTail, beginSuppressTail }: TokenMask,
  begin: boolean,
): StepScores {
  const open = tail.slice();
  for (const token of begin ? beginSuppressTail : suppressTail) open[token - endOfText] = -Infinity;
  const end = indexOfLargest(open, 0, endTo - endOfText);
  const time = indexOfLargest(open, timeFrom - endOfText, timeTo - endOfText);
  const bestTimeLogprob = open[time] ?? -Infinity;
  return {
    ...scores,
    bestEnd: endOfText + end,
    bestEndLogprob: open[end] ?? -Infinity,
    bestTime: endOfText + time,
    bestTimeLogprob,
    timesLogprob: logSumExp(open, timeFrom - endOfText, timeTo - endOfText, bestTimeLogprob),
  };
}

/**
 * Scores of a row whose logits are at hand.
 * @param logits the vocabulary's; changed while this runs, restored at the end
 * @param begin true at the first token of a text
 */
export function scoresOf(logits: Float32Array, mask: TokenMask, begin: boolean, wantAll: boolean): TokenScores {
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
