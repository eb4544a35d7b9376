import {
  boolTensor,
  int64Tensor,
  zerosTensor,
  type OnnxSession,
  type OnnxTensor,
  type TensorSpec,
} from '@murmuration/onnx';
import { type CacheRows, type DecoderState, disposeState, replaceCaches } from './cache-rows.js';
import {
  attentionLayersOf,
  attentionName,
  fixedPositionsOf,
  given,
  type Decoder,
  type FirstScores,
} from './decoder.js';
import { floatsOf, floatTypeOf, type FloatType } from './graph-tensors.js';
import { ModelFault } from '../../../models/model-folder.js';
import {
  scoresOf,
  withinLimits,
  type StepScores,
  type TailLimits,
  type TokenMask,
  type TokenScores,
} from './token-scores.js';

const PAST = 'past_key_values.';
const PRESENT = 'present.';

interface CacheInput {
  readonly input: string;
  readonly output: string;
  readonly type: FloatType;
  readonly ofEncoder: boolean;
}

/** The merged decoder as it lies in the file: with and without a cache in one graph. Names, types and what it gives beside logits are those of the session. */
export class DecoderGraph implements Decoder {
  readonly vocabularySize: number | null;
  readonly fixedPositions: number | null;
  readonly attentionLayers: ReadonlySet<number>;
  readonly rows: CacheRows;
  readonly #session: OnnxSession;
  readonly #cache: readonly CacheInput[];
  readonly #hiddenType: FloatType;
  readonly #headWidth: number;
  readonly #heads: number;
  readonly #mask: TokenMask;
  readonly #firstFetches: readonly string[];
  readonly #nextFetches: readonly string[];

  /** Throws `ModelFault` `model_not_whisper` when inputs or outputs of a merged Whisper decoder are missing. */
  constructor(
    session: OnnxSession,
    shape: { readonly heads: number; readonly width: number },
    mask: TokenMask,
    rows: CacheRows,
  ) {
    const inputs = new Map(session.inputs.map((spec) => [spec.name, spec]));
    const outputs = new Map(session.outputs.map((spec) => [spec.name, spec]));
    const hidden = inputs.get('encoder_hidden_states');
    const logits = outputs.get('logits');
    if (hidden === undefined || logits === undefined || !inputs.has('input_ids') || !inputs.has('use_cache_branch')) {
      throw new ModelFault(
        'model_not_whisper',
        `the decoder graph is no merged Whisper decoder: expected input_ids, encoder_hidden_states, use_cache_branch and logits, found ${[...inputs.keys(), ...outputs.keys()].slice(0, 8).join(', ')}`,
      );
    }
    this.rows = rows;
    this.#session = session;
    this.#hiddenType = floatTypeOf(hidden);
    this.#heads = shape.heads;
    this.#headWidth = shape.width / shape.heads;
    this.#mask = mask;
    this.#cache = cacheInputs(session.inputs, outputs);
    const last = logits.shape.at(-1);
    this.vocabularySize = typeof last === 'number' ? last : null;
    this.fixedPositions = fixedPositionsOf(session.inputs);
    this.attentionLayers = attentionLayersOf(outputs.keys());
    this.#firstFetches = ['logits', ...this.#cache.map((one) => one.output)];
    this.#nextFetches = ['logits', ...this.#cache.filter((one) => !one.ofEncoder).map((one) => one.output)];
  }

  get hostBytes(): number {
    return this.#session.hostBytes;
  }

  async first(
    hidden: OnnxTensor,
    ids: BigInt64Array,
    rows: number,
    positions: readonly number[],
    wantAll: boolean,
  ): Promise<{ scores: FirstScores; state: DecoderState }> {
    const states = await this.rows.typed(hidden, this.#hiddenType);
    const state: DecoderState = { rows, hidden: states, ownsHidden: states !== hidden, encoder: {}, decoder: {} };
    const results = await this.#session
      .run(this.#firstFeeds(states, ids, rows), this.#firstFetches)
      .catch((error: unknown) => {
        disposeState(state);
        throw error;
      });
    for (const one of this.#cache)
      (one.ofEncoder ? state.encoder : state.decoder)[one.input] = given(results, one.output);
    const scoresAt = this.#scores(given(results, 'logits'), true, wantAll);
    return { scores: (row, position) => scoresAt(row, positions[position] ?? 0), state };
  }

  async next(
    state: DecoderState,
    ids: BigInt64Array,
    limits: readonly TailLimits[],
    wantAll: boolean,
  ): Promise<readonly StepScores[]> {
    if (state.hidden === null) throw new Error('the state is that of another decoder');
    const results = await this.#session.run(
      {
        ...state.encoder,
        ...state.decoder,
        input_ids: int64Tensor(ids, [state.rows, 1]),
        encoder_hidden_states: state.hidden,
        use_cache_branch: boolTensor(true),
      },
      this.#nextFetches,
    );
    const own = this.#cache.filter((one) => !one.ofEncoder);
    replaceCaches(state, Object.fromEntries(own.map((one) => [one.input, given(results, one.output)])));
    const scoresAt = this.#scores(given(results, 'logits'), false, wantAll);
    return limits.map((limit, row) => withinLimits(scoresAt(row, 0), limit, this.#mask, false));
  }

  async attend(
    hidden: OnnxTensor,
    ids: BigInt64Array,
    layers: readonly number[],
    scored: boolean,
  ): Promise<{ logits: OnnxTensor | null; attentions: Map<number, OnnxTensor> }> {
    const names = layers.map(attentionName);
    const states = await this.rows.typed(hidden, this.#hiddenType);
    try {
      const results = await this.#session.run(this.#firstFeeds(states, ids, 1), [
        ...(scored ? ['logits'] : []),
        ...names,
      ]);
      return {
        logits: scored ? given(results, 'logits') : null,
        attentions: new Map(layers.map((layer, i) => [layer, given(results, names[i] ?? '')])),
      };
    } finally {
      if (states !== hidden) states.dispose();
    }
  }

  async close(): Promise<void> {
    await this.#session.close();
    await this.rows.close();
  }

  /** Scores by row and token of the step. */
  #scores(logits: OnnxTensor, begin: boolean, wantAll: boolean): (row: number, token: number) => TokenScores {
    const [, tokens = 1, size = 0] = logits.dims;
    const values = floatsOf(logits);
    return (row, token) => {
      const from = (row * tokens + token) * size;
      return scoresOf(values.subarray(from, from + size), this.#mask, begin, wantAll);
    };
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
  const cache = inputs
    .filter((spec) => spec.name.startsWith(PAST))
    .map((spec) => {
      const output = PRESENT + spec.name.slice(PAST.length);
      if (!outputs.has(output))
        throw new ModelFault('model_not_whisper', `the decoder graph takes ${spec.name} but does not give ${output}`);
      return { input: spec.name, output, type: floatTypeOf(spec), ofEncoder: spec.name.includes('.encoder.') };
    });
  if (cache.length === 0)
    throw new ModelFault('model_not_whisper', 'the decoder graph has no key/value cache: the merged export is needed');
  return cache;
}
