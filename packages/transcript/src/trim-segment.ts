import type { Segment } from '@murmuration/contracts';
import { spokenUnits } from './spoken-units.js';

/** The segment without its first `count` units, or null when nothing is left. Its token ids stay as they were recognised. */
export function dropHead(segment: Segment, count: number): Segment | null {
  if (count === 0) return segment;
  const first = spokenUnits(segment.text)[count];
  if (first === undefined) return null;
  const text = segment.text.slice(first.start);
  const words = segment.words === undefined ? undefined : lastLetters(segment.words, lettersIn(text));
  return { ...segment, text, startMs: words?.[0]?.startMs ?? segment.startMs, ...(words === undefined ? {} : { words }) };
}

/** The segment without its last `count` units, or null when nothing is left. Token ids stay. `closing` takes the place of the punctuation behind the last unit kept, when it is given. */
export function dropTail(segment: Segment, count: number, closing: string | null): Segment | null {
  if (count === 0 && closing === null) return segment;
  const units = spokenUnits(segment.text);
  const last = units[units.length - 1 - count];
  if (last === undefined) return null;
  const kept = segment.text.slice(0, last.end);
  const text = closing === null ? kept : kept.replace(/[^\p{L}\p{N}\p{M}]+$/u, '') + closing;
  if (segment.words === undefined) return { ...segment, text };
  const words = firstLetters(segment.words, lettersIn(kept));
  return { ...segment, text, words, endMs: words.at(-1)?.endMs ?? segment.endMs };
}

/** The punctuation behind a unit of the text. */
export function closingOf(text: string, unit: number): string {
  const found = spokenUnits(text)[unit];
  if (found === undefined) return '';
  return /[^\p{L}\p{N}\p{M}]*$/u.exec(text.slice(found.start, found.end))?.[0] ?? '';
}

// Words are matched to text by counting letters, for a model's words need not be the units of `spokenUnits`.
type Words = NonNullable<Segment['words']>;

function lettersIn(text: string): number {
  return text.replace(/\s+/g, '').length;
}

function firstLetters(words: Words, letters: number): Words {
  let seen = 0;
  return words.filter((word) => {
    const kept = seen < letters;
    seen += lettersIn(word.word);
    return kept;
  });
}

function lastLetters(words: Words, letters: number): Words {
  return firstLetters([...words].reverse(), letters).reverse();
}
