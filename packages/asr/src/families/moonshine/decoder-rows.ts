import type { OnnxSession, OnnxTensor, TensorSpec } from '@murmuration/onnx';
import type { RehearsalClock } from '../../recognizer.js';
import { DECODER } from './decoder-graphs.js';

/** Token that begins every transcript, and the one that ends it. Source: the model's generation settings. */
export const START_TOKEN = 1;
export const END_TOKEN = 2;

/** Added to the attention scores of padding: its exponential is exactly 0 in float32. */
export const UNHEARD = -1e9;

/** One of the decoder's caches, by its names in the graph and its fixed dimensions. */
export interface CacheName {
  readonly past: string;
  readonly present: string;
  readonly heads: number;
  readonly width: number;
}

/** Names found in the graph: the caches of the encoder's and of the decoder's keys and values. */
interface DecoderNames {
  readonly inputIds: string;
  readonly encoder: readonly CacheName[];
  readonly decoder: readonly CacheName[];
}

/** The decoder's two graphs, loaded. */
export interface DecoderSteps {
  readonly first: OnnxSession;
  readonly next: OnnxSession;
  readonly names: DecoderNames;
}

/** What a step chose for one row. `alignment`: how much the step looks at each frame; valid until the next step. */
export interface Choice {
  readonly token: number;
  readonly logprob: number;
  readonly alignment: Float32Array;
}

/**
 * The rows of one batch inside the decoder: the encoder's keys and values (padded to one length and masked), the decoder's keys and values,
 * and the last token of each row. `add` for each row, `start` once, then `next` in turns; `keep` takes finished rows out in between. Whatever
 * happens, `dispose` ends it. All but `dispose` throw the runtime's error, for example when memory is short.
 */
export interface DecoderRows {
  /** Rows that are done are taken out once they are this share of all: moving the others costs time. */
  readonly compactShare: number;
  /** Takes in what the encoder made of a chunk, float32 [1, positions, width], as the next row; copies what it needs. */
  add(heard: OnnxTensor): Promise<void>;
  /** The first choices, a row each. */
  start(): Promise<readonly Choice[]>;
  /** The next choices, a row each. */
  next(): Promise<readonly Choice[]>;
  /** Keeps only these rows, given in ascending order; they are renumbered from 0. */
  keep(rows: readonly number[]): Promise<void>;
  /** In place of `add` and `start`: one chunk as so many rows. Returns how long their first steps take, milliseconds of `clock`. */
  rehearse(heard: OnnxTensor, count: number, clock: RehearsalClock): Promise<number>;
  /** Gives up what the decoder kept for these rows. */
  dispose(): void;
}

/** Finds the caches among the inputs of the graph of all later steps. Throws `RangeError` when there are none or their dimensions are not stated. */
export function findDecoderNames(inputs: readonly TensorSpec[]): DecoderNames {
  const caches = (part: string): CacheName[] => {
    const found = inputs.filter(
      (input) => input.name.startsWith('past_key_values.') && input.name.includes(`.${part}.`),
    );
    return found.map(({ name }) => {
      // Heads and width as the file states them: the decoder's own caches keep its shapes.
      const [, heads, , width] =
        inputs.find((input) => input.name === name.replace('.encoder.', '.decoder.'))?.shape ?? [];
      if (typeof heads !== 'number' || typeof width !== 'number')
        throw new RangeError(`${name} states no number of heads or width`);
      return { past: name, present: name.replace('past_key_values.', 'present.'), heads, width };
    });
  };
  const names = { inputIds: 'input_ids', encoder: caches('encoder'), decoder: caches('decoder') };
  if (names.encoder.length === 0 || names.encoder.length !== names.decoder.length)
    throw new RangeError('the decoder has no key and value caches');
  return names;
}

/** An output that must be there. */
export function given(results: Readonly<Record<string, OnnxTensor>>, name: string): OnnxTensor {
  const tensor = results[name];
  if (tensor === undefined) throw new Error(`the decoder gave no ${name}`);
  return tensor;
}

/** What a run of either graph chose, a row each. */
export function choicesOf(results: Readonly<Record<string, OnnxTensor>>): Choice[] {
  const tokens = given(results, DECODER.nextToken).data as BigInt64Array;
  const logprobs = given(results, DECODER.logprob).data as Float32Array;
  const alignment = given(results, DECODER.alignment).data as Float32Array;
  const positions = alignment.length / tokens.length;
  return Array.from(tokens, (token, row) => ({
    token: Number(token),
    logprob: logprobs[row] ?? 0,
    alignment: alignment.subarray(row * positions, (row + 1) * positions),
  }));
}
