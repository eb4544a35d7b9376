import { onnxNode, valueInfo, type OnnxGraph } from '@murmuration/onnx';
import { GraphLinks } from '../../graph/graph-links.js';
import { rewriteLinearLayers, type DerivedConstants, type LinearArithmetic } from '../../graph/linear-layers.js';
import { decoderBranches, giveCaches, serializeBranch, turnEncoderKeys, type EncoderAttention } from '../../graph/merged-decoder.js';

/** Names that the two decoder graphs add to those of the file. */
export const DECODER = {
  /** Float32 [rows, 1, 1, positions]: 0 where the encoder heard the chunk, a large negative number where the row is padding. */
  encoderMask: 'encoder_mask',
  /** Int64 [rows, 1]: the likeliest token. */
  nextToken: 'next_token',
  /** Float32 [rows, 1]: its log-probability. */
  logprob: 'next_token_logprob',
} as const;

/**
 * The merged decoder of the file (one `If` with a branch for the first step and one for all others) as two models of their own,
 * made for batches:
 * - products are exact a row (see `LinearArithmetic`);
 * - the encoder's keys leave the first step scaled and transposed (see `turnEncoderKeys`; six layers of 8 × 458 × 36 values for an
 *   11 s chunk);
 * - `encoder_mask` lets rows of different length share a batch without hearing their padding;
 * - the likeliest token and its log-probability are found inside, so that 32,768 logits a row need not be read.
 */
export interface DecoderGraphs { readonly first: Uint8Array; readonly next: Uint8Array }

/** Throws `RangeError` when the file is no merged decoder of this shape. */
export function splitDecoder(file: Uint8Array, arithmetic: LinearArithmetic): DecoderGraphs {
  const branches = decoderBranches(file);
  const { model, first, next } = branches;
  const attentions = turnEncoderKeys(branches);
  if (attentions === null) throw new RangeError('the attention over the encoder has another shape than expected');
  maskPadding(next, attentions);
  giveCaches(first, 'all', true);
  giveCaches(next, 'decoder', true);
  const derived: DerivedConstants = new Map();
  for (const graph of [first, next]) {
    rewriteLinearLayers(graph, arithmetic, derived);
    addChoice(graph);
  }
  return { first: serializeBranch(model, first), next: serializeBranch(model, next) };
}

function maskPadding(graph: OnnxGraph, attentions: readonly EncoderAttention[]): void {
  const links = new GraphLinks(graph);
  for (const { key, product, scores } of attentions) {
    const softmax = links.onlyConsumer(scores);
    if (softmax?.opType !== 'Softmax') throw new RangeError(`the attention over ${key} has another shape than expected`);
    softmax.inputs = [`${scores}_masked`];
    graph.nodes = graph.nodes.flatMap((node) => (node === product ? [node, onnxNode('Add', [scores, DECODER.encoderMask], [`${scores}_masked`])] : [node]));
  }
  graph.inputs.push(valueInfo(DECODER.encoderMask, 'float32', ['rows', 1, 1, 'positions']));
}

/** Log-probability of the likeliest token: its logit less the logarithm of the sum of all exponentials. */
function addChoice(graph: OnnxGraph): void {
  graph.nodes.push(
    onnxNode('ArgMax', ['logits'], [DECODER.nextToken], { axis: -1, keepdims: 0 }),
    onnxNode('ReduceMax', ['logits'], ['logits_peak'], { axes: [-1], keepdims: 0 }),
    onnxNode('ReduceLogSumExp', ['logits'], ['logits_normalizer'], { axes: [-1], keepdims: 0 }),
    onnxNode('Sub', ['logits_peak', 'logits_normalizer'], [DECODER.logprob]),
  );
  graph.outputs.push(valueInfo(DECODER.nextToken, 'int64', ['rows', 1]), valueInfo(DECODER.logprob, 'float32', ['rows', 1]));
}
