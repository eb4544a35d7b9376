import type { Segment } from '@murmuration/contracts';
import { endsSentence } from '@murmuration/contracts/join-texts';
import { compressionRatio } from '../filters/repetition.js';
import type { AudioFacts } from '../filters/audio-facts.js';
import { assignRuns, letters, speechRuns, timedWords, type SpeechRun, type TimedWord } from './assign-runs.js';

/** A pause as long as this ends a segment in the middle of a sentence, too. */
const PAUSE_MS = 700;
/** A word may begin this much before its run, because first sounds are quiet. */
const QUIET_MS = 100;
/** A first word placed up to this much after the start of its run is moved to that start; a last word likewise. */
const NEAR_MS = 600;

/** What is known of a chunk beside its text. */
export interface HeardSpeech {
  readonly audio: AudioFacts;
  /** Runs of speech that the detector found, chunk milliseconds; null where nothing is to be divided. */
  readonly detected: readonly SpeechRun[] | null;
  /** Text of some tokens. */
  readonly decode: (tokens: readonly number[]) => string;
}

interface PlacedWord extends TimedWord {
  readonly segment: number;
  run: number;
}

/**
 * Divides segments where the speech pauses and, where words have times, where a sentence ends; their times are those of the speech.
 * No word is lost or moved: the texts of the pieces, joined, are the text. A piece keeps what its segment tells of the model's window;
 * its confidence is that of its words, its tokens those that spell it.
 */
export function followSpeech(segments: readonly Segment[], heard: HeardSpeech): Segment[] {
  if (heard.detected === null || segments.length === 0) return [...segments];
  const runs = speechRuns(heard.audio, heard.detected);
  const words = segments.flatMap((segment, index) =>
    timedWords(segment, heard.audio).map((word): PlacedWord => ({ ...word, segment: index, run: 0 })),
  );
  assignRuns(words, runs).forEach((run, i) => {
    const word = words[i];
    if (word !== undefined) word.run = run;
  });
  runs.forEach((run, index) => {
    fitToRun(
      words.filter((word) => word.run === index),
      run,
    );
  });
  for (const [i, word] of words.entries())
    word.endMs = Math.max(word.startMs, Math.min(word.endMs, words[i + 1]?.startMs ?? Infinity));
  return segments.flatMap((segment, index) =>
    pieces(
      segment,
      groups(
        words.filter((word) => word.segment === index),
        runs,
      ),
      heard,
    ),
  );
}

/** True when the segment is to be divided somewhere inside, so that times of its words are worth their cost. */
export function wantsWordTimes(
  { text, startMs, endMs }: Pick<Segment, 'text' | 'startMs' | 'endMs'>,
  { audio, detected }: Pick<HeardSpeech, 'audio' | 'detected'>,
): boolean {
  if (detected === null) return false;
  const words = text.trim().split(/\s+|(?<=[。！？])/u);
  return (
    words.some((word, i) => i + 1 < words.length && endsSentence(word, words[i + 1])) ||
    speechRuns(audio, detected).filter((run) => run.endMs > startMs && run.startMs < endMs).length > 1
  );
}

function fitToRun(words: readonly PlacedWord[], run: SpeechRun): void {
  for (const word of words) {
    if (word.startMs < run.startMs - QUIET_MS) word.startMs = run.startMs;
    word.endMs = Math.min(word.endMs, run.endMs);
    word.startMs = Math.min(word.startMs, run.endMs);
    word.endMs = Math.max(word.endMs, word.startMs);
  }
  const [first] = words;
  const last = words.at(-1);
  if (first === undefined || last === undefined) return;
  if (first.estimated || (first.startMs > run.startMs + QUIET_MS && first.startMs <= run.startMs + NEAR_MS))
    first.startMs = run.startMs;
  if (last.estimated || (last.endMs < run.endMs - QUIET_MS && last.endMs >= run.endMs - NEAR_MS))
    last.endMs = run.endMs;
  spreadCrowded(words);
}

/** Words that were squeezed against an edge of their run share their neighbour's time in proportion to their letters. */
function spreadCrowded(words: readonly PlacedWord[]): void {
  for (let from = 0; from < words.length;) {
    let to = from;
    while (to < words.length && isCrowded(words[to])) to++;
    if (to === from) {
      from++;
      continue;
    }
    const begin = to < words.length ? from : Math.max(0, from - 1);
    const group = words.slice(begin, to < words.length ? to + 1 : to);
    const startMs = group[0]?.startMs ?? 0;
    const lengthMs = Math.max(0, (group.at(-1)?.endMs ?? startMs) - startMs);
    const total = group.reduce((sum, word) => sum + letters(word.word), 0);
    let said = 0;
    for (const word of group) {
      word.startMs = startMs + (lengthMs * said) / total;
      said += letters(word.word);
      word.endMs = startMs + (lengthMs * said) / total;
    }
    from = to + 1;
  }
}

function isCrowded(word: PlacedWord | undefined): boolean {
  return word !== undefined && word.endMs - word.startMs < 1;
}

/** The words of one segment, in the groups that it is to be divided into. */
function groups(words: readonly PlacedWord[], runs: readonly SpeechRun[]): PlacedWord[][] {
  const all: PlacedWord[][] = [];
  words.forEach((word, i) => {
    const before = words[i - 1];
    if (before === undefined || parts(before, word, runs)) all.push([]);
    all.at(-1)?.push(word);
  });
  return all;
}

function parts(before: PlacedWord, word: PlacedWord, runs: readonly SpeechRun[]): boolean {
  if (endsSentence(before.word, word.word)) return before.run !== word.run || !(before.estimated || word.estimated);
  return before.run !== word.run && (runs[word.run]?.startMs ?? 0) - (runs[word.run - 1]?.endMs ?? 0) >= PAUSE_MS;
}

function pieces(segment: Segment, parted: readonly (readonly PlacedWord[])[], { decode }: HeardSpeech): Segment[] {
  const { words, ...rest } = segment;
  const texts = cutAt(
    segment.text,
    parted.map((group) => letters(group.map((word) => word.word).join(''))),
  );
  const tokens = cutTokens(segment.tokens, texts, decode);
  return parted.map((group, i): Segment => {
    const text = texts[i] ?? '';
    const whole = parted.length === 1;
    const timed =
      words === undefined
        ? {}
        : {
            words:
              whole && group.length !== words.length
                ? words
                : group.map(({ word, startMs, endMs, probability, approximate }) => ({
                    word,
                    startMs,
                    endMs,
                    probability,
                    ...(approximate === undefined ? {} : { approximate }),
                  })),
          };
    return {
      ...rest,
      text,
      tokens: tokens[i] ?? [],
      startMs: group[0]?.startMs ?? segment.startMs,
      endMs: group.at(-1)?.endMs ?? segment.endMs,
      ...(whole ? {} : { compressionRatio: compressionRatio(text), confidence: confidenceOf(group) }),
      ...timed,
    };
  });
}

function confidenceOf(words: readonly PlacedWord[]): number {
  const total = words.reduce((sum, word) => sum + letters(word.word), 0);
  return Math.exp(
    words.reduce((sum, word) => sum + letters(word.word) * Math.log(Math.max(word.probability, Number.MIN_VALUE)), 0) /
      total,
  );
}

/** The text in pieces of so many letters; the space between two goes to the second. */
function cutAt(text: string, counts: readonly number[]): string[] {
  let at = 0;
  return counts.map((count, i) => {
    const begin = at;
    for (let seen = 0; seen < count && at < text.length; at++) if (!/\s/u.test(text.charAt(at))) seen++;
    return i + 1 === counts.length ? text.slice(begin) : text.slice(begin, at);
  });
}

function cutTokens(
  tokens: readonly number[],
  texts: readonly string[],
  decode: (tokens: readonly number[]) => string,
): number[][] {
  let at = 0;
  let wanted = 0;
  return texts.map((text, i) => {
    const begin = at;
    wanted += letters(text);
    if (i + 1 === texts.length) return tokens.slice(begin);
    while (at < tokens.length && letters(decode(tokens.slice(0, at))) < wanted) at++;
    return tokens.slice(begin, at);
  });
}
