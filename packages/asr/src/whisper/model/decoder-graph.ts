import { boolTensor, int64Tensor, zerosTensor, type OnnxSession, type OnnxTensor, type TensorSpec } from '@murmuration/onnx';
import { asType, firstRows, floatTypeOf, moveRow, type FloatType } from './graph-tensors.js';
import { ModelFault } from './model-fault.js';

const PAST = 'past_key_values.';
const PRESENT = 'present.';
const ATTENTION = 'cross_attentions.';

/** Keys and values that the decoder keeps between steps, for some rows. Owned by the loop that runs it. */
export interface DecoderState {
  rows: number;
  hidden: OnnxTensor;
  /** By input name: those of the audio, made once. */
  encoder: Record<string, OnnxTensor>;
  /** By input name: those of the tokens, one longer at each step. */
  decoder: Record<string, OnnxTensor>;
}

interface CacheInput { readonly input: string; readonly output: string; readonly type: FloatType; readonly ofEncoder: boolean }

/** The merged decoder: with and without a cache in one graph. Names, types and what it gives beside logits are those of the session. */
export class DecoderGraph {
  readonly vocabularySize: number | null;
  /** Layers whose cross-attention it gives. */
  readonly attentionLayers: ReadonlySet<number>;
  readonly #session: OnnxSession;
  readonly #cache: readonly CacheInput[];
  readonly #hiddenType: FloatType;
  readonly #headWidth: number;
  readonly #heads: number;
  readonly #firstFetches: readonly string[];
  readonly #nextFetches: readonly string[];

  /** Throws `ModelFault` `model_not_whisper` when inputs or outputs of a merged Whisper decoder are missing. */
  constructor(session: OnnxSession, shape: { readonly heads: number; readonly width: number }) {
    const inputs = new Map(session.inputs.map((spec) => [spec.name, spec]));
    const outputs = new Map(session.outputs.map((spec) => [spec.name, spec]));
    const hidden = inputs.get('encoder_hidden_states');
    const logits = outputs.get('logits');
    if (hidden === undefined || logits === undefined || !inputs.has('input_ids') || !inputs.has('use_cache_branch')) {
      throw new ModelFault('model_not_whisper', `the decoder graph is no merged Whisper decoder: expected input_ids, encoder_hidden_states, use_cache_branch and logits, found ${[...inputs.keys(), ...outputs.keys()].slice(0, 8).join(', ')}`);
    }
    this.#session = session;
    this.#hiddenType = floatTypeOf(hidden);
    this.#heads = shape.heads;
    this.#headWidth = shape.width / shape.heads;
    this.#cache = cacheInputs(session.inputs, outputs);
    const last = logits.shape.at(-1);
    this.vocabularySize = typeof last === 'number' ? last : null;
    this.attentionLayers = new Set([...outputs.keys()].filter((name) => name.startsWith(ATTENTION)).map((name) => Number(name.slice(ATTENTION.length))));
    this.#firstFetches = ['logits', ...this.#cache.map((one) => one.output)];
    this.#nextFetches = ['logits', ...this.#cache.filter((one) => !one.ofEncoder).map((one) => one.output)];
  }

  /** The first step: all prompt tokens at once. `ids` is rows × (tokens of a row). Answers logits (rows × tokens × vocabulary) and the state for `next`. */
  async first(hidden: OnnxTensor, ids: BigInt64Array, rows: number): Promise<{ logits: OnnxTensor; state: DecoderState }> {
    const states = asType(hidden, this.#hiddenType);
    const results = await this.#session.run(this.#firstFeeds(states, ids, rows), this.#firstFetches);
    const state: DecoderState = { rows, hidden: states, encoder: {}, decoder: {} };
    for (const one of this.#cache) (one.ofEncoder ? state.encoder : state.decoder)[one.input] = given(results, one.output);
    return { logits: given(results, 'logits'), state };
  }

  /** A further step: one token a row. The state takes the longer cache. */
  async next(state: DecoderState, ids: BigInt64Array): Promise<OnnxTensor> {
    const results = await this.#session.run({
      ...state.encoder,
      ...state.decoder,
      input_ids: int64Tensor(ids, [state.rows, 1]),
      encoder_hidden_states: state.hidden,
      use_cache_branch: boolTensor(true),
    }, this.#nextFetches);
    for (const one of this.#cache) if (!one.ofEncoder) state.decoder[one.input] = given(results, one.output);
    return given(results, 'logits');
  }

  /** One run over known tokens of one row: logits, and the cross-attention (1 × heads × tokens × positions) of each layer asked for. */
  async attend(hidden: OnnxTensor, ids: BigInt64Array, layers: readonly number[]): Promise<{ logits: OnnxTensor; attentions: Map<number, OnnxTensor> }> {
    const names = layers.map((layer) => `${ATTENTION}${String(layer)}`);
    const results = await this.#session.run(this.#firstFeeds(asType(hidden, this.#hiddenType), ids, 1), ['logits', ...names]);
    return { logits: given(results, 'logits'), attentions: new Map(layers.map((layer, i) => [layer, given(results, names[i] ?? '')])) };
  }

  /** Removes a row: the last one takes its place, so that only one row is copied. */
  removeRow(state: DecoderState, row: number): void {
    const last = state.rows - 1;
    const shrink = (tensor: OnnxTensor): OnnxTensor => {
      if (row !== last) moveRow(tensor, last, row);
      return firstRows(tensor, last);
    };
    for (const cache of [state.encoder, state.decoder]) for (const [name, tensor] of Object.entries(cache)) cache[name] = shrink(tensor);
    // With a cache the graph reads no hidden states, only their shape.
    state.hidden = firstRows(state.hidden, last);
    state.rows = last;
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  #firstFeeds(hidden: OnnxTensor, ids: BigInt64Array, rows: number): Record<string, OnnxTensor> {
    const feeds: Record<string, OnnxTensor> = {
      input_ids: int64Tensor(ids, [rows, ids.length / rows]),
      encoder_hidden_states: hidden,
      use_cache_branch: boolTensor(false),
    };
    for (const one of this.#cache) feeds[one.input] = zerosTensor(one.type, [rows, this.#heads, 0, this.#headWidth]);
    return feeds;
  }
}

function cacheInputs(inputs: readonly TensorSpec[], outputs: ReadonlyMap<string, TensorSpec>): CacheInput[] {
  const cache = inputs.filter((spec) => spec.name.startsWith(PAST)).map((spec) => {
    const output = PRESENT + spec.name.slice(PAST.length);
    if (!outputs.has(output)) throw new ModelFault('model_not_whisper', `the decoder graph takes ${spec.name} but does not give ${output}`);
    return { input: spec.name, output, type: floatTypeOf(spec), ofEncoder: spec.name.includes('.encoder.') };
  });
  if (cache.length === 0) throw new ModelFault('model_not_whisper', 'the decoder graph has no key/value cache: the merged export is needed');
  return cache;
}

function given(results: Readonly<Record<string, OnnxTensor>>, name: string): OnnxTensor {
  const tensor = results[name];
  if (tensor === undefined) throw new Error(`the decoder gave no ${name}`);
  return tensor;
}
