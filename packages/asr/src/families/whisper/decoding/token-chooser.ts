import { indexOfLargest, type StepScores, type TailLimits } from '../model/token-scores.js';

/** A source of numbers in [0, 1). */
export type Random = () => number;

/** Repeatable numbers from a seed: the generator mulberry32 (public domain, Tommy Ettinger). Good enough to draw tokens, not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Tokens that the rules need, and what the model's files suppress. */
export interface TokenRules {
  readonly endOfText: number;
  /** The token before the times. */
  readonly noTimestamps: number;
  readonly firstTimestamp: number;
  readonly vocabularySize: number;
  readonly suppress: readonly number[];
  /** Suppressed as the first token only. */
  readonly beginSuppress: readonly number[];
  /** The first time may be at most this many steps of 20 ms; null: no limit. */
  readonly maxInitialTimestamp: number | null;
}

export interface Choice {
  readonly token: number;
  /** Before anything was suppressed. */
  readonly logprob: number;
}

/** Tokens allowed next in a row. */
export interface Allowed extends TailLimits {
  readonly text: boolean;
  /** True where a time is taken when all times together are likelier than any other token. */
  readonly timesTogether: boolean;
  /** True at the first token of a text. */
  readonly begin: boolean;
}

/**
 * Chooses the next token by the rules of the reference (openai/whisper's decoding, as transformers' Whisper logits processors do it):
 * suppressed tokens never; with timestamps, the first token is a time, times come in pairs except before the end, never decrease,
 * and a time is taken whenever all times together are likelier than any one text token.
 */
export class TokenChooser {
  readonly #rules: TokenRules;
  readonly #masked: readonly number[];
  readonly #maskedAtBegin: readonly number[];

  constructor(rules: TokenRules) {
    const inside = (tokens: readonly number[]): number[] =>
      [...new Set(tokens)].filter((token) => token < rules.vocabularySize);
    this.#rules = rules;
    this.#masked = inside(rules.suppress);
    this.#maskedAtBegin = inside([...rules.suppress, ...rules.beginSuppress]);
  }

  /** What may follow. @param written tokens chosen before in this window */
  allowedAfter(written: readonly number[], timestamps: boolean): Allowed {
    const { endOfText, noTimestamps, firstTimestamp, vocabularySize, maxInitialTimestamp } = this.#rules;
    const begin = written.length === 0;
    if (!timestamps)
      return {
        text: true,
        endTo: firstTimestamp,
        timeFrom: firstTimestamp,
        timeTo: vocabularySize,
        timesTogether: false,
        begin,
      };
    const allowed = (text: boolean, ends: boolean, timeFrom: number, timeTo = vocabularySize): Allowed => ({
      text,
      // "No timestamps" is never written among them.
      endTo: ends ? noTimestamps : endOfText,
      timeFrom,
      timeTo,
      timesTogether: true,
      begin,
    });
    if (begin) {
      const to = maxInitialTimestamp === null ? vocabularySize : firstTimestamp + maxInitialTimestamp + 1;
      return allowed(false, false, firstTimestamp, Math.min(vocabularySize, to));
    }
    const lastIsTime = (written.at(-1) ?? 0) >= firstTimestamp;
    const secondLastIsTime = written.length < 2 || (written.at(-2) ?? 0) >= firstTimestamp;
    const lastTime = written.findLast((token) => token >= firstTimestamp) ?? firstTimestamp - 1;
    if (lastIsTime && secondLastIsTime) return allowed(true, true, vocabularySize);
    if (lastIsTime) return allowed(false, true, lastTime);
    return allowed(true, true, lastTime + 1);
  }

  /**
   * @param scores of the position; what is suppressed or not allowed is left out already
   * @param temperature 0 takes the best; more draws with `random`, and needs `scores.all`
   */
  choose(scores: StepScores, allowed: Allowed, temperature: number, random: Random): Choice {
    const { bestEndLogprob, bestTimeLogprob } = scores;
    const textLogprob = allowed.text ? scores.bestTextLogprob : -Infinity;
    const best = Math.max(textLogprob, bestEndLogprob);
    const onlyTimes = allowed.timesTogether && allowed.timeFrom < allowed.timeTo && scores.timesLogprob > best;
    if (temperature > 0 && scores.all !== null) {
      const open = onlyTimes ? { ...allowed, text: false, endTo: this.#rules.endOfText } : allowed;
      const token = this.#draw(scores.all, open, temperature, random);
      return { token, logprob: scores.all[token] ?? -Infinity };
    }
    if (onlyTimes || bestTimeLogprob > best) return { token: scores.bestTime, logprob: bestTimeLogprob };
    return bestEndLogprob > textLogprob
      ? { token: scores.bestEnd, logprob: bestEndLogprob }
      : { token: scores.bestText, logprob: scores.bestTextLogprob };
  }

  /** Draws a token from the allowed ones in proportion to its probability to the power of 1 / temperature. */
  #draw(all: Float32Array, allowed: Allowed, temperature: number, random: Random): number {
    const { endOfText } = this.#rules;
    const open = all.slice();
    for (const token of allowed.begin ? this.#maskedAtBegin : this.#masked) open[token] = -Infinity;
    const ranges = [
      [0, allowed.text ? endOfText : 0],
      [endOfText, allowed.endTo],
      [allowed.timeFrom, allowed.timeTo],
    ] as const;
    const best = ranges.map(([from, to]) => indexOfLargest(open, from, to)).filter((index) => index >= 0);
    const largest = Math.max(...best.map((index) => open[index] ?? -Infinity));
    const weight = (index: number): number => Math.exp(((open[index] ?? 0) - largest) / temperature);
    let sum = 0;
    for (const [from, to] of ranges) for (let i = from; i < to; i++) sum += weight(i);
    let rest = random() * sum;
    let drawn = best[0] ?? 0;
    for (const [from, to] of ranges) {
      for (let i = from; i < to; i++) {
        const share = weight(i);
        if (share === 0) continue;
        drawn = i;
        rest -= share;
        if (rest < 0) return drawn;
      }
    }
    return drawn;
  }
}
