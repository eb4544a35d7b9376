import { endsSentence, spaceBetween, UNSPACED_SCRIPTS, type Segment } from '@murmuration/contracts';

/** Full-width and wide characters of UAX #11, as far as text has them: ideographs, kana, Hangul, full-width forms, emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const NARROW = /^[\x20-\x7e]*$/;
const WITHOUT_WIDTH = /[\p{M}\p{Cf}]/u;

/** Columns that a text takes on a screen: 2 for a wide character, none for a mark over another. */
export function displayWidth(text: string): number {
  if (NARROW.test(text)) return text.length;
  let width = 0;
  for (const character of text) if (!WITHOUT_WIDTH.test(character)) width += WIDE.test(character) ? 2 : 1;
  return width;
}

/** What is not broken in subtitles: a word with its marks, or a character of a script without spaces. */
export interface CueUnit {
  readonly text: string;
  /** What stands before it, unless it begins a line. */
  readonly space: '' | ' ';
  /** Columns, without the space. */
  readonly width: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly sentenceEnd: boolean;
  readonly segmentEnd: boolean;
}

const UNIT = new RegExp(
  `[\\p{Ps}\\p{Pi}]*(?:[${UNSPACED_SCRIPTS}]\\p{M}*[^\\s\\p{L}\\p{N}\\p{Ps}\\p{Pi}]*|[^\\s${UNSPACED_SCRIPTS}]+)|[^\\s]+`,
  'gu',
);
/** Japanese small kana and signs of length, which begin no line. */
const CLINGS = /^[ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶー々〻]/u;

/** The units of one channel's segments in order, none wider than `maxWidth`, with times that go forward. */
export function cueUnits(segments: readonly Segment[], maxWidth: number): CueUnit[] {
  const units: CueUnit[] = [];
  let reachedMs = 0;
  let before = '';
  for (const segment of segments) {
    const timeAt = letterTimes(segment);
    const texts = pieces(segment.text, maxWidth);
    let letters = 0;
    texts.forEach(({ text, spaced }, i) => {
      const count = lettersIn(text);
      const startMs = Math.max(reachedMs, timeAt(letters, 'start'));
      letters += count;
      reachedMs = Math.max(startMs, timeAt(letters, 'end'));
      const space = i === 0 ? spaceBetween(before, text) : spaced ? ' ' : '';
      units.push({
        text,
        space,
        width: displayWidth(text),
        startMs,
        endMs: reachedMs,
        sentenceEnd: endsSentence(text, texts[i + 1]?.text),
        segmentEnd: i + 1 === texts.length,
      });
      before = text;
    });
  }
  return units;
}

function pieces(text: string, maxWidth: number): { text: string; spaced: boolean }[] {
  const found: { text: string; spaced: boolean }[] = [];
  for (const match of text.matchAll(UNIT)) {
    const spaced = match.index > 0 && /\s/u.test(text.charAt(match.index - 1));
    const last = found.at(-1);
    if (last !== undefined && !spaced && CLINGS.test(match[0]) && displayWidth(last.text + match[0]) <= maxWidth)
      last.text += match[0];
    else found.push({ text: match[0], spaced });
  }
  return found.flatMap((piece) => narrowed(piece, maxWidth));
}

/** A word that is wider than a line is broken between characters. */
function narrowed(piece: { text: string; spaced: boolean }, maxWidth: number): { text: string; spaced: boolean }[] {
  if (displayWidth(piece.text) <= maxWidth) return [piece];
  const parts: { text: string; spaced: boolean }[] = [];
  for (const character of piece.text) {
    const last = parts.at(-1);
    if (last !== undefined && displayWidth(last.text + character) <= maxWidth) last.text += character;
    else parts.push({ text: character, spaced: last === undefined && piece.spaced });
  }
  return parts;
}

/** Where the letters of a segment are said: by its words, or by their share of its time. */
function letterTimes({
  text,
  startMs,
  endMs,
  words = [],
}: Segment): (letters: number, edge: 'start' | 'end') => number {
  const total = lettersIn(text);
  const told = words.reduce((sum, word) => sum + lettersIn(word.word), 0) === total ? words : [];
  const stretches = told.length > 0 ? told : [{ word: text, startMs, endMs: Math.max(startMs, endMs) }];
  const marks: { from: number; to: number; startMs: number; endMs: number }[] = [];
  let letters = 0;
  for (const stretch of stretches) {
    marks.push({
      from: letters,
      to: letters + lettersIn(stretch.word),
      startMs: stretch.startMs,
      endMs: stretch.endMs,
    });
    letters = marks.at(-1)?.to ?? letters;
  }
  let index = 0;
  return (at, edge) => {
    // Asked in ascending order.
    while (
      index + 1 < marks.length &&
      (edge === 'start' ? at >= (marks[index]?.to ?? 0) : at > (marks[index]?.to ?? 0))
    )
      index++;
    const mark = marks[index];
    if (mark === undefined || mark.to === mark.from) return startMs;
    return mark.startMs + (mark.endMs - mark.startMs) * Math.min(1, (at - mark.from) / (mark.to - mark.from));
  };
}

function lettersIn(text: string): number {
  return text.replace(/\s+/gu, '').length;
}
