import { isMarks, joinMarks } from '../../../words/join-marks.js';
import type { Vocabulary } from '../model/vocabulary.js';

/** A word and the tokens that spell it. */
export interface TokenWord {
  /** As decoded: with its space before and its punctuation. */
  word: string;
  /** Tokens it is made of. */
  tokens: number[];
}

/** Languages written without spaces between words: there each character is a word. (openai/whisper leaves out Khmer and Tibetan: whole phrases are words there.) */
const UNSPACED: ReadonlySet<string> = new Set(['zh', 'ja', 'th', 'lo', 'my', 'yue', 'km', 'bo']);
const PUNCTUATION = /^[!-/:-@[-`{-~]*$/;
const REPLACEMENT = '\uFFFD';

/** Splits text tokens into the pieces that get times, as openai/whisper does: at spaces and punctuation, or, in languages without spaces, by characters. */
export function splitPieces(vocabulary: Vocabulary, tokens: readonly number[], language: string): TokenWord[] {
  const characters = wholeCharacters(vocabulary, tokens);
  if (UNSPACED.has(language)) return characters;
  const pieces: TokenWord[] = [];
  for (const piece of characters) {
    const last = pieces.at(-1);
    if (last === undefined || piece.word.startsWith(' ') || PUNCTUATION.test(piece.word.trim())) pieces.push(piece);
    else {
      last.word += piece.word;
      last.tokens.push(...piece.tokens);
    }
  }
  return pieces;
}

/** The smallest runs of tokens that end where a character ends. */
function wholeCharacters(vocabulary: Vocabulary, tokens: readonly number[]): TokenWord[] {
  const whole = vocabulary.decode(tokens);
  const pieces: TokenWord[] = [];
  let pending: number[] = [];
  let offset = 0;
  for (const token of tokens) {
    pending.push(token);
    const text = vocabulary.decode(pending);
    const broken = text.indexOf(REPLACEMENT);
    // A replacement character that the whole text has at the same place is what the model wrote, not a cut.
    if (broken >= 0 && whole[offset + broken] !== REPLACEMENT) continue;
    pieces.push({ word: text, tokens: pending });
    offset += text.length;
    pending = [];
  }
  if (pending.length > 0) pieces.push({ word: vocabulary.decode(pending), tokens: pending });
  return pieces;
}

/**
 * Joins the pieces of one segment to words. Where a language has spaces, a word goes from one to the next, its punctuation included (`"yes,"`, `3.5`);
 * marks that stand by themselves join a neighbour. `merge(into, from, before)` joins two neighbours.
 */
export function joinPieces<T extends TokenWord>(
  pieces: readonly T[],
  language: string,
  merge: (into: T, from: T, before: boolean) => T,
): T[] {
  if (UNSPACED.has(language)) return joinMarks(pieces, merge);
  const words: T[] = [];
  for (const piece of pieces) {
    const last = words.at(-1);
    if (last === undefined || /^\s/u.test(piece.word)) words.push(piece);
    else words[words.length - 1] = isMarks(last.word) ? merge(piece, last, true) : merge(last, piece, false);
  }
  return joinMarks(words, merge);
}
