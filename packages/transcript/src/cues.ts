import type { Transcript } from '@murmuration/contracts';
import { cueUnits, type CueUnit } from './cue-units.js';

/** How subtitles are laid out; the names are those of Whisper's command line. */
export interface CueLayout {
  /** Columns of a line; a wide character takes two. */
  readonly maxLineWidth: number;
  readonly maxLineCount: number;
  /** Null: as many as fit. */
  readonly maxWordsPerLine: number | null;
  /** True: each word is underlined while it is said. */
  readonly highlightWords: boolean;
}

/** Two lines of 42 characters, seven seconds, 17 characters a second: what subtitling guides take for readable. */
export const DEFAULT_LAYOUT: CueLayout = {
  maxLineWidth: 42,
  maxLineCount: 2,
  maxWordsPerLine: null,
  highlightWords: false,
};
const LONGEST_MS = 7_000;
const SHORTEST_MS = 1_000;
const CHARACTERS_A_SECOND = 17;
/** A cue stays no longer than this after its last word for the sake of its readers. */
const LINGER_MS = 2_000;

/** A subtitle: lines of words and when they show, milliseconds. `marked`: the word that is being said. */
export interface Cue {
  readonly startMs: number;
  readonly endMs: number;
  readonly lines: readonly (readonly CueUnit[])[];
  readonly marked: CueUnit | null;
  readonly channel: number;
}

// What a cue costs, in one currency: the cheapest division of the text is taken.
const CUE = 10;
const TOO_SHORT = 250;
const TOO_FAST = 60;
const BREAK_AT_MARK = 6;
const BREAK_AT_PAUSE = 4;
const BREAK_INSIDE = 30;
const ALONE = 90;
const SENTENCE_INSIDE = 4;
const SEGMENT_INSIDE = 40;
const PAUSE_INSIDE = 40;
const LONG_PAUSE_INSIDE = 400;
const UNEVEN = 8;
const PAUSE_MS = 300;
const SEEN_PAUSE_MS = 700;
const LONG_PAUSE_MS = 1_500;
const SHORT_WIDTH = 8;
const MARK = /[\p{P}]$/u;

/** Subtitles of a transcript in order of time. Those of one channel do not overlap. */
export function cuesOf(transcript: Pick<Transcript, 'segments'>, layout: CueLayout = DEFAULT_LAYOUT): Cue[] {
  const channels = [...new Set(transcript.segments.map((segment) => segment.channel))];
  return channels
    .flatMap((channel) =>
      cuesOfChannel(
        cueUnits(
          transcript.segments.filter((segment) => segment.channel === channel),
          layout.maxLineWidth,
        ),
        channel,
        layout,
      ),
    )
    .sort((left, right) => left.startMs - right.startMs || left.channel - right.channel);
}

/** Each word with a time as a cue of its own; segments without such words as `cuesOf` has them. */
export function wordCues(transcript: Pick<Transcript, 'segments'>): Cue[] {
  return transcript.segments.flatMap((segment): Cue[] => {
    if (segment.words === undefined || segment.words.length === 0) return cuesOf({ segments: [segment] });
    return segment.words.flatMap((word): Cue[] => {
      const text = word.word.replace(/\s+/gu, ' ').trim();
      const startMs = Math.round(word.startMs);
      const endMs = Math.max(startMs + 1, Math.round(word.endMs));
      const unit: CueUnit = { text, space: '', width: 0, startMs, endMs, sentenceEnd: false, segmentEnd: false };
      return text === '' ? [] : [{ startMs, endMs, lines: [[unit]], marked: null, channel: segment.channel }];
    });
  });
}

/** The lines of a cue as text; `write` writes a unit. */
export function cueLines(cue: Cue, write: (unit: CueUnit) => string = ({ text }) => text): string[] {
  return cue.lines.map((line) => line.map((unit, i) => (i === 0 ? '' : unit.space) + write(unit)).join(''));
}

function cuesOfChannel(units: readonly CueUnit[], channel: number, layout: CueLayout): Cue[] {
  const cues = divide(units, layout).map(([from, to]): Cue => ({
    startMs: units[from]?.startMs ?? 0,
    endMs: shownUntil(units, from, to),
    lines: wrap(units.slice(from, to), layout) ?? [],
    marked: null,
    channel,
  }));
  return whole(layout.highlightWords ? cues.flatMap(highlighted) : cues);
}

/** Whole milliseconds, each cue at least one long and none before the end of the one before. */
function whole(cues: readonly Cue[]): Cue[] {
  let reachedMs = 0;
  return cues.map((cue) => {
    const startMs = Math.max(reachedMs, Math.round(cue.startMs));
    reachedMs = Math.max(startMs + 1, Math.round(cue.endMs));
    return { ...cue, startMs, endMs: reachedMs };
  });
}

/** The cheapest division of the units into cues, as pairs of first unit and end. */
function divide(units: readonly CueUnit[], layout: CueLayout): [number, number][] {
  const best = [0];
  const from = [0];
  for (let to = 1; to <= units.length; to++) {
    best[to] = Infinity;
    for (let start = to - 1; start >= 0; start--) {
      const group = units.slice(start, to);
      const single = start === to - 1;
      if (
        !single &&
        ((units[to - 1]?.endMs ?? 0) - (units[start]?.startMs ?? 0) > LONGEST_MS || wrap(group, layout) === null)
      )
        break;
      const cost = (best[start] ?? Infinity) + costOf(units, start, to, layout);
      if (cost < (best[to] ?? Infinity)) {
        best[to] = cost;
        from[to] = start;
      }
    }
  }
  const pairs: [number, number][] = [];
  for (let to = units.length; to > 0; to = from[to] ?? 0) pairs.unshift([from[to] ?? 0, to]);
  return pairs;
}

function costOf(units: readonly CueUnit[], from: number, to: number, layout: CueLayout): number {
  const group = units.slice(from, to);
  const last = units[to - 1];
  if (last === undefined) return 0;
  const width = textWidth(group);
  const shownMs = shownUntil(units, from, to) - (units[from]?.startMs ?? 0);
  let cost = CUE + UNEVEN * (1 - Math.min(1, width / (layout.maxLineWidth * layout.maxLineCount))) ** 2;
  if (shownMs < SHORTEST_MS) cost += TOO_SHORT * (1.2 - shownMs / SHORTEST_MS);
  const speed = charactersOf(group) / Math.max(0.001, shownMs / 1_000);
  if (speed > CHARACTERS_A_SECOND) cost += TOO_FAST * Math.min(4, speed / CHARACTERS_A_SECOND - 1);
  for (let i = from + 1; i < to; i++) cost += costInside(units[i - 1], units[i]);
  if (to < units.length && !last.sentenceEnd) {
    const pauseMs = (units[to]?.startMs ?? 0) - last.endMs;
    cost +=
      pauseMs >= PAUSE_MS || last.segmentEnd ? BREAK_AT_PAUSE : MARK.test(last.text) ? BREAK_AT_MARK : BREAK_INSIDE;
  }
  const complete = (from === 0 || isEnd(units[from - 1])) && isEnd(last);
  if (!complete && width < SHORT_WIDTH) cost += ALONE * (1 - width / SHORT_WIDTH);
  return cost;
}

function isEnd(unit: CueUnit | undefined): boolean {
  return unit !== undefined && (unit.sentenceEnd || unit.segmentEnd);
}

function costInside(before: CueUnit | undefined, after: CueUnit | undefined): number {
  if (before === undefined || after === undefined) return 0;
  const pauseMs = after.startMs - before.endMs;
  const seen = pauseMs >= SEEN_PAUSE_MS;
  const parted = pauseMs >= LONG_PAUSE_MS || (seen && isEnd(before));
  const pause = parted ? LONG_PAUSE_INSIDE : seen ? PAUSE_INSIDE : 0;
  return pause + (before.sentenceEnd ? SENTENCE_INSIDE : 0) + (before.segmentEnd ? SEGMENT_INSIDE : 0);
}

/** When a cue goes: with its last word, or later where it needs the time to be read and nothing follows. */
function shownUntil(units: readonly CueUnit[], from: number, to: number): number {
  const startMs = units[from]?.startMs ?? 0;
  const endMs = units[to - 1]?.endMs ?? startMs;
  const readMs = startMs + Math.max(SHORTEST_MS, (charactersOf(units.slice(from, to)) / CHARACTERS_A_SECOND) * 1_000);
  const laterMs = Math.max(endMs, Math.min(readMs, endMs + LINGER_MS));
  return Math.min(laterMs, units[to]?.startMs ?? Infinity, startMs + LONGEST_MS);
}

function charactersOf(units: readonly CueUnit[]): number {
  return units.reduce((sum, unit, i) => sum + Array.from(unit.text).length + (i === 0 ? 0 : unit.space.length), 0);
}

function textWidth(units: readonly CueUnit[]): number {
  return units.reduce((sum, unit, i) => sum + unit.width + (i === 0 ? 0 : unit.space.length), 0);
}

/** The units in as few lines as they need, as even as they can be; null where they do not fit. */
function wrap(units: readonly CueUnit[], layout: CueLayout): CueUnit[][] | null {
  const needed = filled(units, layout.maxLineWidth, layout);
  if (needed.length > layout.maxLineCount) return null;
  let [low, high] = [1, layout.maxLineWidth];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (filled(units, middle, layout).length <= needed.length && units.every((unit) => unit.width <= middle))
      high = middle;
    else low = middle + 1;
  }
  return filled(units, high, layout);
}

function filled(units: readonly CueUnit[], width: number, { maxWordsPerLine }: CueLayout): CueUnit[][] {
  const lines: CueUnit[][] = [];
  let used = 0;
  for (const unit of units) {
    const line = lines.at(-1);
    const wider = used + unit.space.length + unit.width;
    if (line === undefined || wider > width || (maxWordsPerLine !== null && line.length >= maxWordsPerLine)) {
      lines.push([unit]);
      used = unit.width;
    } else {
      line.push(unit);
      used = wider;
    }
  }
  return lines;
}

/** A cue as one for each of its words, marked while it is said, and one for each gap between them. */
function highlighted(cue: Cue): Cue[] {
  const parts: Cue[] = [];
  let reachedMs = cue.startMs;
  for (const unit of cue.lines.flat()) {
    const startMs = Math.max(reachedMs, unit.startMs);
    if (Math.round(startMs) > Math.round(reachedMs)) parts.push({ ...cue, startMs: reachedMs, endMs: startMs });
    reachedMs = Math.max(startMs, Math.min(unit.endMs, cue.endMs));
    parts.push({ ...cue, startMs, endMs: reachedMs, marked: unit });
  }
  if (Math.round(cue.endMs) > Math.round(reachedMs)) parts.push({ ...cue, startMs: reachedMs });
  return parts;
}
