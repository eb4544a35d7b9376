import type { Segment } from '@murmuration/contracts';

/**
 * Marks the words of a translation's segment as approximate and keeps them in order inside it. A translation says the sense in another order than the
 * speaker does: attention tells where the sense of a word is heard, and following it forward squeezes what the speaker says earlier.
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
