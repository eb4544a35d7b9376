import { joinTexts, type Segment, type Transcript, type Word } from '@murmuration/contracts';

/** A subtitle: text on one line and when it shows, milliseconds. */
export interface Cue {
  readonly startMs: number;
  readonly endMs: number;
  readonly text: string;
  readonly channel: number;
}

/** Two lines of 42 characters, seven seconds: what subtitling guides take for readable. */
const LONGEST_TEXT = 84;
const LONGEST_MS = 7_000;
/** A pause or a sentence's end is a place to cut once a cue is this long. */
const ENOUGH_TEXT = 42;
const PAUSE_MS = 700;

/** How much a cue holds: a phrase that can be read, or one word. */
export type CueSize = 'phrase' | 'word';

/** Subtitles of a transcript in order of time. A segment becomes one cue, or, when it is long and its words have times, several; by word, as many as it has words with times. */
export function cuesOf(transcript: Pick<Transcript, 'segments'>, size: CueSize = 'phrase'): Cue[] {
  return transcript.segments.flatMap((segment) => split(segment, size)).map((cue) => ({
    ...cue,
    startMs: Math.round(cue.startMs),
    // A cue that ends where it begins is not valid WebVTT.
    endMs: Math.max(Math.round(cue.endMs), Math.round(cue.startMs) + 1),
  }));
}

function split(segment: Segment, size: CueSize): Cue[] {
  const words = segment.words ?? [];
  const whole = { startMs: segment.startMs, endMs: segment.endMs, text: oneLine(segment.text), channel: segment.channel };
  if (whole.text === '') return [];
  if (size === 'word' && words.length > 0) return words.map((word) => cueOf([word], segment)).filter((cue) => cue.text !== '');
  if (words.length < 2 || (whole.text.length <= LONGEST_TEXT && whole.endMs - whole.startMs <= LONGEST_MS)) return [whole];
  return groups(words).map((group) => cueOf(group, segment)).filter((cue) => cue.text !== '');
}

function groups(words: readonly Word[]): Word[][] {
  const all: Word[][] = [];
  let group: Word[] = [];
  for (const word of words) {
    if (group.length > 0 && mustCut(group, word)) { all.push(group); group = []; }
    group.push(word);
  }
  if (group.length > 0) all.push(group);
  return all;
}

function mustCut(group: readonly Word[], next: Word): boolean {
  const text = textOf(group);
  const [first] = group;
  const last = group.at(-1);
  if (first === undefined || last === undefined) return false;
  if (textOf([...group, next]).length > LONGEST_TEXT || next.endMs - first.startMs > LONGEST_MS) return true;
  if (next.startMs - last.endMs >= PAUSE_MS) return true;
  return text.length >= ENOUGH_TEXT && /[.!?…,;:。！？]["'”’)]?$/u.test(text);
}

function cueOf(group: readonly Word[], segment: Segment): Cue {
  return { startMs: group[0]?.startMs ?? segment.startMs, endMs: group.at(-1)?.endMs ?? segment.endMs, text: textOf(group), channel: segment.channel };
}

function textOf(words: readonly Word[]): string {
  // Words of a model that keeps its spaces are put together as they are; bare words are put apart.
  const spaced = words.some((word) => /^\s/.test(word.word));
  const texts = words.map((word) => word.word);
  return oneLine(spaced ? texts.join('') : joinTexts(texts));
}

function oneLine(text: string): string {
  return text.replace(/\s+/gu, ' ').trim();
}
