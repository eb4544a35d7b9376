import { UNSPACED_SCRIPTS, type Segment, type Word } from '@murmuration/contracts';
import { timesBySound, type AudioFacts } from '../filters/audio-facts.js';

/** A word on its way into a segment; its time is changed in place. */
export interface TimedWord extends Word {
  /** True when the time is a guess from the letters before it. */
  readonly estimated: boolean;
}

/** A word with the space before it; in scripts without spaces, a character. */
const UNIT = new RegExp(`\\s*(?:[${UNSPACED_SCRIPTS}]\\p{M}*[^\\s\\p{L}\\p{N}]*|[^\\s${UNSPACED_SCRIPTS}]+)`, 'gu');
const FRAME_MS = 20;

/** A segment's words with their times; where it has none, its text spread by letters over what is loud of it. One word for all where words and text differ. */
export function timedWords(segment: Segment, audio: AudioFacts): TimedWord[] {
  const { words, text, startMs, endMs, confidence } = segment;
  const whole = { word: text, startMs, endMs, probability: confidence, estimated: words === undefined };
  if (words === undefined) return spread(text.match(UNIT) ?? [], segment, audio);
  if (letters(words.map((word) => word.word).join('')) !== letters(text)) return [whole];
  return words.map((word) => ({ ...word, estimated: word.approximate === true }));
}

/** Characters that are not space: words and tokens are matched to text by counting them. */
export function letters(text: string): number {
  return text.replace(/\s+/gu, '').length;
}

function spread(units: readonly string[], { startMs, endMs, confidence }: Segment, audio: AudioFacts): TimedWord[] {
  const [first, last] = [Math.floor(startMs / FRAME_MS), Math.ceil(endMs / FRAME_MS)];
  const timeOf = timesBySound({ durationMs: endMs - startMs, frameRms: audio.frameRms.subarray(first, last), loudFrom: audio.loudFrom.subarray(first, last) });
  const total = units.reduce((sum, unit) => sum + letters(unit), 0);
  let said = 0;
  return units.map((word) => {
    const fromMs = startMs + timeOf(said / total).fromMs;
    said += letters(word);
    return { word, startMs: fromMs, endMs: Math.max(fromMs, startMs + timeOf(said / total).untilMs), probability: confidence, estimated: true };
  });
}
