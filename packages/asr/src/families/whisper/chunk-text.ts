import type { Filtered, Segment, Word } from '@murmuration/contracts';
import { lastWordLogprob } from '../../filters/doubt.js';
import type { JudgedSegment } from '../../filters/apply-filters.js';
import { loudMs, type AudioFacts } from '../../filters/audio-facts.js';
import { compressionRatio, repetitiveness } from '../../filters/repetition.js';
import type { SpeechRun } from '../../segments/assign-runs.js';
import { wantsWordTimes, type HeardSpeech } from '../../segments/follow-speech.js';
import { startAtSound, type SaidStretch } from '../../words/word-times.js';
import { averageLogprob, type DecodedWindow } from './decoding/decode-windows.js';
import type { Generation } from './model/speech-model.js';
import type { Vocabulary } from './model/vocabulary.js';
import type { WordedSegment } from './words/place-words.js';

export const FRAME_MS = 10;
export const STEP_MS = 20;
/** This much loud audio after the last word means that speech went on; less is breath and reverberation. */
export const UNHEARD_MS = 500;
/** Sound that follows the last word this closely is its own end. */
export const WORD_TAIL_MS = 200;

/** What the windows of a chunk say: their segments and words, with times of the chunk. */
export class ChunkText {
  readonly audio: AudioFacts;
  /** What segments are divided by. */
  readonly heard: HeardSpeech;
  readonly #vocabulary: Vocabulary;
  readonly #wordTimes: boolean;
  readonly #words = new Map<DecodedWindow, readonly WordedSegment[]>();

  /** @param wordTimes whether the request asks for times of words */
  constructor(audio: AudioFacts, speech: readonly SpeechRun[] | null, vocabulary: Vocabulary, wordTimes: boolean) {
    this.audio = audio;
    this.heard = { audio, detected: speech, decode: (tokens) => vocabulary.decode(tokens) };
    this.#vocabulary = vocabulary;
    this.#wordTimes = wordTimes;
  }

  /** Segments of a window as words are to be placed into them; times of the chunk. */
  wordedSegments(window: DecodedWindow): WordedSegment[] {
    const worded = window.segments.map((segment): WordedSegment => ({
      startMs: window.startFrame * FRAME_MS + segment.startStep * STEP_MS,
      endMs: window.startFrame * FRAME_MS + segment.endStep * STEP_MS,
      words: [],
    }));
    this.#words.set(window, worded);
    return worded;
  }

  /** True when times of the window's words are asked for, or are needed to divide one of its segments. */
  needsWords(window: DecodedWindow): boolean {
    const offsetMs = window.startFrame * FRAME_MS;
    return (
      this.#wordTimes ||
      window.segments.some(({ tokens, startStep, endStep }) =>
        wantsWordTimes(
          { text: this.textOf(tokens), startMs: offsetMs + startStep * STEP_MS, endMs: offsetMs + endStep * STEP_MS },
          this.heard,
        ),
      )
    );
  }

  /** End of the last segment that has words, chunk milliseconds; 0 when none has. */
  get lastWordMs(): number {
    return [...this.#words.values()].flat().findLast((segment) => segment.words.length > 0)?.endMs ?? 0;
  }

  /** Segments with their times at pauses corrected by the audio; those of their words are corrected separately. */
  timedBySound(windows: readonly DecodedWindow[]): JudgedSegment[] {
    const mended = windows
      .flatMap((window) => this.segmentsOf(window))
      .map((segment) => ({
        ...segment,
        ...(segment.words === undefined ? {} : { words: segment.words.map((word) => ({ ...word })) }),
      }));
    startAtSound(mended, this.audio);
    startAtSound(
      mended.flatMap((segment): readonly SaidStretch[] => segment.words ?? []),
      this.audio,
    );
    return mended;
  }

  /** Segments of a window with the times that the model wrote, and their words with their own. */
  segmentsOf(window: DecodedWindow): JudgedSegment[] {
    return this.judged(window, this.#words.get(window));
  }

  judged(window: Omit<DecodedWindow, 'prompt' | 'nextFrame'>, worded?: readonly WordedSegment[]): JudgedSegment[] {
    const { generation } = window;
    const windowCompressionRatio = repetitiveness(this.#vocabulary.decode(generation.tokens));
    return window.segments.flatMap((segment, i): JudgedSegment[] => {
      const text = this.#vocabulary.decode(segment.tokens);
      if (text.trim() === '') return [];
      const words = worded?.[i]?.words;
      const offsetMs = window.startFrame * FRAME_MS;
      const limitMs = Math.min(window.endFrame * FRAME_MS, this.audio.durationMs);
      const startMs = Math.min(offsetMs + segment.startStep * STEP_MS, limitMs);
      return [
        {
          startMs,
          endMs: Math.min(Math.max(startMs, offsetMs + segment.endStep * STEP_MS), limitMs),
          text,
          channel: 0,
          confidence: Math.min(1, Math.exp(this.textLogprob(generation, segment.firstToken, segment.tokens.length))),
          avgLogprob: averageLogprob(generation),
          noSpeechProb: generation.noSpeechProb,
          compressionRatio: compressionRatio(text),
          windowCompressionRatio,
          temperature: generation.temperature,
          tokens: [...segment.tokens],
          lastWordLogprob: lastWordLogprob(segment.tokens, generation.logprobs.slice(segment.firstToken), (tokens) =>
            this.#vocabulary.decode(tokens),
          ),
          ...(words === undefined
            ? {}
            : {
                words: words.map((word): Word => ({
                  ...word,
                  startMs: Math.min(word.startMs, limitMs),
                  endMs: Math.min(word.endMs, limitMs),
                })),
              }),
        },
      ];
    });
  }

  /** Mean over a segment's text tokens alone: how surely it wrote its times says little about its words. */
  textLogprob(generation: Generation, first: number, count: number): number {
    let sum = 0;
    let texts = 0;
    for (let i = first; i < first + count; i++) {
      if ((generation.tokens[i] ?? this.#vocabulary.firstTimestamp) >= this.#vocabulary.firstTimestamp) continue;
      sum += generation.logprobs[i] ?? 0;
      texts++;
    }
    return texts === 0 ? 0 : sum / texts;
  }

  /** Sound without text, `no_text`. */
  unheard(segments: readonly Segment[]): Filtered[] {
    const filtered: Filtered[] = [];
    let heardMs = 0;
    for (const { startMs, endMs } of [...segments, { startMs: this.audio.durationMs, endMs: this.audio.durationMs }]) {
      const fromMs = heardMs === 0 ? 0 : heardMs + WORD_TAIL_MS;
      if (loudMs(this.audio, fromMs, startMs) >= UNHEARD_MS)
        filtered.push({ startMs: heardMs, endMs: startMs, text: '', reason: 'no_text' });
      heardMs = Math.max(heardMs, endMs);
    }
    return filtered;
  }

  textOf(tokens: readonly number[]): string {
    return this.#vocabulary.decode(tokens).trim();
  }
}
