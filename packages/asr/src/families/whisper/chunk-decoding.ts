import type { DecodeOptions, Recognition } from '@murmuration/contracts';
import { MULTI } from '@murmuration/contracts/language';
import { isTooRepetitive } from '../../filters/repetition.js';
import { endsInSpeech, isNoSpeech, isDoubtful, lastWordLogprob } from '../../filters/doubt.js';
import { applyFilters, firstLoop, type FilterFacts } from '../../filters/apply-filters.js';
import { loudEndMs, loudMs, measureAudio, partingMs, type AudioFacts } from '../../filters/audio-facts.js';
import type { SpeechRun } from '../../segments/assign-runs.js';
import { ChunkText, FRAME_MS, STEP_MS, UNHEARD_MS, WORD_TAIL_MS } from './chunk-text.js';
import { HOP_SAMPLES, type LogMel } from './features/log-mel.js';
import {
  averageLogprob,
  cutBefore,
  seekFrame,
  type ChunkTask,
  type DecodedWindow,
  type Settled,
} from './decoding/decode-windows.js';
import { endsPeriodic, repeatsItself } from './decoding/repeated-tokens.js';
import { splitSegments, type TimedTokens } from './decoding/split-segments.js';
import type { Generation, WrittenSoFar } from './model/speech-model.js';
import type { Vocabulary } from './model/vocabulary.js';
import { inOrder, timedByWords, withTranslatedWords, withWordsInside } from './words/segment-times.js';

/** A text less sure than this is tried at the next temperature: the reference's threshold. The filter's own (-0.5) is met by much real speech of small models. */
const UNSURE_LOGPROB = -1;
/** Tokens of one window at most, as openai/whisper limits them: a loop ends there. */
const MAX_NEW_TOKENS = 224;
/** After this many windows of likely invented text the rest of the chunk is taken for noise and not decoded again. */
const MAX_INVENTED_WINDOWS = 2;
/** A window that advanced less than this is not resumed from where it ended. */
const LEAST_PROGRESS_MS = 250;
/** A window that loops from its start is written once more up to a pause, this long and … */
const LEAST_PART_MS = 1_500;
/** … at most this long, so that it holds what the model stumbles over and not what follows. */
const LONGEST_PART_MS = 8_000;
/** After this many windows a chunk is continued only where the model's own timestamps say so. Speech that needs more is not speech the model can write. */
const MAX_RESUMED_WINDOWS = 6;
/** A time this close to the end of the speech is its end. */
const END_TOLERANCE_MS = 100;
/** What a window shorter than 30 s says is taken when the model is at least as sure of it as this, … */
const TRUSTED_LOGPROB = -0.75;
/** … and at most so sure that nobody speaks. */
const TRUSTED_NO_SPEECH = 0.3;
/** … and at least so sure of the last word, which it may have guessed, … */
const SURE_LAST_WORD_LOGPROB = -0.7;
/** … where the audio ends inside speech: over a short window it is surer of what it guesses there. */
const SURE_AT_CUT_LOGPROB = -0.2;
/** At most this many windows of a chunk are cut or shortened because of loops; later loops are left to the filter. */
const MAX_LOOPS = 6;

/** One chunk while it is decoded: its options, its audio, and the recognition it becomes. */
export class ChunkDecoding implements ChunkTask {
  readonly mel: LogMel;
  readonly audio: AudioFacts;
  readonly endFrame: number;
  readonly timestamps = true;
  readonly firstTimestamp: number;
  readonly temperatures: readonly number[];
  readonly maxNewTokens = MAX_NEW_TOKENS;
  readonly maxTokens: number;
  readonly options: DecodeOptions;
  /** ISO code; null until found. */
  language: string | null;
  languageProbability: number | null = null;
  /** ISO codes of other languages that speech of the chunk is surely in. */
  otherLanguages: readonly string[] = [];
  promptTrimmed = false;
  readonly text: ChunkText;
  readonly #vocabulary: Vocabulary;
  /** Whether the audio ends inside speech. */
  readonly #cut: boolean;
  #loops = 0;

  constructor(
    pcm: Float32Array,
    mel: LogMel,
    options: DecodeOptions,
    vocabulary: Vocabulary,
    maxTokens: number,
    speech: readonly SpeechRun[] | null = null,
  ) {
    this.mel = mel;
    this.audio = measureAudio(pcm);
    this.text = new ChunkText(this.audio, speech, vocabulary, options.wordTimestamps);
    this.endFrame = Math.ceil(pcm.length / HOP_SAMPLES);
    this.#cut = endsInSpeech(this.audio);
    this.firstTimestamp = vocabulary.firstTimestamp;
    this.temperatures = options.temperatures;
    this.maxTokens = maxTokens;
    this.options = options;
    this.language = !vocabulary.multilingual ? 'en' : options.language === MULTI ? null : options.language;
    this.#vocabulary = vocabulary;
  }

  /** True when the end of a text repeats itself and the filters would remove it however much of the window it covers. What follows would be removed with it. */
  loops(
    { startFrame, endFrame }: Pick<DecodedWindow, 'startFrame' | 'endFrame'>,
    { tokens, logprobs, noSpeechProb, startLogprobs }: WrittenSoFar,
  ): boolean {
    if (!endsPeriodic(tokens.filter((token) => token < this.#vocabulary.endOfText))) return false;
    const steps = Math.ceil(((endFrame - startFrame) * FRAME_MS) / STEP_MS);
    const open = (tokens.at(-1) ?? this.firstTimestamp) < this.firstTimestamp;
    const { segments } = splitSegments(
      open ? [...tokens, this.firstTimestamp + steps] : tokens,
      this.firstTimestamp,
      steps,
    );
    const generation: Generation = { tokens, logprobs, noSpeechProb, startLogprobs, endLogprob: 0, temperature: 0 };
    return (
      firstLoop(
        this.text.judged({ startFrame, endFrame, generation, segments }),
        this.options.filter,
        this.filterFacts,
      ) !== null
    );
  }

  /** Of two doubtful attempts the one that does not repeat itself, else the surer one (faster-whisper's rule; the reference takes the last). */
  better(one: Generation, other: Generation): Generation {
    const [repeats, otherRepeats] = [this.#isRepetitive(one), this.#isRepetitive(other)];
    if (repeats !== otherRepeats) return repeats ? other : one;
    return averageLogprob(other) > averageLogprob(one) ? other : one;
  }

  /** The reference's rule for trying the next temperature: too repetitive, or too unsure unless the model says that nobody speaks. */
  isDoubtful(generation: Generation): boolean {
    const { logprobThreshold } = this.options.filter;
    const avgLogprob = averageLogprob(generation);
    if (this.#isRepetitive(generation)) return true;
    if (logprobThreshold === null || avgLogprob >= Math.min(logprobThreshold, UNSURE_LOGPROB)) return false;
    return !isNoSpeech({ noSpeechProb: generation.noSpeechProb, avgLogprob }, this.options.filter);
  }

  #isRepetitive(generation: Generation): boolean {
    return isTooRepetitive(this.#vocabulary.decode(generation.tokens), this.options.filter.compressionRatioThreshold);
  }

  speechEndFrame(startFrame: number, endFrame: number): number {
    return Math.floor(
      (loudEndMs(this.audio, startFrame * FRAME_MS, endFrame * FRAME_MS) - END_TOLERANCE_MS) / FRAME_MS,
    );
  }

  /** Nothing said twice, nothing doubtful, no speech without text and no window without text is taken from a window shorter than 30 s. */
  distrusts(before: readonly DecodedWindow[], window: DecodedWindow): boolean {
    const { generation } = window;
    const text = generation.tokens.filter((token) => token < this.#vocabulary.endOfText);
    return (
      text.length === 0 ||
      repeatsItself(text) ||
      this.#loopStart(window) !== null ||
      this.#ranIntoLimit(window) ||
      generation.noSpeechProb > TRUSTED_NO_SPEECH ||
      averageLogprob(generation) < TRUSTED_LOGPROB ||
      this.isDoubtful(generation) ||
      seekFrame(window) !== null ||
      this.#lastWordLogprob(window) < (this.#cut ? SURE_AT_CUT_LOGPROB : SURE_LAST_WORD_LOGPROB) ||
      this.#resumeFrame([...before, window], window) !== null
    );
  }

  /** Of the least sure letters of the last word that a window wrote. */
  #lastWordLogprob({ generation, segments }: DecodedWindow): number {
    const last = segments.findLast(({ tokens }) => this.text.textOf(tokens) !== '');
    return last === undefined
      ? 0
      : lastWordLogprob(last.tokens, generation.logprobs.slice(last.firstToken), (tokens) =>
          this.#vocabulary.decode(tokens),
        );
  }

  /**
   * States of a stretch of audio: written → taken whole → next window; → loops late: taken up to the loop, which begins the next window; → loops from
   * its start, or the text ran into its limit: written once more up to a pause (shortened), and then taken as it is. So a loop costs no speech behind it.
   */
  settle(before: readonly DecodedWindow[], window: DecodedWindow, shortened: boolean): Settled {
    const startMs = window.startFrame * FRAME_MS;
    const loop = this.#loopStart(window);
    if (loop !== null && this.#loops < MAX_LOOPS) {
      this.#loops++;
      const loopMs = startMs + loop.startStep * STEP_MS;
      if (loopMs >= startMs + LEAST_PROGRESS_MS)
        return { window: cutBefore(window, loop), nextFrame: Math.floor(loopMs / FRAME_MS) };
      if (shortened) return { window, nextFrame: window.endFrame };
    }
    const seekTo = seekFrame(window);
    if (!shortened && (loop !== null || (seekTo === null && this.#ranIntoLimit(window)))) {
      const [fromMs, toMs] =
        loop === null
          ? [(startMs + window.endFrame * FRAME_MS) / 2, window.endFrame * FRAME_MS]
          : [startMs + LEAST_PART_MS, startMs + LONGEST_PART_MS];
      const shortenToFrame = Math.floor(partingMs(this.audio, fromMs, toMs) / FRAME_MS);
      if (shortenToFrame < window.endFrame) return { shortenToFrame };
    }
    return { window, nextFrame: seekTo ?? this.#resumeFrame([...before, window], window) ?? window.endFrame };
  }

  get filterFacts(): FilterFacts {
    return { audio: this.audio, textLanguage: this.textLanguage };
  }

  /** ISO code of the language that is written; null while it is not found. */
  get textLanguage(): string | null {
    return this.options.task === 'translate' ? 'en' : this.language;
  }

  /** Tokens of the text written so far, to be continued where the request wants that. A guess made at a high temperature is not built upon (openai/whisper's rule). */
  previousTokens(windows: readonly DecodedWindow[]): number[] {
    const last = windows.at(-1);
    if (!this.options.conditionOnPreviousText || last === undefined || last.generation.temperature > 0.5) return [];
    return windows.flatMap((window) =>
      window.segments.flatMap((segment) => segment.tokens.filter((token) => token < this.#vocabulary.endOfText)),
    );
  }

  /**
   * The recognition as the filters leave it; sound without text is listed under `filtered` as `no_text`. Everything is judged by the times that the
   * model wrote, so that text and `filtered` are the same with words and without; what is kept takes the times of its words.
   */
  recognition(windows: readonly DecodedWindow[]): Recognition {
    const segments = inOrder(this.text.timedBySound(windows));
    const kept = applyFilters(
      {
        segments,
        filtered: this.text.unheard(segments),
        language: this.language,
        languageProbability: this.languageProbability,
        ...(this.promptTrimmed ? { promptTrimmed: true } : {}),
        ...(this.otherLanguages.length > 0 ? { otherLanguages: [...this.otherLanguages] } : {}),
      },
      this.options.filter,
      this.filterFacts,
    );
    const timed = inOrder(kept.segments.map(timedByWords)).map(withWordsInside);
    return { ...kept, segments: this.options.task === 'translate' ? timed.map(withTranslatedWords) : timed };
  }

  /** Where speech goes on after a window whose text closed; null where it does not. */
  #resumeFrame(windows: readonly DecodedWindow[], window: DecodedWindow): number | null {
    const last = window.segments.findLast((segment) => this.text.textOf(segment.tokens) !== '');
    if (
      last === undefined ||
      windows.length > MAX_RESUMED_WINDOWS ||
      windows.filter((one) => this.#isInvented(one.generation)).length >= MAX_INVENTED_WINDOWS
    )
      return null;
    const endMs = window.startFrame * FRAME_MS + last.endStep * STEP_MS;
    if (endMs < window.startFrame * FRAME_MS + LEAST_PROGRESS_MS) return null;
    return loudMs(this.audio, endMs + WORD_TAIL_MS, window.endFrame * FRAME_MS) >= UNHEARD_MS
      ? Math.floor(endMs / FRAME_MS)
      : null;
  }

  #loopStart(window: DecodedWindow): TimedTokens | null {
    const index = firstLoop(this.text.segmentsOf(window), this.options.filter, this.filterFacts);
    return index === null
      ? null
      : (window.segments.filter((segment) => this.text.textOf(segment.tokens) !== '')[index] ?? null);
  }

  #ranIntoLimit({ generation, prompt }: DecodedWindow): boolean {
    return generation.tokens.length >= Math.min(this.maxNewTokens, this.maxTokens - prompt.tokens.length);
  }

  #isInvented(generation: Generation): boolean {
    return isDoubtful({
      textLogprob: this.text.textLogprob(generation, 0, generation.tokens.length),
      windowLogprob: averageLogprob(generation),
      noSpeechProb: generation.noSpeechProb,
    });
  }
}
