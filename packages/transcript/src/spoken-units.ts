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
    const key = match[0].normalize('NFKC').toLowerCase().replace(/[^\p{L}\p{N}\p{M}]/gu, '');
    if (key !== '') units.push({ key, start: match.index, end: match.index + match[0].length });
  }
  return units;
}

/** True when the unit is one character of a script without spaces between words. */
export function isUnspaced(key: string): boolean {
  return UNSPACED.test(key);
}
