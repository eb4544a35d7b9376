import { deflateSync } from 'node:zlib';

/** From this code point on characters are ideographs, kana and syllables. Each carries as much as three letters, so they keep their bytes. */
const FIRST_IDEOGRAPH = 0x2e80;

/** Bytes of the text divided by its bytes after zlib, as openai/whisper measures it: ordinary speech is below 2, a loop above 2.4. 0 for no text. */
export function compressionRatio(text: string): number {
  const bytes = Buffer.from(text.trim());
  return bytes.length === 0 ? 0 : bytes.length / deflateSync(bytes).length;
}

/**
 * How much a text repeats itself: its compression ratio with a byte a letter in every alphabet, so that one threshold fits all. In UTF-8 most alphabets
 * have two or three bytes a letter, of which the first are always the same: ordinary sentences of Georgian, Burmese, Tamil, Bengali, Hindi or Thai
 * compress by 2.7 to 3.3 there, as loops of English do.
 */
export function repetitiveness(text: string): number {
  const bytes = Buffer.from(
    Array.from(text.trim()).flatMap((character) => {
      const code = character.codePointAt(0) ?? 0;
      if (code < 0x80) return [code];
      return code < FIRST_IDEOGRAPH ? [0x80 | (code & 0x7f)] : [...Buffer.from(character)];
    }),
  );
  return bytes.length === 0 ? 0 : bytes.length / deflateSync(bytes).length;
}

/** How often a run of this many words must repeat in a row to be a loop. People do say "no, no, no, no". */
const LOOP_TIMES: readonly number[] = [8, 5, 4, 4, 4, 4, 4, 4];
/** A run of up to three characters that stands so often in a row. */
const CHARACTER_LOOP = /(.{1,3}?)\1{11,}/gsu;
/** Of a text with less left than this share after its loops are cut, nothing was speech. */
const REST_SHARE = 0.2;

/** A word's place in its text. */
interface Place {
  readonly word: string;
  readonly from: number;
  readonly to: number;
}

export interface LoopCut {
  /** The text with each loop said once; '' when nothing but loops was in it. */
  readonly text: string;
  /** What was cut away; '' when there was no loop. */
  readonly removed: string;
  /** Indices of the words (split at spaces) that stay. */
  readonly keptWords: readonly number[];
}

/** True for a text that is hardly more than a few characters over and over ("Aaaaaaaa…"): nobody says that. */
export function isCharacterLoop(text: string): boolean {
  const bareText = text.replace(/\s+/gu, '');
  return bareText.replace(CHARACTER_LOOP, '$1').length < REST_SHARE * bareText.length;
}

/** Cuts loops of words down to one turn. */
export function cutLoops(text: string): LoopCut {
  const words = [...text.matchAll(/\S+/gu)].map((match): Place => ({
    word: bare(match[0]),
    from: match.index,
    to: match.index + match[0].length,
  }));
  const all = words.map((_, index) => index);
  const kept = all.filter(keepsAfterLoops(words));
  if (kept.length === words.length) return { text, removed: '', keptWords: all };
  if (kept.length < REST_SHARE * words.length && kept.length <= 2) return { text: '', removed: text, keptWords: [] };
  const part = (indices: readonly number[]): string =>
    indices.map((index) => text.slice(words[index]?.from, words[index]?.to)).join(' ');
  const lead = /^\s*/u.exec(text)?.[0] ?? '';
  return { text: lead + part(kept), removed: part(all.filter((index) => !kept.includes(index))), keptWords: kept };
}

/** True for the words that stay when every loop is cut to its first turn. */
function keepsAfterLoops(words: readonly Place[]): (index: number) => boolean {
  const dropped = new Set<number>();
  for (let i = 0; i < words.length;) {
    const loop = loopAt(words, i);
    if (loop === null) {
      i++;
      continue;
    }
    for (let k = i + loop.length; k < i + loop.length * loop.times; k++) dropped.add(k);
    i += loop.length * loop.times;
  }
  return (index) => !dropped.has(index);
}

function loopAt(words: readonly Place[], start: number): { length: number; times: number } | null {
  for (const [i, least] of LOOP_TIMES.entries()) {
    const length = i + 1;
    let end = start + length;
    while (end < words.length && words[end]?.word === words[end - length]?.word) end++;
    const times = Math.floor((end - start) / length);
    if (times >= least) return { length, times };
  }
  return null;
}

/** True when text compresses so well that it must repeat itself. */
export function isTooRepetitive(text: string, threshold: number | null): boolean {
  return threshold !== null && repetitiveness(text) > threshold;
}

/** Segments in a row with the same words: a loop from four on, or from three when they have three words or more. Returns the indices to drop: all but the first of each run. */
export function repeatedSegments(texts: readonly string[]): Set<number> {
  const normal = texts.map((text) => [...text.matchAll(/\S+/gu)].map((match) => bare(match[0])).join(' '));
  const dropped = new Set<number>();
  for (let i = 0; i < normal.length;) {
    let end = i + 1;
    while (end < normal.length && normal[end] === normal[i]) end++;
    const least = (normal[i] ?? '').split(' ').length >= 3 ? 3 : 4;
    if (end - i >= least) for (let k = i + 1; k < end; k++) dropped.add(k);
    i = end;
  }
  return dropped;
}

function bare(word: string): string {
  return word.toLowerCase().replace(/[^\p{L}\p{M}\p{N}]/gu, '');
}
