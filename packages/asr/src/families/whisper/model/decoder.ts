import type { OnnxTensor, TensorSpec } from '@murmuration/onnx';
import { firstRows, moveRow } from './graph-tensors.js';
import type { TokenScores } from './token-scores.js';

/** Keys and values that the decoder keeps between steps, for some rows. Owned by the loop that runs it. */
export interface DecoderState {
  rows: number;
  /** What the encoder gave; null where later steps do not take it. */
  hidden: OnnxTensor | null;
  /** By input name: those of the audio, made once. */
  encoder: Record<string, OnnxTensor>;
  /** By input name: those of the tokens, one longer at each step. */
  decoder: Record<string, OnnxTensor>;
}

/** Scores of one step. */
export interface StepScores {
  /** @param position index among the positions asked for; 0 in later steps */
  at(row: number, position: number): TokenScores;
}

/** A Whisper decoder step by step. Rows of a batch have prompts of one length. */
export interface Decoder {
  /** As the graph states it, or null. */
  readonly vocabularySize: number | null;
  /** Encoder positions that the graph insists on, or null where it takes any number. */
  readonly fixedPositions: number | null;
  /** Layers whose cross-attention it gives. */
  readonly attentionLayers: ReadonlySet<number>;
  /**
   * The first step: all prompt tokens at once.
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
  ): Promise<{ scores: StepScores; state: DecoderState }>;
  /** A further step: one token a row. The state takes the longer cache. */
  next(state: DecoderState, ids: BigInt64Array, wantAll: boolean): Promise<StepScores>;
  /** One run over known tokens of one row: logits (or log-probabilities) of all of them, and the cross-attention (1 × heads × tokens × positions) of each layer asked for. */
  attend(
    hidden: OnnxTensor,
    ids: BigInt64Array,
    layers: readonly number[],
  ): Promise<{ logits: OnnxTensor; attentions: Map<number, OnnxTensor> }>;
  close(): Promise<void>;
}

/** Removes a row: the last one takes its place, so that only one row is copied. */
export function removeRow(state: DecoderState, row: number): void {
  const last = state.rows - 1;
  const shrink = (tensor: OnnxTensor): OnnxTensor => {
    if (row !== last) moveRow(tensor, last, row);
    return firstRows(tensor, last);
  };
  for (const cache of [state.encoder, state.decoder])
    for (const [name, tensor] of Object.entries(cache)) cache[name] = shrink(tensor);
  // With a cache the graph reads no hidden states, only their shape.
  if (state.hidden !== null) state.hidden = firstRows(state.hidden, last);
  state.rows = last;
}

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
