import { join } from 'node:path';
import type { ModelDescription, Recognition } from '@murmuration/contracts';
import { SAMPLE_RATE_HZ, padToGrid } from '@murmuration/contracts/audio-format';
import type { Binding, Device, GpuOptions } from '@murmuration/onnx';
import type { Recognizer, RecognizerInput, RehearsalClock, RowCancelled } from '../../recognizer.js';
import { DecoderRows, RowBuffers, type FirstStep } from './decoder-rows.js';
import { END_TOKEN, MoonshineDecoder } from './moonshine-decoder.js';
import { MoonshineEncoder, encoderFrames } from './moonshine-encoder.js';
import { emptyRecognition, toRecognition } from './moonshine-recognition.js';
import type { LinearArithmetic } from '../../graph/linear-layers.js';

/** Tokens a second of speech at most, and as many more for a short chunk: the model's authors stop at 6.5 a second, where it only repeats itself. */
const TOKENS_PER_SECOND = 6.5;
const SPARE_TOKENS = 2;

/** Finished rows leave the batch once they are this share of it. Moving the others costs time, so it is not done for each row. */
const COMPACT_SHARE = 0.25;

const ORDINARY_TOKENS_PER_SECOND = 3;
const REHEARSED_STEPS = 3;

/** A row in progress: active until its end token, its limit or its cancellation. */
interface Row {
  /** Place in the caller's batch. */
  readonly at: number;
  readonly maxTokens: number;
  readonly tokens: number[];
  /** Log-probability of each token, and of the end. */
  readonly logprobs: number[];
  /** For each of them, how much its step looked at each of the `frames` that the encoder heard. */
  readonly looks: Float32Array[];
  readonly frames: number;
  active: boolean;
}

export interface MoonshineOptions {
  /** Folder with `encoder_model.onnx` and `decoder_model_merged.onnx`. */
  readonly folder: string;
  readonly description: ModelDescription;
  readonly arithmetic: LinearArithmetic;
  readonly device: Device;
  /** Threads of each of its sessions. */
  readonly threads: number;
  readonly binding?: Binding | undefined;
  readonly gpu?: GpuOptions | undefined;
}

/** Moonshine (Useful Sensors, English), greedy. The encoder runs chunk by chunk, the decoder for the whole batch; no row's values depend on another's. */
export class MoonshineRecognizer implements Recognizer {
  readonly description: ModelDescription;
  readonly #encoder: MoonshineEncoder;
  readonly #decoder: MoonshineDecoder;
  readonly #buffers = new RowBuffers();
  readonly #stageMs = { encoder: 0, decoder: 0 };

  private constructor(description: ModelDescription, encoder: MoonshineEncoder, decoder: MoonshineDecoder) {
    this.description = description;
    this.#encoder = encoder;
    this.#decoder = decoder;
  }

  /** Throws an error that names the file that cannot be loaded and why. */
  static async load(options: MoonshineOptions): Promise<MoonshineRecognizer> {
    const session = { device: options.device, threads: options.threads, binding: options.binding, gpu: options.gpu };
    const encoder = await naming('encoder_model.onnx', (name) =>
      MoonshineEncoder.load(join(options.folder, name), options.arithmetic, session),
    );
    const decoder = await naming('decoder_model_merged.onnx', (name) =>
      MoonshineDecoder.load(join(options.folder, name), options.arithmetic, session),
    );
    return new MoonshineRecognizer(options.description, encoder, decoder);
  }

  get stageMs(): { readonly encoder: number; readonly decoder: number } {
    return { ...this.#stageMs };
  }

  /** The step of the grid to which the decoder's batch is padded (and masked), that of its longest chunk: the encoder hears each chunk as it is. */
  paddedSamples(samples: number): number {
    return padToGrid(samples, this.description.chunkPolicy.gridMs);
  }

  async recognize(batch: readonly RecognizerInput[], cancelled: RowCancelled): Promise<Recognition[]> {
    if (batch.length === 0) return [];
    const samples = Math.max(...batch.map((input) => this.paddedSamples(input.pcm.length)));
    const rows: Row[] = [];
    const inDecoder = new DecoderRows(this.#decoder.names, encoderFrames(samples), batch.length, this.#buffers);
    const order: Row[] = [];
    for (const [at, input] of batch.entries()) {
      if (cancelled(at)) continue;
      const row = await this.#begin(at, input, inDecoder);
      rows.push(row);
      if (row.active) order.push(row);
    }
    const began = performance.now();
    try {
      await this.#decode(order, inDecoder, cancelled);
    } finally {
      inDecoder.dispose();
    }
    this.#stageMs.decoder += performance.now() - began;
    const recognitions = batch.map(emptyRecognition);
    for (const row of rows) {
      const input = batch[row.at];
      if (input !== undefined && !cancelled(row.at)) recognitions[row.at] = toRecognition(row, input);
    }
    return recognitions;
  }

  async #begin(at: number, input: RecognizerInput, inDecoder: DecoderRows): Promise<Row> {
    const began = performance.now();
    const heard = await this.#encoder.encode(input.pcm);
    const encoded = performance.now();
    const start = await this.#decoder.first(heard);
    this.#stageMs.encoder += encoded - began;
    this.#stageMs.decoder += performance.now() - encoded;
    const seconds = input.pcm.length / SAMPLE_RATE_HZ;
    const row: Row = {
      at,
      maxTokens: Math.ceil(seconds * TOKENS_PER_SECOND) + SPARE_TOKENS,
      tokens: [],
      logprobs: [],
      looks: [],
      frames: start.positions,
      active: true,
    };
    say(row, start.token, start.logprob, start.alignment);
    if (row.active) inDecoder.add(start);
    return row;
  }

  /** Steps until no row is active; `order` holds the rows as they lie in the decoder. */
  async #decode(order: Row[], inDecoder: DecoderRows, cancelled: RowCancelled): Promise<void> {
    let rows = order;
    for (;;) {
      for (const row of rows) if (row.active && cancelled(row.at)) row.active = false;
      const active = rows.flatMap((row, place) => (row.active ? [place] : []));
      if (active.length === 0) return;
      if (rows.length - active.length >= rows.length * COMPACT_SHARE) {
        inDecoder.keep(active);
        rows = rows.filter((row) => row.active);
      }
      const { tokens, logprobs, alignment } = await this.#decoder.next(inDecoder);
      const positions = alignment.length / rows.length;
      rows.forEach((row, place) => {
        if (row.active)
          say(row, tokens[place] ?? END_TOKEN, logprobs[place] ?? 0, alignment.subarray(place * positions));
      });
    }
  }

  /** One chunk of noise through encoder and first step, then a few steps at each batch size; ordinary speech has 3 tokens a second. */
  async rehearse(paddedSamples: number, rows: readonly number[], clock: RehearsalClock): Promise<number[]> {
    const pcm = Float32Array.from({ length: paddedSamples }, (_, at) => 0.05 * Math.sin(at * at));
    let beginMs = Infinity;
    let start: FirstStep | null = null;
    for (let run = 0; run < 2; run++) {
      const began = clock();
      start = await this.#decoder.first(await this.#encoder.encode(pcm));
      beginMs = Math.min(beginMs, clock() - began);
    }
    const steps = (paddedSamples / SAMPLE_RATE_HZ) * ORDINARY_TOKENS_PER_SECOND;
    const predictedMs: number[] = [];
    for (const count of rows)
      predictedMs.push(count * beginMs + steps * (await this.#rehearseStepMs(start, paddedSamples, count, clock)));
    return predictedMs;
  }

  async #rehearseStepMs(
    start: FirstStep | null,
    paddedSamples: number,
    count: number,
    clock: RehearsalClock,
  ): Promise<number> {
    const inDecoder = new DecoderRows(this.#decoder.names, encoderFrames(paddedSamples), count, this.#buffers);
    for (let row = 0; row < count && start !== null; row++) inDecoder.add(start);
    let stepMs = Infinity;
    for (let step = 0; step < REHEARSED_STEPS; step++) {
      const began = clock();
      await this.#decoder.next(inDecoder);
      stepMs = Math.min(stepMs, clock() - began);
    }
    inDecoder.dispose();
    return stepMs;
  }

  async close(): Promise<void> {
    await this.#encoder.close();
    await this.#decoder.close();
  }
}

function say(row: Row, token: number, logprob: number, look: Float32Array): void {
  row.logprobs.push(logprob);
  row.looks.push(look.slice(0, row.frames));
  if (token !== END_TOKEN) row.tokens.push(token);
  row.active = token !== END_TOKEN && row.tokens.length < row.maxTokens;
}

async function naming<T>(name: string, load: (name: string) => Promise<T>): Promise<T> {
  try {
    return await load(name);
  } catch (error) {
    throw new Error(
      `the model file ${name} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}
