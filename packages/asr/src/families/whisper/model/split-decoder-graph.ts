import { int32Tensor, int64Tensor, type OnnxSession, type OnnxTensor } from '@murmuration/onnx';
import { type CacheRows, type DecoderState, replaceCaches } from './cache-rows.js';
import {
  attentionLayersOf,
  attentionName,
  fixedPositionsOf,
  given,
  type Decoder,
  type FirstScores,
} from './decoder.js';
import { ModelFault } from '../../../models/model-folder.js';
import type { SharedConstants } from './shared-constants.js';
import { SPLIT } from './split-decoder.js';
import type { StepScores, TailLimits } from './token-scores.js';

const PAST = 'past_key_values.';
const PRESENT = 'present.';
const FIRST_SCORES = [SPLIT.bestText, SPLIT.bestTextLogprob, SPLIT.tail];
const NEXT_SCORES = [SPLIT.choices, SPLIT.choiceLogprobs];
/** The provider's stand-in for minus infinity: what is no larger is none. */
const NONE = -1e29;

/** A decoder of two graphs (see `splitWhisperDecoder`): the first step and all others. */
export class SplitDecoderGraph implements Decoder {
  readonly vocabularySize = null;
  readonly fixedPositions: number | null;
  readonly attentionLayers: ReadonlySet<number>;
  readonly rows: CacheRows;
  readonly #first: OnnxSession;
  readonly #next: OnnxSession;
  readonly #encoderCaches: readonly string[];
  readonly #decoderCaches: readonly string[];
  readonly #endOfText: number;
  readonly #constants: SharedConstants | null;

  /**
   * Throws `ModelFault` `model_not_whisper` when inputs or outputs of a Whisper decoder are missing.
   * @param constants that both sessions take, and go with them
   */
  constructor(
    first: OnnxSession,
    next: OnnxSession,
    rows: CacheRows,
    endOfText: number,
    constants: SharedConstants | null = null,
  ) {
    this.#endOfText = endOfText;
    this.#constants = constants;
    const outputs = new Set(first.outputs.map((spec) => spec.name));
    const caches = next.inputs
      .map((spec) => spec.name)
      .filter((name) => name.startsWith(PAST))
      .map((name) => name.slice(PAST.length));
    const missing = [
      ...caches.map((name) => PRESENT + name).filter((name) => !outputs.has(name)),
      ...(first.inputs.some((spec) => spec.name === 'encoder_hidden_states') ? [] : ['encoder_hidden_states']),
      ...(caches.length > 0 ? [] : ['key/value caches']),
    ];
    if (missing.length > 0)
      throw new ModelFault(
        'model_not_whisper',
        `the decoder graph is no merged Whisper decoder: it lacks ${missing.join(', ')}`,
      );
    this.rows = rows;
    this.#first = first;
    this.#next = next;
    this.#encoderCaches = caches.filter((name) => name.includes('.encoder.'));
    this.#decoderCaches = caches.filter((name) => !name.includes('.encoder.'));
    this.fixedPositions = fixedPositionsOf(first.inputs);
    this.attentionLayers = attentionLayersOf(outputs);
  }

  get hostBytes(): number {
    return this.#first.hostBytes + this.#next.hostBytes;
  }

  async first(
    hidden: OnnxTensor,
    ids: BigInt64Array,
    rows: number,
    positions: readonly number[],
    wantAll: boolean,
  ): Promise<{ scores: FirstScores; state: DecoderState }> {
    const fetches = [
      ...FIRST_SCORES,
      ...(wantAll ? [SPLIT.all] : []),
      ...[...this.#encoderCaches, ...this.#decoderCaches].map((name) => PRESENT + name),
    ];
    const results = await this.#first.run(firstFeeds(hidden, ids, rows, positions), fetches);
    return {
      scores: firstScoresIn(results),
      state: {
        rows,
        hidden: null,
        ownsHidden: false,
        encoder: cachesIn(results, this.#encoderCaches),
        decoder: cachesIn(results, this.#decoderCaches),
      },
    };
  }

  async next(
    state: DecoderState,
    ids: BigInt64Array,
    limits: readonly TailLimits[],
    wantAll: boolean,
  ): Promise<readonly StepScores[]> {
    const results = await this.#next.run(
      {
        ...state.encoder,
        ...state.decoder,
        input_ids: int64Tensor(ids, [state.rows, 1]),
        [SPLIT.limits]: int32Tensor(
          Int32Array.from(limits.flatMap(({ endTo, timeFrom, timeTo }) => [endTo, timeFrom, timeTo])),
          [state.rows, 1, 3],
        ),
      },
      [...NEXT_SCORES, ...(wantAll ? [SPLIT.all] : []), ...this.#decoderCaches.map((name) => PRESENT + name)],
    );
    replaceCaches(state, cachesIn(results, this.#decoderCaches));
    return nextScoresIn(results, limits.length, this.#endOfText);
  }

  async attend(
    hidden: OnnxTensor,
    ids: BigInt64Array,
    layers: readonly number[],
    scored: boolean,
  ): Promise<{ logits: OnnxTensor | null; attentions: Map<number, OnnxTensor> }> {
    const names = layers.map(attentionName);
    const results = await this.#first.run(firstFeeds(hidden, ids, 1, scored ? Array.from(ids, (_, at) => at) : [0]), [
      ...(scored ? [SPLIT.all] : []),
      ...names,
    ]);
    return {
      logits: scored ? given(results, SPLIT.all) : null,
      attentions: new Map(layers.map((layer, i) => [layer, given(results, names[i] ?? '')])),
    };
  }

  async close(): Promise<void> {
    await this.#first.close();
    await this.#next.close();
    await this.rows.close();
    this.#constants?.dispose();
  }
}

function firstFeeds(
  hidden: OnnxTensor,
  ids: BigInt64Array,
  rows: number,
  positions: readonly number[],
): Record<string, OnnxTensor> {
  return {
    input_ids: int64Tensor(ids, [rows, ids.length / rows]),
    encoder_hidden_states: hidden,
    [SPLIT.positions]: int64Tensor(BigInt64Array.from(positions, BigInt), [positions.length]),
  };
}

/** The caches that a run gave, by the names under which the next run takes them. */
function cachesIn(results: Readonly<Record<string, OnnxTensor>>, names: readonly string[]): Record<string, OnnxTensor> {
  return Object.fromEntries(names.map((name) => [PAST + name, given(results, PRESENT + name)]));
}

function firstScoresIn(results: Readonly<Record<string, OnnxTensor>>): FirstScores {
  const best = given(results, SPLIT.bestText).data as BigInt64Array;
  const logprobs = given(results, SPLIT.bestTextLogprob).data as Float32Array;
  const tail = given(results, SPLIT.tail);
  const all = results[SPLIT.all];
  const [, positions = 1] = tail.dims;
  return (row, position) => {
    const index = row * positions + position;
    return {
      bestText: Number(best[index] ?? 0n),
      bestTextLogprob: logprobs[index] ?? -Infinity,
      tail: rowOf(tail, index),
      all: all === undefined ? null : rowOf(all, index),
    };
  };
}

function nextScoresIn(results: Readonly<Record<string, OnnxTensor>>, rows: number, endOfText: number): StepScores[] {
  const tokens = given(results, SPLIT.choices).data as BigInt64Array;
  const logprobs = given(results, SPLIT.choiceLogprobs).data as Float32Array;
  const all = results[SPLIT.all];
  return Array.from({ length: rows }, (_, row) => {
    const token = (at: number): number => Number(tokens[row * 3 + at] ?? 0n);
    const logprob = (at: number): number => {
      const value = logprobs[row * 4 + at] ?? -Infinity;
      return value > NONE ? value : -Infinity;
    };
    return {
      bestText: token(0),
      bestTextLogprob: logprob(0),
      bestEnd: endOfText + token(1),
      bestEndLogprob: logprob(1),
      bestTime: endOfText + token(2),
      bestTimeLogprob: logprob(2),
      timesLogprob: logprob(3),
      all: all === undefined ? null : rowOf(all, row),
    };
  });
}

/** Values of one position of one row, of the last dimension. */
function rowOf(tensor: OnnxTensor, index: number): Float32Array {
  const size = tensor.dims[2] ?? 0;
  return (tensor.data as Float32Array).subarray(index * size, (index + 1) * size);
}
