import type { Segment } from '@murmuration/contracts';

/**
 * Marks the words of a translation's segment as approximate and keeps them in order inside it. A translation follows another order than the
 * speaker: attention tells where the meaning of a word is heard, and following it forward squeezes what the speaker says earlier.
 */
export function withTranslatedWords(segment: Segment): Segment {
  if (segment.words === undefined) return segment;
  let reachedMs = segment.startMs;
  const words = segment.words.map((word) => {
    const startMs = Math.min(Math.max(word.startMs, reachedMs), segment.endMs);
    reachedMs = Math.min(Math.max(word.endMs, startMs), segment.endMs);
    return { ...word, startMs, endMs: reachedMs, approximate: true };
  });
  return { ...segment, words };
}

/** A segment begins and ends with its words, where they have times. */
export function timedByWords(segment: Segment): Segment {
  const [first] = segment.words ?? [];
  const last = segment.words?.at(-1);
  return first === undefined || last === undefined
    ? segment
    : { ...segment, startMs: first.startMs, endMs: Math.max(first.startMs, last.endMs) };
}

/** Ends each segment where the next begins: the end of a window may reach into the next one. */
export function inOrder<T extends Segment>(segments: readonly T[]): T[] {
  return segments.map((segment, i) => ({
    ...segment,
    endMs: Math.max(segment.startMs, Math.min(segment.endMs, segments[i + 1]?.startMs ?? Infinity)),
  }));
}

/** The segment with none of its words reaching past its end. */
export function withWordsInside(segment: Segment): Segment {
  const { words, endMs } = segment;
  return words === undefined
    ? segment
    : {
        ...segment,
        words: words.map((word) => ({
          ...word,
          startMs: Math.min(word.startMs, endMs),
          endMs: Math.min(word.endMs, endMs),
        })),
      };
}
