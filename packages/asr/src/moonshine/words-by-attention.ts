import type { Word } from '@murmuration/contracts';
import { pausesOf, type AudioFacts } from '../filters/audio-facts.js';
import { letters } from '../segments/timed-words.js';
import { firstColumns } from '../whisper/words/alignment-path.js';
import { startAtSound } from '../whisper/words/start-at-sound.js';
import { spacedWords } from '../words/join-marks.js';
import { decodeTokens } from './moonshine-tokens.js';

/** What the decoder made of one chunk. */
export interface Decoded {
  readonly tokens: readonly number[];
  /** Log-probability of each choice, the end token's among them. */
  readonly logprobs: readonly number[];
  /** For each choice, how much it looks at each frame that the encoder heard. */
  readonly looks: readonly Float32Array[];
  readonly frames: number;
}

/** Length of one frame of the encoder. */
const FRAME_MS = 24;
/** A word has no silence as long as this at its ends. */
const SILENCE_MS = 100;

/**
 * Words of a chunk where its decoder looked when it wrote them: dynamic time warping over the attention, as openai/whisper does it.
 * Against Whisper tiny.en's times (294 words of 10 joined recordings) the median difference is 48 ms, nine in ten are within 130 ms.
 * @param text what the tokens spell
 */
export function wordsByAttention({ tokens, logprobs, looks, frames }: Decoded, text: string, audio: AudioFacts): Word[] {
  const cost = new Float32Array(tokens.length * frames);
  looks.slice(0, tokens.length).forEach((look, row) => { cost.set(look.map((weight) => -weight), row * frames); });
  const columns = firstColumns(cost, tokens.length, frames);
  const timeOf = (token: number): number => Math.min(audio.durationMs, (columns[token] ?? frames) * FRAME_MS);
  let token = 0;
  let written = 0;
  const words = spacedWords(text).map((word): Word => {
    const first = token;
    written += letters(word);
    while (token < tokens.length && (token === first || letters(decodeTokens(tokens.slice(0, token))) < written)) token++;
    const own = logprobs.slice(first, token);
    return { word, startMs: timeOf(first), endMs: timeOf(token), probability: Math.min(1, Math.exp(own.reduce((sum, one) => sum + one, 0) / Math.max(1, own.length))) };
  });
  startAtSound(words, audio);
  const pauses = pausesOf(audio, SILENCE_MS);
  for (const word of words) {
    for (const pause of pauses) {
      if (pause.startMs <= word.startMs && pause.endMs < word.endMs) word.startMs = Math.max(word.startMs, pause.endMs);
      if (pause.startMs > word.startMs && pause.endMs >= word.endMs) word.endMs = Math.min(word.endMs, pause.startMs);
    }
  }
  return words;
}
