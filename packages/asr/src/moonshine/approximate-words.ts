import type { Word } from '@murmuration/contracts';

/** Words spread over the utterance by their number of letters; each is marked as approximate. `probability` is the utterance's. */
export function approximateWords(text: string, durationMs: number, probability: number): Word[] {
  const words = text.split(/\s+/u).filter((word) => word !== '');
  const letters = words.map((word) => Array.from(word).length);
  const total = letters.reduce((sum, count) => sum + count, 0);
  let said = 0;
  return words.map((word, index) => {
    const startMs = Math.round((said / total) * durationMs);
    said += letters[index] ?? 0;
    return { word, startMs, endMs: Math.round((said / total) * durationMs), probability, approximate: true };
  });
}
