import { readFile } from 'node:fs/promises';
import { int64Tensor, openSession, type OnnxSession, type OnnxTensor, type SessionOptions } from '@murmuration/onnx';
import { DECODER, splitDecoder } from './decoder-graphs.js';
import type { LinearArithmetic } from '../../graph/linear-layers.js';
import { findDecoderNames, type DecoderNames, type DecoderRows, type FirstStep } from './decoder-rows.js';

/** Token that begins every transcript, and the one that ends it. Source: the model's generation settings. */
const START_TOKEN = 1;
export const END_TOKEN = 2;

/** A step's choices, a row each. `alignment`: how much each row's step looks at each frame, rows × positions; valid until the next step. */
export interface Choices {
  readonly tokens: readonly number[];
  readonly logprobs: readonly number[];
  readonly alignment: Float32Array;
}

/** The decoder's two graphs: a first step chunk by chunk, the others for all rows of a batch at once. */
export class MoonshineDecoder {
  readonly names: DecoderNames;
  readonly #first: OnnxSession;
  readonly #next: OnnxSession;

  private constructor(first: OnnxSession, next: OnnxSession) {
    this.#first = first;
    this.#next = next;
    this.names = findDecoderNames(next.inputs);
  }

  /** Throws the file system's error, or one that names the file when it is no Moonshine decoder. */
  static async load(path: string, arithmetic: LinearArithmetic, options: SessionOptions): Promise<MoonshineDecoder> {
    // Rows of a cache on a graphics card could not be taken out in place.
    const keep = options.device === 'cpu' ? /^present\./ : undefined;
    const graphs = splitDecoder(await readFile(path), arithmetic);
    const first = await openSession(graphs.first, options);
    return new MoonshineDecoder(first, await openSession(graphs.next, { ...options, keep }));
  }

  /** @param heard float32 [1, positions, width]: what the encoder made of one chunk */
  async first(heard: OnnxTensor): Promise<FirstStep> {
    const results = await this.#first.run({
      [this.names.inputIds]: int64Tensor(BigInt64Array.of(BigInt(START_TOKEN)), [1, 1]),
      encoder_hidden_states: heard,
    });
    const {
      tokens: [token = END_TOKEN],
      logprobs: [logprob = 0],
      alignment,
    } = choices(results);
    return {
      token,
      logprob,
      alignment,
      positions: heard.dims[1] ?? 0,
      values: (present) => {
        const tensor = results[present];
        if (tensor === undefined) throw new Error(`the decoder gave no ${present}`);
        return tensor.data as Float32Array;
      },
    };
  }

  /** One step for every row. */
  async next(rows: DecoderRows): Promise<Choices> {
    const results = await this.#next.run(rows.feeds());
    rows.advance(results);
    return choices(results);
  }

  async close(): Promise<void> {
    await this.#first.close();
    await this.#next.close();
  }
}

function choices(results: Readonly<Record<string, OnnxTensor>>): Choices {
  return {
    tokens: Array.from(results[DECODER.nextToken]?.data as BigInt64Array, Number),
    logprobs: Array.from(results[DECODER.logprob]?.data as Float32Array),
    alignment: results[DECODER.alignment]?.data as Float32Array,
  };
}
