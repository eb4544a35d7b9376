import { UNSPACED_SCRIPTS } from '@murmuration/contracts';

/** A word, or one character of a script that writes without spaces, with its place in the text. */
export interface SpokenUnit {
  /** What is compared: lower case, without punctuation; never empty. */
  readonly key: string;
  /** Where it begins in the text; punctuation around it counts to it. */
  readonly start: number;
  readonly end: number;
}

const UNSPACED = new RegExp(`[${UNSPACED_SCRIPTS}]`, 'u');
const UNIT = new RegExp(`[${UNSPACED_SCRIPTS}]\\p{M}*[^\\s\\p{L}\\p{N}]*|[^\\s${UNSPACED_SCRIPTS}]+`, 'gu');

/** The units of a text in order. Marks that stand alone (a dash, an ellipsis) are no units. */
export function spokenUnits(text: string): SpokenUnit[] {
  const units: SpokenUnit[] = [];
  for (const match of text.matchAll(UNIT)) {
    const key = match[0]
      .normalize('NFKC')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}]/gu, '');
    if (key !== '') units.push({ key, start: match.index, end: match.index + match[0].length });
  }
  return units;
}

/** True when the unit is one character of a script without spaces between words. */
export function isUnspaced(key: string): boolean {
  return UNSPACED.test(key);
}

/** How many units fall away so that nothing is said twice: at the end of the text before, at the beginning of the text after. */
export interface OverlapCut {
  readonly dropBefore: number;
  readonly dropAfter: number;
  /** True when the last kept unit of the text before is the last dropped one of the text after. */
  readonly met: boolean;
}

/** Units that may be said in a second of overlap, and two for the halves at its ends. Fast speech has 5 words a second. */
const UNITS_A_SECOND = 6;
const NONE: OverlapCut = { dropBefore: 0, dropAfter: 0, met: false };
const SAME = 2;
const ALIKE = 1;
const OTHER = -1;

/**
 * Finds what the end of `before` and the beginning of `after` both say, given that `overlapMs` of sound lie in both.
 * Local alignment over the units that fit into the overlap: units score when equal or one letter apart, all else costs.
 * Units of `before` after the last meeting point and of `after` before it are halves heard at a cut: they fall away.
 */
export function findOverlap(before: readonly string[], after: readonly string[], overlapMs: number): OverlapCut {
  const reach = Math.ceil((overlapMs / 1000) * UNITS_A_SECOND) + 2;
  const tail = before.slice(-reach);
  const head = after.slice(0, reach);
  const best = bestMeeting(tail, head);
  return best ?? halfWord(tail.at(-1), head[0]);
}

interface Cell {
  readonly score: number;
  /** Unit of the head at which the alignment begins. */
  readonly from: number;
}

/** The best alignment that ends on equal units, or null when none is worth a cut. */
function bestMeeting(tail: readonly string[], head: readonly string[]): OverlapCut | null {
  let above: Cell[] = [];
  let bestWorth = 0;
  let best: OverlapCut | null = null;
  for (const [row, left] of tail.entries()) {
    const line: Cell[] = [];
    for (const [column, right] of head.entries()) {
      const likeness = compare(left, right);
      const cell = better(
        column,
        [
          [above[column - 1], likeness],
          [above[column], OTHER],
          [line[column - 1], OTHER],
        ],
        likeness,
      );
      line.push(cell);
      const dropBefore = tail.length - 1 - row;
      // One half of a word may be left over on either side of a cut. More costs as much as units that differ: a lone "the" far from the ends is chance.
      const worth = cell.score - Math.max(0, dropBefore - 1) - Math.max(0, cell.from - 1);
      if (likeness === SAME && worth > 0 && worth >= bestWorth) {
        bestWorth = worth;
        best = { dropBefore, dropAfter: column + 1, met: true };
      }
    }
    above = line;
  }
  return best;
}

/** The best way into a cell: from a neighbour, or an alignment that begins here. */
function better(column: number, ways: readonly (readonly [Cell | undefined, number])[], alone: number): Cell {
  let found: Cell = alone > 0 ? { score: alone, from: column } : { score: 0, from: column + 1 };
  for (const [cell, gain] of ways) {
    if (cell !== undefined && cell.score > 0 && cell.score + gain > found.score)
      found = { score: cell.score + gain, from: cell.from };
  }
  return found;
}

/** The cut went through one word, and each side heard a part of it. */
function halfWord(last: string | undefined, first: string | undefined): OverlapCut {
  if (last === undefined || first === undefined || last.length < 2 || first.length < 2) return NONE;
  if (first.startsWith(last)) return { dropBefore: 1, dropAfter: 0, met: false };
  if (last.endsWith(first) || compare(last, first) === ALIKE) return { dropBefore: 0, dropAfter: 1, met: false };
  return NONE;
}

function compare(left: string, right: string): number {
  if (left === right) return SAME;
  return oneEditApart(left, right) ? ALIKE : OTHER;
}

/** Words of four letters and more that differ by one inserted, left out or changed letter. */
function oneEditApart(left: string, right: string): boolean {
  const [short, long] = left.length <= right.length ? [left, right] : [right, left];
  if (short.length < 4 || long.length - short.length > 1 || isUnspaced(short)) return false;
  let common = 0;
  while (common < short.length && short[common] === long[common]) common += 1;
  return short.length === long.length
    ? short.slice(common + 1) === long.slice(common + 1)
    : short.slice(common) === long.slice(common + 1);
}
