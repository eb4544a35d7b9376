import { setTimeout as sleep } from 'node:timers/promises';
import type { ModelDescription, Recognition, Word } from '@murmuration/contracts';
import { SAMPLE_RATE_HZ, padToGrid, samplesToMs } from '@murmuration/contracts/audio-format';
import { measureAudio, timesBySound, type AudioFacts } from '../../filters/audio-facts.js';
import type { Recognizer, RecognizerInput, RowCancelled } from '../../recognizer.js';
import { spacedWords } from '../../words/join-marks.js';
import type { ModelFamily, ResolvedModel, SimulatedCost } from '../model-family.js';
import { MOONSHINE_CHUNK_POLICY } from '../moonshine/moonshine-family.js';

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

/** About a fast GPU: a batch of 32 chunks of 4 s in 36 ms. */
const DEFAULT_COST: SimulatedCost = { batchMs: 10, audioSecondMs: 0.2, rowMs: 0.01 };

/** Syllables of the texts; a chunk's samples choose which. */
const SYLLABLES = [
  'ba',
  'de',
  'fi',
  'go',
  'hu',
  'ka',
  'le',
  'mi',
  'no',
  'pu',
  'ra',
  'se',
  'ti',
  'vo',
  'wu',
  'za',
] as const;

/** A device for load tests: sleeps as long as a batch of that shape is said to take, and gives a text that depends on the chunk's samples alone. */
export class SimulatedRecognizer implements Recognizer {
  readonly description: ModelDescription;
  readonly #cost: SimulatedCost;

  constructor(model: Pick<ResolvedModel, 'id' | 'slug'>, cost: SimulatedCost = DEFAULT_COST) {
    this.#cost = cost;
    this.description = {
      id: model.id,
      slug: model.slug,
      family: 'simulated',
      languages: ['en'],
      tasks: ['transcribe'],
      wordTimes: 'approximate',
      detectsLanguage: false,
      dtype: 'simulated',
      chunkPolicy: MOONSHINE_CHUNK_POLICY,
    };
  }

  paddedSamples(samples: number): number {
    return padToGrid(samples, this.description.chunkPolicy.gridMs);
  }

  async recognize(batch: readonly RecognizerInput[], cancelled: RowCancelled): Promise<Recognition[]> {
    const samples = Math.max(0, ...batch.map((input) => this.paddedSamples(input.pcm.length)));
    await sleep(this.costMs(samples, batch.length));
    return batch.map((input, row) => (cancelled(row) ? recognitionOf([]) : recognitionOf(segmentsOf(input))));
  }

  rehearse(paddedSamples: number, rows: readonly number[]): Promise<number[]> {
    return Promise.resolve(rows.map((count) => this.costMs(paddedSamples, count)));
  }

  /** The simulated cost of a batch. */
  costMs(paddedSamples: number, rows: number): number {
    return this.#cost.batchMs + rows * (this.#cost.rowMs + (paddedSamples / SAMPLE_RATE_HZ) * this.#cost.audioSecondMs);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** One word a half second, spelt by a hash of the samples (FNV-1a over their 16-bit values). */
export function simulatedText(pcm: Float32Array): string {
  let hash = 0x811c9dc5;
  for (const sample of pcm) hash = Math.imul(hash ^ (Math.round(sample * 32_768) & 0xffff), 0x01000193);
  const words = Math.max(1, Math.round(samplesToMs(pcm.length) / 500));
  let state = hash >>> 0;
  const next = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 28;
  return Array.from({ length: words }, () => `${SYLLABLES[next()] ?? ''}${SYLLABLES[next()] ?? ''}`).join(' ');
}

function segmentsOf({ pcm, options }: RecognizerInput): Recognition['segments'] {
  const text = simulatedText(pcm);
  const endMs = Math.round(samplesToMs(pcm.length));
  return [
    {
      startMs: 0,
      endMs,
      text,
      channel: 0,
      confidence: 1,
      avgLogprob: 0,
      noSpeechProb: 0,
      compressionRatio: 1,
      temperature: 0,
      tokens: [],
      ...(options.wordTimestamps ? { words: approximateWords(text, measureAudio(pcm), 1) } : {}),
    },
  ];
}

function recognitionOf(segments: Recognition['segments']): Recognition {
  return { segments, filtered: [], language: 'en', languageProbability: null };
}

/** Computes nothing and has no files; for load tests. */
export const SIMULATED: ModelFamily = {
  packaged: {},
  hubModels: {},
  hubAliases: {},
  hubRefusal: null,
  checkFolder: null,
  mixesLengths: false,
  load: ({ model, simulatedCost }) => Promise.resolve(new SimulatedRecognizer(model, simulatedCost)),
};
