import { indexOfLargest, logSumExp } from './log-sum-exp.js';
import type { Random } from './random.js';

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

/** Tokens allowed next: text from `textFrom` to the first timestamp (exclusive), times from `timeFrom` to `timeTo` (exclusive). */
interface Allowed { readonly textFrom: number; readonly timeFrom: number; readonly timeTo: number }

/**
 * Chooses the next token by the rules of the reference (openai/whisper's decoding, as transformers' Whisper logits processors do it):
 * suppressed tokens never; with timestamps, the first token is a time, times come in pairs except before the end, never decrease,
 * and a time is taken whenever all times together are likelier than any one text token.
 */
export class TokenChooser {
  readonly #rules: TokenRules;
  readonly #masked: readonly number[];
  readonly #maskedAtBegin: readonly number[];
  readonly #maskedTimed: readonly number[];
  readonly #maskedTimedAtBegin: readonly number[];
  readonly #saved: Float32Array;

  constructor(rules: TokenRules) {
    const inside = (tokens: readonly number[]): number[] => [...new Set(tokens)].filter((token) => token < rules.vocabularySize);
    this.#rules = rules;
    this.#masked = inside(rules.suppress);
    this.#maskedAtBegin = inside([...rules.suppress, ...rules.beginSuppress]);
    this.#maskedTimed = inside([...rules.suppress, rules.noTimestamps]);
    this.#maskedTimedAtBegin = inside([...rules.suppress, ...rules.beginSuppress, rules.noTimestamps]);
    this.#saved = new Float32Array(this.#maskedTimedAtBegin.length);
  }

  /**
   * @param logits the vocabulary's, of one position; changed while this runs, restored at the end
   * @param written tokens chosen before in this window
   * @param temperature 0 takes the best; more draws with `random`
   */
  choose(logits: Float32Array, written: readonly number[], timestamps: boolean, temperature: number, random: Random): Choice {
    const begin = written.length === 0;
    const masked = timestamps ? (begin ? this.#maskedTimedAtBegin : this.#maskedTimed) : begin ? this.#maskedAtBegin : this.#masked;
    let largest = -Infinity;
    for (let i = 0; i < masked.length; i++) {
      const token = masked[i] ?? 0;
      const value = logits[token] ?? 0;
      if (value > largest) largest = value;
      this.#saved[i] = value;
      logits[token] = -Infinity;
    }
    const { firstTimestamp, vocabularySize } = this.#rules;
    const allowed = timestamps ? this.#allowedWithTimes(written) : { textFrom: 0, timeFrom: firstTimestamp, timeTo: vocabularySize };
    // The one look at all text tokens: it serves the choice and the sum.
    const bestText = indexOfLargest(logits, 0, firstTimestamp);
    const token = this.#pick(logits, allowed, bestText, timestamps, temperature, random);
    largest = Math.max(largest, logits[bestText] ?? -Infinity, logits[indexOfLargest(logits, firstTimestamp, vocabularySize)] ?? -Infinity);
    for (let i = 0; i < masked.length; i++) logits[masked[i] ?? 0] = this.#saved[i] ?? 0;
    return { token, logprob: (logits[token] ?? 0) - logSumExp(logits, 0, vocabularySize, largest) };
  }

  #allowedWithTimes(written: readonly number[]): Allowed {
    const { firstTimestamp, endOfText, vocabularySize, maxInitialTimestamp } = this.#rules;
    if (written.length === 0) {
      return { textFrom: firstTimestamp, timeFrom: firstTimestamp, timeTo: maxInitialTimestamp === null ? vocabularySize : Math.min(vocabularySize, firstTimestamp + maxInitialTimestamp + 1) };
    }
    const lastIsTime = (written.at(-1) ?? 0) >= firstTimestamp;
    const secondLastIsTime = written.length < 2 || (written.at(-2) ?? 0) >= firstTimestamp;
    const lastTime = written.findLast((token) => token >= firstTimestamp) ?? firstTimestamp - 1;
    if (lastIsTime && secondLastIsTime) return { textFrom: 0, timeFrom: vocabularySize, timeTo: vocabularySize };
    if (lastIsTime) return { textFrom: endOfText, timeFrom: lastTime, timeTo: vocabularySize };
    return { textFrom: 0, timeFrom: lastTime + 1, timeTo: vocabularySize };
  }

  #pick(logits: Float32Array, allowed: Allowed, bestText: number, timestamps: boolean, temperature: number, random: Random): number {
    const { firstTimestamp } = this.#rules;
    const text = allowed.textFrom === 0 ? bestText : indexOfLargest(logits, allowed.textFrom, firstTimestamp);
    const time = indexOfLargest(logits, allowed.timeFrom, allowed.timeTo);
    const textLogit = logits[text] ?? -Infinity;
    const timeLogit = logits[time] ?? -Infinity;
    const onlyTimes = timestamps && time >= 0 && logSumExp(logits, allowed.timeFrom, allowed.timeTo, timeLogit) > textLogit;
    if (temperature > 0) return draw(logits, onlyTimes ? { ...allowed, textFrom: firstTimestamp } : allowed, firstTimestamp, temperature, random);
    return onlyTimes || timeLogit > textLogit ? time : text;
  }
}

/** Draws a token from the allowed ones in proportion to exp(logit / temperature). */
function draw(logits: Float32Array, allowed: Allowed, firstTimestamp: number, temperature: number, random: Random): number {
  const ranges = [[allowed.textFrom, firstTimestamp], [allowed.timeFrom, allowed.timeTo]] as const;
  const best = ranges.map(([from, to]) => indexOfLargest(logits, from, to)).filter((index) => index >= 0);
  const largest = Math.max(...best.map((index) => logits[index] ?? -Infinity));
  const weight = (index: number): number => Math.exp(((logits[index] ?? 0) - largest) / temperature);
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
