import type { OnnxTensor, TensorSpec } from '@murmuration/onnx';
import type { CacheRows, DecoderState } from './cache-rows.js';
import type { StepScores, TailLimits, TokenScores } from './token-scores.js';

/** Scores of a first step. @param position index among the positions asked for */
export type FirstScores = (row: number, position: number) => TokenScores;

/** A Whisper decoder step by step. Rows of a batch have prompts of one length. */
export interface Decoder {
  /** As the graph states it, or null. */
  readonly vocabularySize: number | null;
  /** Encoder positions that the graph insists on, or null where it takes any number. */
  readonly fixedPositions: number | null;
  /** Layers whose cross-attention it gives. */
  readonly attentionLayers: ReadonlySet<number>;
  /** Bytes that its sessions have taken from host memory and given there so far. */
  readonly hostBytes: number;
  /**
   * The first step: all prompt tokens at once.
   * @param hidden what the encoder gave; the caller's, and alive as long as the state
   * @param ids rows × (tokens of a row)
   * @param positions whose scores are wanted, of every row
   * @param wantAll true when the scores of the whole vocabulary are needed
   */
  first(
    hidden: OnnxTensor,
    ids: BigInt64Array,
    rows: number,
    positions: readonly number[],
    wantAll: boolean,
  ): Promise<{ scores: FirstScores; state: DecoderState }>;
  /** Of the states that `first` gives (`disposeState` when done), and of those that it takes. */
  readonly rows: CacheRows;
  /**
   * A further step: one token a row. The state takes the longer cache.
   * @param limits what may follow, a row each
   * @returns scores a row each
   */
  next(
    state: DecoderState,
    ids: BigInt64Array,
    limits: readonly TailLimits[],
    wantAll: boolean,
  ): Promise<readonly StepScores[]>;
  /**
   * One run over known tokens of one row: the cross-attention (1 × heads × tokens × positions) of each layer asked for, and, where they are `scored`,
   * logits (or log-probabilities) of all of them, which take a quarter of the time and 200 KB a token.
   */
  attend(
    hidden: OnnxTensor,
    ids: BigInt64Array,
    layers: readonly number[],
    scored: boolean,
  ): Promise<{ logits: OnnxTensor | null; attentions: Map<number, OnnxTensor> }>;
  close(): Promise<void>;
}

/** Names of the outputs that stay where the decoder computes: its caches. */
export const KEPT_CACHES = /^present\./;

const ATTENTION = 'cross_attentions.';

/** Layers of which a graph gives the cross-attention. */
export function attentionLayersOf(outputs: Iterable<string>): ReadonlySet<number> {
  return new Set(
    [...outputs].filter((name) => name.startsWith(ATTENTION)).map((name) => Number(name.slice(ATTENTION.length))),
  );
}

export function attentionName(layer: number): string {
  return `${ATTENTION}${String(layer)}`;
}

/** Encoder positions that a graph insists on, or null. */
export function fixedPositionsOf(inputs: Iterable<TensorSpec>): number | null {
  const positions = [...inputs].find((spec) => spec.name === 'encoder_hidden_states')?.shape[1];
  return typeof positions === 'number' ? positions : null;
}

/** An output that must be there. */
export function given(results: Readonly<Record<string, OnnxTensor>>, name: string): OnnxTensor {
  const tensor = results[name];
  if (tensor === undefined) throw new Error(`the decoder gave no ${name}`);
  return tensor;
}
