import type { Word } from '@murmuration/contracts';
import { timesBySound, type AudioFacts } from '../filters/audio-facts.js';
import { spacedWords } from '../words/join-marks.js';

/** Words spread by their number of letters over what is loud of the chunk, marks with the word they belong to; each is marked as approximate. `probability` is the chunk's. */
export function approximateWords(text: string, audio: AudioFacts, probability: number): Word[] {
  const words = spacedWords(text);
  const letters = words.map((word) => Array.from(word).length);
  const total = letters.reduce((sum, count) => sum + count, 0);
  const timeOf = timesBySound(audio);
  let said = 0;
  return words.map((word, index) => {
    const startMs = timeOf(said / total).fromMs;
    said += letters[index] ?? 0;
    return { word, startMs, endMs: Math.max(startMs, timeOf(said / total).untilMs), probability, approximate: true };
  });
}
