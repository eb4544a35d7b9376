import { float32Initializer, onnxNode, valueInfo, type OnnxGraph } from '@murmuration/onnx';
import { GraphLinks } from '../../graph/graph-links.js';
import { rewriteLinearLayers, type DerivedConstants, type LinearArithmetic } from '../../graph/linear-layers.js';
import { joinProducts } from '../../graph/joined-products.js';
import { decoderBranches, giveCaches, serializeBranch, turnEncoderKeys } from '../../graph/merged-decoder.js';
import { simplifyOneTokenStep } from '../../graph/one-token-step.js';
import { simplifyRotations } from '../../graph/rotary-step.js';

/** Names that the two decoder graphs add to those of the file. */
export const DECODER = {
  /** Float32 [rows, 1, 1, positions]: 0 where the encoder heard the chunk, a large negative number where the row is padding. */
  encoderMask: 'encoder_mask',
  /** Int64 [rows, 1]: the likeliest token. */
  nextToken: 'next_token',
  /** Float32 [rows, 1]: its log-probability. */
  logprob: 'next_token_logprob',
  /** Float32 [rows, positions]: how much each step looks at each frame, over the heads that follow the speech. */
  alignment: 'alignment',
} as const;

/**
 * Heads (layer, head) of Moonshine tiny whose attention follows the speech: median distance of a word's start from Whisper tiny.en's 48 ms, nine in ten
 * within 130 ms (294 words of 10 joined recordings); each alone 56 to 124 ms, all heads of the upper half of the layers together 164 ms.
 */
const TINY_ALIGNMENT_HEADS: readonly (readonly [layer: number, head: number])[] = [
  [3, 7],
  [4, 1],
  [4, 2],
  [4, 4],
  [4, 5],
  [5, 1],
  [5, 2],
  [5, 4],
  [5, 5],
];
const TINY_LAYERS = 6;
const TINY_HEADS = 8;

/**
 * The merged decoder of the file (one `If` with a branch for the first step and one for all others) as two models of their own,
 * made for batches:
 * - products are exact a row (see `LinearArithmetic`), and then further steps are of one token (see `simplifyOneTokenStep`, `simplifyRotations`, `joinProducts`);
 * - the encoder's keys leave the first step scaled and transposed (see `turnEncoderKeys`; six layers of 8 × 458 × 36 values for an
 *   11 s chunk);
 * - `encoder_mask` lets rows of different length share a batch without hearing their padding: in further steps, and on a graphics card in the first,
 *   which runs for the whole batch there and chunk by chunk on a CPU;
 * - the likeliest token and its log-probability are found inside, so that 32,768 logits a row need not be read;
 * - both give the attention that tells where in the audio a token lies.
 */
export interface DecoderGraphs {
  readonly first: Uint8Array;
  readonly next: Uint8Array;
}

/** Throws `RangeError` when the file is no merged decoder of this shape. */
export function splitDecoder(file: Uint8Array, arithmetic: LinearArithmetic, onCard: boolean): DecoderGraphs {
  const branches = decoderBranches(file);
  const { model, first, next } = branches;
  if (arithmetic === 'int8-per-row') {
    simplifyOneTokenStep(next);
    simplifyRotations(next);
    joinProducts(next);
  }
  const attentions = turnEncoderKeys(branches);
  if (attentions === null) throw new RangeError('the attention over the encoder has another shape than expected');
  const keys = attentions.map(({ key }) => key);
  const firstKeys = keys.map((key) => key.replace('past_key_values.', 'present.'));
  giveAlignment(first, attentionWeights(first, firstKeys, onCard));
  giveAlignment(next, attentionWeights(next, keys, true));
  giveCaches(branches, first, 'all', true);
  giveCaches(branches, next, 'decoder', true);
  const derived: DerivedConstants = new Map();
  for (const graph of [first, next]) {
    rewriteLinearLayers(graph, arithmetic, derived);
    addChoice(graph);
  }
  return { first: serializeBranch(model, first), next: serializeBranch(model, next) };
}

/** Names of the attention's weights over the encoder's keys, a layer each; with `masked` the padding of rows has none. */
function attentionWeights(graph: OnnxGraph, keys: readonly string[], masked: boolean): string[] {
  const links = new GraphLinks(graph);
  const weights = keys.map((key) => {
    const product = links.consumers(key).find((node) => node.opType === 'MatMul');
    const [scores = ''] = product?.outputs ?? [];
    const softmax = links.onlyConsumer(scores);
    if (softmax?.opType !== 'Softmax')
      throw new RangeError(`the attention over ${key} has another shape than expected`);
    if (masked) {
      softmax.inputs = [`${scores}_masked`];
      const mask = onnxNode('Add', [scores, DECODER.encoderMask], [`${scores}_masked`]);
      graph.nodes = graph.nodes.flatMap((node) => (node === product ? [node, mask] : [node]));
    }
    return softmax.outputs[0] ?? '';
  });
  if (masked) graph.inputs.push(valueInfo(DECODER.encoderMask, 'float32', ['rows', 1, 1, 'positions']));
  return weights;
}

/** Sums the weights of the heads that follow the speech; of a model that is not Moonshine tiny, of all heads of the upper half of its layers. */
function giveAlignment(graph: OnnxGraph, weights: readonly string[]): void {
  const tiny = weights.length === TINY_LAYERS;
  const layers = weights.flatMap((name, layer): string[] => {
    if (!tiny) return layer >= weights.length / 2 ? [name] : [];
    const heads = Float32Array.from({ length: TINY_HEADS }, (_, head) =>
      TINY_ALIGNMENT_HEADS.some(([ownLayer, own]) => ownLayer === layer && own === head) ? 1 : 0,
    );
    if (heads.every((share) => share === 0)) return [];
    const chosen = `alignment_heads_${String(layer)}`;
    graph.initializers.set(chosen, float32Initializer(chosen, [1, TINY_HEADS, 1, 1], heads));
    graph.nodes.push(onnxNode('Mul', [name, chosen], [`${chosen}_weights`]));
    return [`${chosen}_weights`];
  });
  graph.nodes.push(
    onnxNode('Sum', layers, ['alignment_layers']),
    onnxNode('ReduceMean', ['alignment_layers'], [DECODER.alignment], { axes: [1, 2], keepdims: 0 }),
  );
  graph.outputs.push(valueInfo(DECODER.alignment, 'float32', ['rows', 'positions']));
}

/** Log-probability of the likeliest token: its logit less the logarithm of the sum of all exponentials. */
function addChoice(graph: OnnxGraph): void {
  graph.nodes.push(
    onnxNode('ArgMax', ['logits'], [DECODER.nextToken], { axis: -1, keepdims: 0 }),
    onnxNode('ReduceMax', ['logits'], ['logits_peak'], { axes: [-1], keepdims: 0 }),
    onnxNode('ReduceLogSumExp', ['logits'], ['logits_normalizer'], { axes: [-1], keepdims: 0 }),
    onnxNode('Sub', ['logits_peak', 'logits_normalizer'], [DECODER.logprob]),
  );
  graph.outputs.push(
    valueInfo(DECODER.nextToken, 'int64', ['rows', 1]),
    valueInfo(DECODER.logprob, 'float32', ['rows', 1]),
  );
}
