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

/** Splits text tokens into words, as openai/whisper does: at spaces and punctuation, or, in languages without spaces, by characters. */
export function splitWords(vocabulary: Vocabulary, tokens: readonly number[], language: string): TokenWord[] {
  const characters = wholeCharacters(vocabulary, tokens);
  if (UNSPACED.has(language)) return characters;
  const words: TokenWord[] = [];
  for (const piece of characters) {
    const last = words.at(-1);
    if (last === undefined || piece.word.startsWith(' ') || PUNCTUATION.test(piece.word.trim())) words.push(piece);
    else {
      last.word += piece.word;
      last.tokens.push(...piece.tokens);
    }
  }
  return words;
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

const OPENING = '"\'“¿([{-';
const CLOSING = '"\'.。,，!！?？:：”)]}、';

/** Joins opening punctuation to the word after it and closing punctuation to the word before it. `merge(into, from, before)` joins two neighbours. */
export function mergePunctuation<T extends TokenWord>(words: readonly T[], merge: (into: T, from: T, before: boolean) => T): T[] {
  const opened: T[] = [];
  for (const word of [...words].reverse()) {
    const next = opened.at(-1);
    if (next !== undefined && word.word.startsWith(' ') && word.word.trim() !== '' && OPENING.includes(word.word.trim())) opened[opened.length - 1] = merge(next, word, true);
    else opened.push(word);
  }
  const closed: T[] = [];
  for (const word of opened.reverse()) {
    const last = closed.at(-1);
    if (last !== undefined && !last.word.endsWith(' ') && word.word !== '' && CLOSING.includes(word.word)) closed[closed.length - 1] = merge(last, word, false);
    else closed.push(word);
  }
  return closed;
}
