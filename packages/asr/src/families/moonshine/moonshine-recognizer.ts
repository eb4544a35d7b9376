import { join } from 'node:path';
import type { ModelDescription, Recognition } from '@murmuration/contracts';
import { SAMPLE_RATE_HZ, padToGrid } from '@murmuration/contracts/audio-format';
import type { Binding, Device, GpuOptions, OnnxTensor } from '@murmuration/onnx';
import type { Recognizer, RecognizerInput, RehearsalClock, RowCancelled } from '../../recognizer.js';
import { END_TOKEN, type Choice, type DecoderRows } from './decoder-rows.js';
import { MoonshineDecoder } from './moonshine-decoder.js';
import { MoonshineEncoder, encoderFrames } from './moonshine-encoder.js';
import { emptyRecognition, toRecognition } from './moonshine-recognition.js';
import type { LinearArithmetic } from '../../graph/linear-layers.js';

/** Tokens a second of speech at most, and as many more for a short chunk: the model's authors stop at 6.5 a second, where it only repeats itself. */
const TOKENS_PER_SECOND = 6.5;
const SPARE_TOKENS = 2;

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

/** Moonshine (Useful Sensors, English), greedy. The encoder runs chunk by chunk, the decoder's steps for the whole batch; no row's values depend on another's. */
export class MoonshineRecognizer implements Recognizer {
  readonly description: ModelDescription;
  readonly #encoder: MoonshineEncoder;
  readonly #decoder: MoonshineDecoder;
  readonly #stageMs = { encoder: 0, decoder: 0 };

  private constructor(description: ModelDescription, encoder: MoonshineEncoder, decoder: MoonshineDecoder) {
    this.description = description;
    this.#encoder = encoder;
    this.#decoder = decoder;
  }

  /**
   * Throws an error that names the file that cannot be loaded and why.
   * @param onCard whether the decoder is made as for a graphics card; on a CPU for tests
   */
  static async load(options: MoonshineOptions, onCard = options.device !== 'cpu'): Promise<MoonshineRecognizer> {
    const session = { device: options.device, threads: options.threads, binding: options.binding, gpu: options.gpu };
    const encoder = await naming('encoder_model.onnx', (name) =>
      MoonshineEncoder.load(join(options.folder, name), options.arithmetic, session),
    );
    const decoder = await naming('decoder_model_merged.onnx', (name) =>
      MoonshineDecoder.load(join(options.folder, name), options.arithmetic, session, onCard),
    );
    return new MoonshineRecognizer(options.description, encoder, decoder);
  }

  get stageMs(): { readonly encoder: number; readonly decoder: number } {
    return { ...this.#stageMs };
  }

  /** Bytes that encoder and decoder have taken from host memory and given there so far. */
  get hostBytes(): number {
    return this.#encoder.hostBytes + this.#decoder.hostBytes;
  }

  /** The step of the grid to which the decoder's batch is padded (and masked), that of its longest chunk: the encoder hears each chunk as it is. */
  paddedSamples(samples: number): number {
    return padToGrid(samples, this.description.chunkPolicy.gridMs);
  }

  async recognize(batch: readonly RecognizerInput[], cancelled: RowCancelled): Promise<Recognition[]> {
    if (batch.length === 0) return [];
    const samples = Math.max(...batch.map((input) => this.paddedSamples(input.pcm.length)));
    const rows: Row[] = [];
    const inDecoder = this.#decoder.rows(encoderFrames(samples), batch.length);
    try {
      for (const [at, input] of batch.entries())
        if (!cancelled(at)) rows.push(await this.#takeIn(at, input, inDecoder));
      const began = performance.now();
      await this.#decode(rows, inDecoder, cancelled);
      this.#stageMs.decoder += performance.now() - began;
    } finally {
      inDecoder.dispose();
    }
    const recognitions = batch.map(emptyRecognition);
    for (const row of rows) {
      const input = batch[row.at];
      if (input !== undefined && !cancelled(row.at)) recognitions[row.at] = toRecognition(row, input);
    }
    return recognitions;
  }

  async #takeIn(at: number, input: RecognizerInput, inDecoder: DecoderRows): Promise<Row> {
    const began = performance.now();
    const heard = await this.#encoder.encode(input.pcm);
    const encoded = performance.now();
    await inDecoder.add(heard);
    this.#stageMs.encoder += encoded - began;
    this.#stageMs.decoder += performance.now() - encoded;
    const seconds = input.pcm.length / SAMPLE_RATE_HZ;
    return {
      at,
      maxTokens: Math.ceil(seconds * TOKENS_PER_SECOND) + SPARE_TOKENS,
      tokens: [],
      logprobs: [],
      looks: [],
      frames: heard.dims[1] ?? 0,
      active: true,
    };
  }

  /** Steps until no row is active; `order` holds the rows as they lie in the decoder. */
  async #decode(order: readonly Row[], inDecoder: DecoderRows, cancelled: RowCancelled): Promise<void> {
    let rows = order;
    let choices = await inDecoder.start();
    // Who says nothing at all is taken out before the first further step in any case.
    let share = 0;
    for (;;) {
      rows.forEach((row, place) => {
        const choice = choices[place];
        if (row.active && choice !== undefined) say(row, choice);
      });
      for (const row of rows) if (row.active && cancelled(row.at)) row.active = false;
      const active = rows.flatMap((row, place) => (row.active ? [place] : []));
      if (active.length === 0) return;
      const done = rows.length - active.length;
      if (done > 0 && done >= rows.length * share) {
        await inDecoder.keep(active);
        rows = rows.filter((row) => row.active);
      }
      share = inDecoder.compactShare;
      choices = await inDecoder.next();
    }
  }

  /** One chunk of noise through encoder and first step, then a few steps at each batch size; ordinary speech has 3 tokens a second. */
  async rehearse(paddedSamples: number, rows: readonly number[], clock: RehearsalClock): Promise<number[]> {
    const pcm = Float32Array.from({ length: paddedSamples }, (_, at) => 0.05 * Math.sin(at * at));
    let heard: OnnxTensor | null = null;
    let encoderMs = Infinity;
    for (let run = 0; run < 2; run++) {
      const began = clock();
      heard = await this.#encoder.encode(pcm);
      encoderMs = Math.min(encoderMs, clock() - began);
    }
    const predictedMs: number[] = [];
    for (const count of rows)
      if (heard !== null)
        predictedMs.push(count * encoderMs + (await this.#rehearseDecoderMs(heard, paddedSamples, count, clock)));
    return predictedMs;
  }

  async #rehearseDecoderMs(
    heard: OnnxTensor,
    paddedSamples: number,
    count: number,
    clock: RehearsalClock,
  ): Promise<number> {
    const inDecoder = this.#decoder.rows(encoderFrames(paddedSamples), count);
    try {
      const startMs = await inDecoder.rehearse(heard, count, clock);
      let stepMs = Infinity;
      for (let step = 0; step < REHEARSED_STEPS; step++) {
        const began = clock();
        await inDecoder.next();
        stepMs = Math.min(stepMs, clock() - began);
      }
      return startMs + stepMs * (paddedSamples / SAMPLE_RATE_HZ) * ORDINARY_TOKENS_PER_SECOND;
    } finally {
      inDecoder.dispose();
    }
  }

  async close(): Promise<void> {
    await this.#encoder.close();
    await this.#decoder.close();
  }
}

function say(row: Row, { token, logprob, alignment }: Choice): void {
  row.logprobs.push(logprob);
  row.looks.push(alignment.slice(0, row.frames));
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
