import type { Segment } from '@murmuration/client';

/** A word as it stands in the text, and when it is said, seconds. */
export interface Token {
  readonly text: string;
  /** True where a space stands before it. */
  readonly spaced: boolean;
  readonly start: number;
  readonly end: number;
  /** 0 to 1; null where a person wrote it or nothing is known. */
  readonly probability: number | null;
}

interface Stretch {
  readonly start: number;
  readonly end: number;
}

const bare = (text: string): string => text.replace(/\s+/gu, '');

/** The words of a segment: the model's where they make up its text, else those between spaces, by their share of the time. */
export function tokensOf({ text, start, end, words = [] }: Segment): Token[] {
  if (words.length > 0 && bare(words.map(({ word }) => word).join('')) === bare(text)) {
    let at = 0;
    return words.map(({ word, ...rest }) => {
      const found = text.indexOf(word.trim(), at);
      const spaced = found > 0 && /\s/u.test(text.charAt(found - 1));
      at = Math.max(at, found + word.trim().length);
      return { text: word.trim(), spaced, start: rest.start, end: rest.end, probability: rest.probability };
    });
  }
  return spread(split(text), { start, end });
}

export function textOf(tokens: readonly Token[]): string {
  return tokens.map(({ text, spaced }, i) => (spaced && i > 0 ? ` ${text}` : text)).join('');
}

/** The words of a changed text: those that stayed keep their times, the others share what lies between. */
export function retimed(before: readonly Token[], text: string, whole: Stretch): Token[] {
  const words = split(text);
  const kept = commonWords(
    before.map((token) => keyOf(token.text)),
    words.map(keyOf),
  );
  const tokens: Token[] = [];
  let from = whole.start;
  for (let i = 0; i < words.length;) {
    const match = kept.get(i);
    const old = match === undefined ? undefined : before[match];
    if (old !== undefined) {
      tokens.push({
        ...old,
        text: words[i] ?? '',
        spaced: i > 0,
        probability: words[i] === old.text ? old.probability : null,
      });
      from = old.end;
      i++;
      continue;
    }
    let next = i;
    while (next < words.length && !kept.has(next)) next++;
    const after = before[kept.get(next) ?? -1];
    tokens.push(
      ...spread(words.slice(i, next), { start: from, end: Math.max(from, after?.start ?? whole.end) }, i > 0),
    );
    i = next;
  }
  return tokens;
}

function split(text: string): string[] {
  return text.trim() === '' ? [] : text.trim().split(/\s+/u);
}

function keyOf(word: string): string {
  return word.toLowerCase().replace(/[^\p{L}\p{N}\p{M}]/gu, '');
}

function spread(words: readonly string[], { start, end }: Stretch, isSpaced = false): Token[] {
  const letters = words.reduce((sum, word) => sum + word.length, 0);
  let passed = 0;
  return words.map((text, i) => {
    const from = start + ((end - start) * passed) / Math.max(1, letters);
    passed += text.length;
    const until = start + ((end - start) * passed) / Math.max(1, letters);
    return { text, spaced: isSpaced || i > 0, start: from, end: until, probability: null };
  });
}

/** The longest common subsequence: index in `after` -> index in `before`. */
function commonWords(before: readonly string[], after: readonly string[]): Map<number, number> {
  const width = after.length + 1;
  const length = new Uint16Array((before.length + 1) * width);
  const at = (i: number, j: number): number => length[i * width + j] ?? 0;
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      length[i * width + j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const pairs = new Map<number, number>();
  for (let i = 0, j = 0; i < before.length && j < after.length;) {
    if (before[i] === after[j]) pairs.set(j++, i++);
    else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  }
  return pairs;
}
