import { isMarks } from '../../../words/join-marks.js';
import { joinPieces } from './token-words.js';
import type { AlignedWord } from './align-words.js';

/** A segment as words are placed into it; times in milliseconds of the chunk, changed to those of its words. */
export interface WordedSegment {
  startMs: number;
  endMs: number;
  words: { word: string; startMs: number; endMs: number; probability: number }[];
}

const SENTENCE_ENDS: ReadonlySet<string> = new Set(['.', '。', '!', '！', '?', '？']);
/** A word is taken to last at most this long in the middle. */
const LONGEST_MEDIAN_MS = 700;
/** A word strays from its segment's own time by at most this. (openai/whisper then jumps to the segment's time; stopping at the limit keeps near-ties together.) */
const DISAGREEMENT_MS = 500;

/**
 * Hands the aligned pieces of a window, as words, to its segments and corrects what attention places badly, by the rules of openai/whisper's timing:
 * a word at a sentence's end or after a pause lasts at most twice the median, and a segment begins and ends with its words, which stray from its own times by half a second at most.
 * @param aligned pieces of each segment
 * @param offsetMs the window's start in the chunk
 * @param lastSpeechMs end of the speech before this window, chunk milliseconds
 */
export function placeWords(
  aligned: readonly (readonly AlignedWord[])[],
  segments: readonly WordedSegment[],
  language: string,
  offsetMs: number,
  lastSpeechMs: number,
): void {
  const durations = aligned
    .flat()
    .map((word) => word.endMs - word.startMs)
    .filter((duration) => duration > 0)
    .sort((a, b) => a - b);
  const medianMs = Math.min(LONGEST_MEDIAN_MS, median(durations));
  const pieces = shortened(aligned.flat(), 2 * medianMs);
  let speechEndMs = lastSpeechMs;
  let next = 0;
  for (const [i, segment] of segments.entries()) {
    const own = pieces.slice(next, (next += aligned[i]?.length ?? 0));
    segment.words = joinPieces(own, language, joined).map((word) => ({
      word: word.word,
      startMs: offsetMs + word.startMs,
      endMs: offsetMs + word.endMs,
      probability: word.probability,
    }));
    fitToSegment(segment, medianMs, speechEndMs);
    if (segment.words.length > 0) speechEndMs = segment.endMs;
  }
}

/** Punctuation has neither a time nor a probability of its own; spoken words have both. */
function joined(into: AlignedWord, from: AlignedWord, before: boolean): AlignedWord {
  const [first, last] = before ? [from, into] : [into, from];
  const tokens = [...first.tokens, ...last.tokens];
  const spoken =
    isMarks(from.word) || isMarks(into.word)
      ? into
      : {
          startMs: first.startMs,
          endMs: last.endMs,
          probability:
            (first.probability * first.tokens.length + last.probability * last.tokens.length) / tokens.length,
        };
  return { ...into, ...spoken, word: first.word + last.word, tokens };
}

function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  return sorted.length === 0
    ? 0
    : sorted.length % 2 === 1
      ? (sorted[middle] ?? 0)
      : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** Words around a sentence's end that would last longer than `longestMs` are cut: they took the pause with them. */
function shortened(aligned: readonly AlignedWord[], longestMs: number): AlignedWord[] {
  const words = aligned.map((word) => ({ ...word }));
  if (longestMs === 0) return words;
  words.forEach((word, i) => {
    const before = words[i - 1];
    if (before === undefined || word.endMs - word.startMs <= longestMs) return;
    if (SENTENCE_ENDS.has(word.word)) word.endMs = word.startMs + longestMs;
    else if (SENTENCE_ENDS.has(before.word)) word.startMs = word.endMs - longestMs;
  });
  return words;
}

function fitToSegment(segment: WordedSegment, medianMs: number, speechEndMs: number): void {
  const [first, second] = segment.words;
  const last = segment.words.at(-1);
  if (first === undefined || last === undefined) return;
  const longestMs = 2 * medianMs;
  const afterPause = first.endMs - speechEndMs > 4 * medianMs;
  if (
    afterPause &&
    (first.endMs - first.startMs > longestMs || (second !== undefined && second.endMs - first.startMs > 2 * longestMs))
  ) {
    if (second !== undefined && second.endMs - second.startMs > longestMs) {
      const boundaryMs = Math.max(second.endMs / 2, second.endMs - longestMs);
      first.endMs = boundaryMs;
      second.startMs = boundaryMs;
    }
    first.startMs = Math.max(0, first.endMs - longestMs);
  }
  if (segment.startMs < first.endMs)
    first.startMs = Math.max(first.startMs, Math.min(first.endMs - medianMs, segment.startMs - DISAGREEMENT_MS));
  segment.startMs = first.startMs;
  if (segment.endMs > last.startMs)
    last.endMs = Math.min(last.endMs, Math.max(last.startMs + medianMs, segment.endMs + DISAGREEMENT_MS));
  segment.endMs = last.endMs;
}
