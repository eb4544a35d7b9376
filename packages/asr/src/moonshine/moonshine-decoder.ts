import { readFile } from 'node:fs/promises';
import { int64Tensor, openSession, type OnnxSession, type OnnxTensor, type SessionOptions, type TensorSpec } from '@murmuration/onnx';
import { DECODER, splitDecoder } from './graph/decoder-graphs.js';
import type { LinearArithmetic } from './graph/linear-layers.js';
import type { DecoderRows } from './decoder-rows.js';

/** Token that begins every transcript, and the one that ends it. Source: the model's generation settings. */
const START_TOKEN = 1;
export const END_TOKEN = 2;

/** One of the decoder's caches, by its names in the graph and its fixed dimensions. */
export interface CacheName { readonly past: string; readonly present: string; readonly heads: number; readonly width: number }

/** Names found in the graph: the caches of what was heard and of what was said. */
export interface DecoderNames { readonly inputIds: string; readonly encoder: readonly CacheName[]; readonly decoder: readonly CacheName[] }

/** What the first step of one chunk gave. */
export interface FirstStep {
  readonly token: number;
  readonly logprob: number;
  /** Encoder frames heard. */
  readonly positions: number;
  /** Values of one cache, by the name of its output. */
  values(present: string): Float32Array;
}

/** A step's choices, a row each. */
export interface Choices { readonly tokens: readonly number[]; readonly logprobs: readonly number[] }

/** The decoder's two graphs: a first step chunk by chunk, the others for all rows of a batch at once. */
export class MoonshineDecoder {
  readonly names: DecoderNames;
  readonly #first: OnnxSession;
  readonly #next: OnnxSession;

  private constructor(first: OnnxSession, next: OnnxSession) {
    this.#first = first;
    this.#next = next;
    this.names = findNames(next.inputs);
  }

  /** Throws the file system's error, or one that names the file when it is no Moonshine decoder. */
  static async load(path: string, arithmetic: LinearArithmetic, options: SessionOptions): Promise<MoonshineDecoder> {
    const graphs = splitDecoder(await readFile(path), arithmetic);
    const first = await openSession(graphs.first, options);
    return new MoonshineDecoder(first, await openSession(graphs.next, options));
  }

  /** @param heard float32 [1, positions, width]: what the encoder made of one chunk */
  async first(heard: OnnxTensor): Promise<FirstStep> {
    const results = await this.#first.run({ [this.names.inputIds]: int64Tensor(BigInt64Array.of(BigInt(START_TOKEN)), [1, 1]), encoder_hidden_states: heard });
    const { tokens: [token = END_TOKEN], logprobs: [logprob = 0] } = choices(results);
    return {
      token, logprob,
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
  };
}

function findNames(inputs: readonly TensorSpec[]): DecoderNames {
  const caches = (part: string): CacheName[] => {
    const found = inputs.filter((input) => input.name.startsWith('past_key_values.') && input.name.includes(`.${part}.`));
    return found.map(({ name }) => {
      // Heads and width as the file states them: the decoder's own caches keep its shapes.
      const [, heads, , width] = inputs.find((input) => input.name === name.replace('.encoder.', '.decoder.'))?.shape ?? [];
      if (typeof heads !== 'number' || typeof width !== 'number') throw new RangeError(`${name} states no number of heads or width`);
      return { past: name, present: name.replace('past_key_values.', 'present.'), heads, width };
    });
  };
  const names = { inputIds: 'input_ids', encoder: caches('encoder'), decoder: caches('decoder') };
  if (names.encoder.length === 0 || names.encoder.length !== names.decoder.length) throw new RangeError('the decoder has no key and value caches');
  return names;
}
