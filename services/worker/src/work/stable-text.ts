import { UNSPACED_SCRIPTS, spaceBetween } from '@murmuration/contracts';

/** A partial's text and how much of its beginning is settled. */
export interface StableText {
  readonly text: string;
  /** Characters of `text` that no later partial of the utterance changes. */
  readonly stableChars: number;
}

/** How far from its own place the end of the settled words is looked for in a new hypothesis. */
const ALIGN_WORDS = 3;

/** A word with the space before it; of a script without spaces, one character with its marks and punctuation. */
const WORD = new RegExp(` ?(?:[${UNSPACED_SCRIPTS}]\\p{M}*[^\\s\\p{L}\\p{M}\\p{N}]*|[^\\s${UNSPACED_SCRIPTS}]+)`, 'gu');

/**
 * Local agreement: what two partials in a row begin with, but for the last word of either, is settled and stays as it is.
 * A hypothesis that changes it again is made to begin with it.
 * @param textBefore the partial before, or ''
 * @param stableBefore what of it was settled
 */
export function stableText(hypothesis: string, textBefore: string, stableBefore: string): StableText {
  const settled = wordsOf(stableBefore);
  const words = continued(settled, wordsOf(hypothesis));
  const before = wordsOf(textBefore);
  const most = Math.min(words.length, before.length) - 1;
  let agreed = 0;
  while (agreed < most && words[agreed] === before[agreed]) agreed++;
  const stable = words.slice(0, Math.max(agreed, settled.length)).join('');
  return { text: words.join(''), stableChars: stable.length };
}

/** The settled words, then what the hypothesis says after them. */
function continued(settled: readonly string[], words: readonly string[]): readonly string[] {
  if (settled.every((word, at) => word === words[at])) return words;
  const last = settled.at(-1);
  const places = words.flatMap((word, at) =>
    word.trim() === last?.trim() && Math.abs(at + 1 - settled.length) <= ALIGN_WORDS ? [at + 1] : [],
  );
  const after = places.sort((a, b) => Math.abs(a - settled.length) - Math.abs(b - settled.length))[0] ?? settled.length;
  const [first, ...rest] = words.slice(after);
  return first === undefined ? settled : [...settled, spaceBetween(last ?? '', first) + first.trim(), ...rest];
}

function wordsOf(text: string): string[] {
  return text.trim().replace(/\s+/gu, ' ').match(WORD) ?? [];
}
