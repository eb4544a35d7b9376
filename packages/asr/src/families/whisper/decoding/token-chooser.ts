import { indexOfLargest, logSumExp, type TokenScores } from '../model/token-scores.js';

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

/** Tokens allowed next: text when `text`, the end and special tokens when `ends`, times from `timeFrom` to `timeTo` (exclusive). */
interface Allowed {
  readonly text: boolean;
  readonly ends: boolean;
  readonly timeFrom: number;
  readonly timeTo: number;
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

  /**
   * @param scores of the position; text that is suppressed is left out of `bestText` already
   * @param written tokens chosen before in this window
   * @param temperature 0 takes the best; more draws with `random`, and needs `scores.all`
   */
  choose(
    scores: TokenScores,
    written: readonly number[],
    timestamps: boolean,
    temperature: number,
    random: Random,
  ): Choice {
    const { endOfText, firstTimestamp, vocabularySize } = this.#rules;
    const allowed = timestamps
      ? this.#allowedWithTimes(written)
      : { text: true, ends: true, timeFrom: firstTimestamp, timeTo: vocabularySize };
    const masked = this.#maskedNow(timestamps, written.length === 0);
    const tail = scores.tail.slice();
    for (const token of masked) if (token >= endOfText) tail[token - endOfText] = -Infinity;
    const end = allowed.ends ? indexOfLargest(tail, 0, firstTimestamp - endOfText) : -1;
    const endLogprob = tail[end] ?? -Infinity;
    const textLogprob = allowed.text ? scores.bestTextLogprob : -Infinity;
    const time = indexOfLargest(tail, allowed.timeFrom - endOfText, allowed.timeTo - endOfText);
    const timeLogprob = tail[time] ?? -Infinity;
    const best = Math.max(textLogprob, endLogprob);
    const onlyTimes =
      timestamps &&
      time >= 0 &&
      logSumExp(tail, allowed.timeFrom - endOfText, allowed.timeTo - endOfText, timeLogprob) > best;
    if (temperature > 0 && scores.all !== null) {
      const token = this.#draw(
        scores.all,
        masked,
        onlyTimes ? { ...allowed, text: false, ends: false } : allowed,
        temperature,
        random,
      );
      return { token, logprob: scores.all[token] ?? -Infinity };
    }
    if (onlyTimes || timeLogprob > best) return { token: endOfText + time, logprob: timeLogprob };
    return endLogprob > textLogprob
      ? { token: endOfText + end, logprob: endLogprob }
      : { token: scores.bestText, logprob: scores.bestTextLogprob };
  }

  #maskedNow(timestamps: boolean, begin: boolean): readonly number[] {
    const masked = begin ? this.#maskedAtBegin : this.#masked;
    return timestamps ? [...masked, this.#rules.noTimestamps] : masked;
  }

  #allowedWithTimes(written: readonly number[]): Allowed {
    const { firstTimestamp, vocabularySize, maxInitialTimestamp } = this.#rules;
    if (written.length === 0) {
      return {
        text: false,
        ends: false,
        timeFrom: firstTimestamp,
        timeTo:
          maxInitialTimestamp === null
            ? vocabularySize
            : Math.min(vocabularySize, firstTimestamp + maxInitialTimestamp + 1),
      };
    }
    const lastIsTime = (written.at(-1) ?? 0) >= firstTimestamp;
    const secondLastIsTime = written.length < 2 || (written.at(-2) ?? 0) >= firstTimestamp;
    const lastTime = written.findLast((token) => token >= firstTimestamp) ?? firstTimestamp - 1;
    if (lastIsTime && secondLastIsTime)
      return { text: true, ends: true, timeFrom: vocabularySize, timeTo: vocabularySize };
    if (lastIsTime) return { text: false, ends: true, timeFrom: lastTime, timeTo: vocabularySize };
    return { text: true, ends: true, timeFrom: lastTime + 1, timeTo: vocabularySize };
  }

  /** Draws a token from the allowed ones in proportion to its probability to the power of 1 / temperature. */
  #draw(all: Float32Array, masked: readonly number[], allowed: Allowed, temperature: number, random: Random): number {
    const { endOfText, firstTimestamp } = this.#rules;
    const open = all.slice();
    for (const token of masked) open[token] = -Infinity;
    const ranges = [
      [0, allowed.text ? endOfText : 0],
      [endOfText, allowed.ends ? firstTimestamp : endOfText],
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
