import type { ModelDescription, Recognition, Segment } from '@murmuration/contracts';
import { MULTI } from '@murmuration/contracts/language';
import { padToGrid, samplesToMs } from '@murmuration/contracts/audio-format';
import { Turns, type Turn } from '../../pool/turns.js';
import type { Pipeline, Recognizer, RecognizerInput, RehearsalClock, RowCancelled } from '../../recognizer.js';
import { followSpeech } from '../../segments/follow-speech.js';
import { ChunkDecoding } from './chunk-decoding.js';
import { decodeWindows, type DecodedWindow } from './decoding/decode-windows.js';
import { buildPrompt, type Prompt } from './decoding/prompt-tokens.js';
import { refuseImpossible } from './refuse-impossible.js';
import { describeWhisper, type WhisperParts } from './whisper-parts.js';
import type { DetectedLanguage } from './language-changes.js';
import { detectLanguages, joinRuns, SpokenLanguages } from './spoken-languages.js';
import { FeaturesHere, type FeatureSource } from './features/feature-source.js';
import {
  copyWindow,
  HOP_SAMPLES,
  LogMelExtractor,
  WINDOW_AUDIO_SAMPLES,
  WINDOW_FRAMES,
  windowFramesFor,
} from './features/log-mel.js';
import type { EncodedAudio } from './model/speech-model.js';
import { alignWords, TIME_ERROR_STEPS, type AlignmentSettings } from './words/align-words.js';
import { placeWords } from './words/place-words.js';

const ORDINARY_TOKENS_PER_SECOND = 3;
const WINDOW_MS = 30_000;

/** How batches overlap in a recognizer. */
export interface Overlap {
  /** Batches that may be in `recognize` at once. */
  readonly depth: number;
  /** Whether the first windows of the next batch are encoded beside the decoder of the one before, not only their features computed. */
  readonly encodes: boolean;
  /** The recognizer's to close. */
  readonly features: FeatureSource;
}

/**
 * A loaded Whisper. A batch is: features computed → first windows encoded → decoder's turn → windows written → turn over → filtered. Only the turn is one
 * batch's alone, in the order in which batches came; the rest goes on beside others, as far as `Overlap` lets it. Rows of a batch may differ in every option; each row's text depends on its own audio and options. */
export class WhisperRecognizer implements Recognizer {
  readonly description: ModelDescription;
  readonly #parts: WhisperParts;
  readonly #features: LogMelExtractor;
  readonly #alignment: AlignmentSettings;
  readonly #languages: SpokenLanguages;
  readonly #overlap: Overlap;
  readonly #turns = new Turns();
  #preparationShare = 0;
  #featuresMs = 0;

  /** @param overlap none unless given: features are computed in this thread, batch by batch */
  constructor(id: string, parts: WhisperParts, overlap?: Overlap) {
    this.description = describeWhisper(id, parts);
    this.#parts = parts;
    this.#features = new LogMelExtractor(parts.settings.mels);
    this.#languages = new SpokenLanguages(parts, this.#features);
    this.#overlap = overlap ?? { depth: 1, encodes: false, features: new FeaturesHere(this.#features) };
    this.#alignment = { heads: alignmentHeads(parts), medianWidth: parts.settings.medianFilterWidth };
  }

  get stageMs(): { readonly features: number; readonly encoder: number; readonly decoder: number } {
    return { ...this.#parts.model.stageMs, features: this.#featuresMs };
  }

  get pipeline(): Pipeline {
    return { depth: this.#overlap.depth, preparationShare: this.#preparationShare };
  }

  paddedSamples(samples: number): number {
    return padToGrid(samples, this.description.chunkPolicy.gridMs);
  }

  /** Throws `AsrError` `unsupported_language`, `unsupported_task` or `word_timestamps_unavailable` before anything runs, and the runtime's errors. */
  async recognize(batch: readonly RecognizerInput[], cancelled: RowCancelled): Promise<Recognition[]> {
    for (const { options } of batch)
      refuseImpossible(options, this.description, this.#parts, this.#alignment.heads.length > 0);
    const turn = this.#turns.ask();
    try {
      return await this.#recognizeInTurn(batch, cancelled, turn);
    } finally {
      turn.end();
    }
  }

  async #recognizeInTurn(
    batch: readonly RecognizerInput[],
    cancelled: RowCancelled,
    turn: Turn,
  ): Promise<Recognition[]> {
    // To find where the language changes the model is asked.
    if (batch.some(({ options }) => options.language === MULTI)) await turn.begins;
    const runs = await this.#languages.runs(batch);
    const recognised = await this.#recognizeAll(
      runs.map((run) => run.input),
      (index) => cancelled(runs[index]?.row ?? 0),
      turn,
    );
    return batch.map(({ options }, row) => {
      const own = recognised.flatMap((one, i) => (runs[i]?.row === row ? [{ ...runs[i], ...one }] : []));
      const [only] = own;
      return own.length === 1 && only !== undefined && options.language !== MULTI ? only.recognition : joinRuns(own);
    });
  }

  /** Features, windows, words and filters of rows, each in one language. Ends the turn when the model is not needed any more. */
  async #recognizeAll(
    batch: readonly RecognizerInput[],
    cancelled: RowCancelled,
    turn: Turn,
  ): Promise<{ readonly recognition: Recognition; readonly textLanguage: string | null }[]> {
    const { vocabulary, settings, model } = this.#parts;
    const began = performance.now();
    const mels = await Promise.all(batch.map(({ pcm }) => this.#overlap.features.extract(pcm)));
    this.#featuresMs += performance.now() - began;
    const chunks = batch.flatMap(({ pcm, options, speech }, i) =>
      mels.slice(i, i + 1).map((mel) => new ChunkDecoding(pcm, mel, options, vocabulary, settings.maxTokens, speech)),
    );
    if (!this.#overlap.encodes) await turn.begins;
    const windows = await decodeWindows(model, chunks, {
      encoded: () => turn.begins,
      prompts: (audio, tasks, before) =>
        this.#prompts(
          audio,
          tasks.map((task) => chunkAt(chunks, task)),
          before,
        ),
      onWindow: (audio, row, task, window) => this.#placeWords(audio, row, chunkAt(chunks, task), window),
      cancelled,
    });
    turn.end();
    return chunks.map((chunk, i) => {
      this.#listen(chunk, windows[i] ?? []);
      const recognition = cancelled(i)
        ? { segments: [], filtered: [], language: chunk.language, languageProbability: chunk.languageProbability }
        : divided(chunk, chunk.recognition(windows[i] ?? []));
      return { recognition, textLanguage: chunk.textLanguage };
    });
  }

  /** Features, encoder and a few steps of the decoder at each batch size; the longest row of a batch of ordinary speech has 3 tokens a second, times included. */
  async rehearse(paddedSamples: number, rows: readonly number[], clock: RehearsalClock): Promise<number[]> {
    const { vocabulary, model } = this.#parts;
    const began = clock();
    this.#features.extract(new Float32Array(paddedSamples));
    const featuresMs = (clock() - began) / this.#overlap.features.width;
    const prompt = buildPrompt(
      vocabulary,
      { language: 'en', task: 'transcribe', timestamps: true, prompt: '', hotwords: '', previous: [] },
      this.#parts.settings.maxTokens,
    ).tokens;
    const speechMs = Math.min(samplesToMs(paddedSamples), this.description.chunkPolicy.targetChunkMs);
    const steps = (speechMs / 1_000) * ORDINARY_TOKENS_PER_SECOND;
    const frames = model.shortWindows ? windowFramesFor(paddedSamples / HOP_SAMPLES) : WINDOW_FRAMES;
    const predictedMs: number[] = [];
    for (const count of rows) {
      const { encodeMs, firstMs, stepMs } = await model.rehearse(count, frames, prompt, clock, this.#overlap.encodes);
      const preparationMs = count * featuresMs + encodeMs;
      const batchMs = preparationMs + firstMs + steps * stepMs;
      if (count === Math.max(...rows)) this.#preparationShare = preparationMs / batchMs;
      predictedMs.push(batchMs);
    }
    return predictedMs;
  }

  /** The language of each recording's first 30 s. An English-only model answers `en` with probability 1. */
  async detectLanguage(batch: readonly Pick<RecognizerInput, 'pcm'>[]): Promise<DetectedLanguage[]> {
    const { vocabulary, settings, model } = this.#parts;
    if (!vocabulary.multilingual) return batch.map(() => ({ language: 'en', probability: 1 }));
    const size = settings.mels * WINDOW_FRAMES;
    const features = new Float32Array(size * batch.length);
    batch.forEach(({ pcm }, i) => {
      copyWindow(this.#features.extract(pcm.subarray(0, WINDOW_AUDIO_SAMPLES)), 0, features, i * size);
    });
    const audio = await model.encode(features, batch.length);
    try {
      return await detectLanguages(model, vocabulary, audio);
    } finally {
      audio.dispose();
    }
  }

  async close(): Promise<void> {
    await this.#overlap.features.close();
    await this.#parts.model.close();
  }

  async #prompts(
    audio: EncodedAudio,
    chunks: readonly ChunkDecoding[],
    before: readonly (readonly DecodedWindow[])[],
  ): Promise<Prompt[]> {
    const { vocabulary, settings, model } = this.#parts;
    if (chunks.some((chunk) => chunk.language === null)) {
      const detected = await detectLanguages(model, vocabulary, audio);
      for (const [i, chunk] of chunks.entries()) {
        const whole = detected[i];
        if (chunk.language !== null || whole === undefined) continue;
        const found = await this.#languages.ofWindow(audio, i, chunk.audio, 0, WINDOW_MS, whole);
        chunk.language = found.language;
        chunk.languageProbability = found.probability;
        chunk.otherLanguages = found.others;
      }
    }
    return chunks.map((chunk, i) => {
      const windows = before[i] ?? [];
      const { task, prompt, hotwords } = chunk.options;
      const built = buildPrompt(
        vocabulary,
        {
          language: chunk.language ?? 'en',
          task,
          timestamps: true,
          prompt,
          hotwords,
          previous: chunk.previousTokens(windows),
        },
        settings.maxTokens,
      );
      if (windows.length === 0) chunk.promptTrimmed = built.trimmed;
      return built;
    });
  }

  /** Of a chunk whose language was given: what its first window sounds like. With a text before it the model says rather what that is in. */
  #listen(chunk: ChunkDecoding, [first]: readonly DecodedWindow[]): void {
    if (
      first === undefined ||
      !this.#parts.vocabulary.multilingual ||
      chunk.languageProbability !== null ||
      first.prompt.startIndex > 0
    )
      return;
    chunk.otherLanguages = this.#languages.othersIn(first.generation.startLogprobs, chunk.language);
  }

  async #placeWords(audio: EncodedAudio, row: number, chunk: ChunkDecoding, window: DecodedWindow): Promise<void> {
    if (this.#alignment.heads.length === 0 || !chunk.text.needsWords(window)) return;
    const { vocabulary, model } = this.#parts;
    const lastWordMs = chunk.text.lastWordMs;
    const isText = (token: number | undefined): boolean => token !== undefined && token < vocabulary.endOfText;
    const texts = window.segments.map(({ tokens, firstToken, startStep, endStep }) => ({
      tokens: tokens.filter(isText),
      startStep,
      endStep,
      // Where words only serve to divide segments, how surely they were written does.
      logprobs: chunk.options.wordTimestamps
        ? null
        : window.generation.logprobs.slice(firstToken, firstToken + tokens.length).filter((_, i) => isText(tokens[i])),
    }));
    const language = chunk.textLanguage ?? 'en';
    const start = window.prompt.tokens.slice(window.prompt.startIndex);
    // Beyond half a second past the last time written the next window writes.
    const steps = Math.min(
      Math.floor((window.endFrame - window.startFrame) / 2),
      (window.segments.at(-1)?.endStep ?? 0) + TIME_ERROR_STEPS,
    );
    const aligned = await alignWords(model, vocabulary, this.#alignment, audio, row, start, texts, steps, language);
    placeWords(aligned, chunk.text.wordedSegments(window), language, window.startFrame * 10, lastWordMs);
  }
}

/** The recognition with its segments divided by the speech; words that were not asked for have served. */
function divided(chunk: ChunkDecoding, recognition: Recognition): Recognition {
  const segments = followSpeech(recognition.segments, chunk.text.heard);
  return { ...recognition, segments: chunk.options.wordTimestamps ? segments : segments.map(withoutWords) };
}

function withoutWords(segment: Segment): Segment {
  const bare = { ...segment };
  delete bare.words;
  return bare;
}

/** The heads named by the model's files that the export gives; where none are named, all heads of the upper half of the layers, as openai/whisper takes them. */
function alignmentHeads({ settings, model }: WhisperParts): (readonly [number, number])[] {
  const named =
    settings.alignmentHeads.length > 0
      ? settings.alignmentHeads
      : Array.from(
          { length: settings.layers * settings.heads },
          (_, i) => [Math.floor(i / settings.heads), i % settings.heads] as const,
        ).filter(([layer]) => layer >= settings.layers / 2);
  return named.filter(([layer]) => model.attentionLayers.has(layer));
}

function chunkAt(chunks: readonly ChunkDecoding[], index: number): ChunkDecoding {
  const chunk = chunks[index];
  if (chunk === undefined) throw new Error(`no chunk ${String(index)} in the batch`);
  return chunk;
}
