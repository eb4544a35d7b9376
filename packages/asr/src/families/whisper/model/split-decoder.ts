import {
  dimensionsOf,
  elementTypeOf,
  float32Initializer,
  isExternal,
  onnxNode,
  valueInfo,
  type OnnxGraph,
  type OnnxNode,
} from '@murmuration/onnx';
import { GraphLinks } from '../../../graph/graph-links.js';
import { joinProducts } from '../../../graph/joined-products.js';
import { hasQuantizedLayers, rewriteLinearLayers } from '../../../graph/linear-layers.js';
import {
  decoderBranches,
  giveCaches,
  serializeBranch,
  turnEncoderKeys,
  type DecoderBranches,
} from '../../../graph/merged-decoder.js';
import { simplifyOneTokenStep } from '../../../graph/one-token-step.js';
import { attentionLayersOf, attentionName } from './decoder.js';
import { addChoices, CHOICES } from './step-choices.js';
import type { TokenMask } from './token-scores.js';

/** Names that the two graphs add to those of the file. All scores are log-probabilities of the positions asked for. */
export const SPLIT = {
  /** Int64 [positions]: whose scores are wanted; of the first step. */
  positions: 'score_positions',
  /** Int64 [rows, positions, 1]: the likeliest text token that is not suppressed. */
  bestText: 'best_text',
  /** Float32 [rows, positions, 1]: its log-probability. */
  bestTextLogprob: 'best_text_logprob',
  /** Float32 [rows, positions, …]: the vocabulary from the end of the text on. */
  tail: 'tail_logprobs',
  /** Float32 [rows, positions, vocabulary]. */
  all: 'logprobs',
  ...CHOICES,
} as const;

/** Ends a slice at the end of its dimension. */
const TO_THE_END = 2 ** 31 - 1;

/** The two steps of a decoder; each is written when it is asked for, so that only one lies in memory. Ask for each once. */
export interface SplitGraphs {
  /** Large constants of the file that both have, by name; of no use after the file's memory is given up. */
  readonly shared: ReadonlyMap<string, Uint8Array>;
  first(): Uint8Array;
  next(): Uint8Array;
}

/**
 * A merged decoder as two graphs of their own, made for batches. On a CPU an int8 one:
 * - products are exact a row, so that a row's text does not depend on its batch mates (see `LinearArithmetic`);
 * - further steps are of one token a row, without what only more would need (see `simplifyOneTokenStep`, `joinProducts`);
 * - the encoder's keys are kept the way attention reads them (see `turnEncoderKeys`), where the file's attention allows it;
 * - the last product is computed for the positions that are read, not for every token of a prompt;
 * - the likeliest tokens that may follow are found inside: of 51,864 scores a row and step 7 travel to JavaScript.
 *
 * On a graphics card one of floats, for the same reasons but the first: there the encoder's states need not be there for a step, either, and of 200 KB
 * of scores a row and step 40 bytes travel to the host.
 *
 * Null when there is nothing to rewrite (on a CPU no dynamically quantised products, on a card such products, weights in another file, no merged
 * decoder, no size of its vocabulary): the file is used as it is then.
 */
export function splitWhisperDecoder(file: Uint8Array, mask: TokenMask, onCard: boolean): SplitGraphs | null {
  const branches = branchesOf(file);
  if (branches === null) return null;
  const { model, first, next } = branches;
  const quantized = hasQuantizedLayers(next);
  if (quantized === onCard || [...first.initializers.values(), ...next.initializers.values()].some(isExternal))
    return null;
  const vocabularySize = vocabularySizeOf(branches);
  if (vocabularySize === null) return null;
  if (quantized) {
    simplifyOneTokenStep(next);
    joinProducts(next);
  }
  const keysTurned = turnEncoderKeys(branches) !== null;
  return {
    shared: sharedConstants(branches),
    first: () => {
      choosePositions(first);
      giveCaches(branches, first, 'all', keysTurned);
      giveAttentions(branches, first);
      addScores(first, mask.endOfText, mask.beginSuppress);
      first.outputs.push(
        valueInfo(SPLIT.bestText, 'int64', ['rows', 'score_positions', 1]),
        valueInfo(SPLIT.bestTextLogprob, 'float32', ['rows', 'score_positions', 1]),
        valueInfo(SPLIT.tail, 'float32', ['rows', 'score_positions', 'tail']),
      );
      if (quantized) rewriteLinearLayers(first, 'int8-per-row');
      return serializeBranch(model, first);
    },
    next: () => {
      giveCaches(branches, next, 'decoder', keysTurned);
      addScores(next, mask.endOfText, mask.suppress);
      addChoices(next, { ...SPLIT, ...mask, vocabularySize });
      if (quantized) rewriteLinearLayers(next, 'int8-per-row');
      return serializeBranch(model, next);
    },
  };
}

/** Smaller constants are not worth the sharing; the runtime computes with many of them when it loads a graph. */
const LEAST_SHARED_BYTES = 64 * 1_024;

function sharedConstants({ first, next }: DecoderBranches): ReadonlyMap<string, Uint8Array> {
  const usedIn = (graph: OnnxGraph): ReadonlySet<string> => new Set(graph.nodes.flatMap((node) => node.inputs));
  const [inFirst, inNext] = [usedIn(first), usedIn(next)];
  return new Map(
    [...first.initializers].filter(
      ([name, tensor]) =>
        tensor.length >= LEAST_SHARED_BYTES &&
        next.initializers.get(name) === tensor &&
        inFirst.has(name) &&
        inNext.has(name),
    ),
  );
}

/** As the file states it, or null. */
function vocabularySizeOf({ model }: DecoderBranches): number | null {
  const logits = model.graph.outputs.find(({ name }) => name === 'logits');
  const size = logits === undefined ? undefined : dimensionsOf(logits).at(-1);
  return typeof size === 'number' ? size : null;
}

function branchesOf(file: Uint8Array): DecoderBranches | null {
  try {
    const branches = decoderBranches(file);
    const flat = [branches.first, branches.next].every((graph) => graph.nodes.every((node) => node.graphs.size === 0));
    return flat ? branches : null;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Takes the wanted positions before the last product where that is found, else from its result. */
function choosePositions(graph: OnnxGraph): void {
  graph.inputs.push(valueInfo(SPLIT.positions, 'int64', ['score_positions']));
  const links = new GraphLinks(graph);
  const entry = lastProductEntry(links);
  if (entry !== null) {
    const [source = '', ...others] = entry.inputs;
    const gather = onnxNode('Gather', [source, SPLIT.positions], [`${source}_chosen`], { axis: 1 });
    graph.nodes = graph.nodes.flatMap((node) => (node === entry ? [gather, node] : [node]));
    entry.inputs = [`${source}_chosen`, ...others];
    return;
  }
  const last = links.producer('logits');
  if (last === undefined) throw new RangeError('the decoder gives no logits');
  last.outputs = last.outputs.map((output) => (output === 'logits' ? 'logits_everywhere' : output));
  graph.nodes.push(onnxNode('Gather', ['logits_everywhere', SPLIT.positions], ['logits'], { axis: 1 }));
}

/** The node by which the hidden states enter the product that gives the logits, where it serves nothing else. */
function lastProductEntry(links: GraphLinks): OnnxNode | null {
  const last = links.producer('logits');
  if (last?.opType === 'MatMul') return last;
  // Of an FP16 file: the scores are cast at the end.
  const inner = last?.opType === 'Cast' ? links.producer(last.inputs[0]) : undefined;
  if (inner?.opType === 'MatMul' && links.onlyConsumer(inner.outputs[0]) === last) return inner;
  const cast = last?.inputs.map((input) => links.producer(input)).find((node) => node?.opType === 'Cast');
  const product = links.producer(cast?.inputs[0]);
  const quantize = product?.opType === 'MatMulInteger' ? links.producer(product.inputs[0]) : undefined;
  return quantize?.opType === 'DynamicQuantizeLinear' && links.onlyConsumer(quantize.outputs[0]) === product
    ? quantize
    : null;
}

function giveAttentions({ model }: DecoderBranches, graph: OnnxGraph): void {
  const types = new Map(model.graph.outputs.map((output) => [output.name, elementTypeOf(output)] as const));
  for (const layer of attentionLayersOf(graph.nodes.flatMap((node) => node.outputs))) {
    const type = types.get(attentionName(layer)) ?? 'float32';
    graph.outputs.push(valueInfo(attentionName(layer), type, ['rows', 'heads', 'tokens', 'positions']));
  }
}

function addScores(graph: OnnxGraph, endOfText: number, suppress: readonly number[]): void {
  const mask = new Float32Array(endOfText);
  for (const token of suppress) mask[token] = -Infinity;
  graph.initializers.set('text_mask', float32Initializer('text_mask', [endOfText], mask));
  const constant = (name: string, value: number) => onnxNode('Constant', [], [name], { value_ints: [value] });
  graph.nodes.push(
    constant('text_begin', 0),
    constant('text_end', endOfText),
    constant('vocabulary_end', TO_THE_END),
    constant('vocabulary_axis', 2),
    onnxNode('LogSoftmax', ['logits'], [SPLIT.all], { axis: -1 }),
    onnxNode('Slice', [SPLIT.all, 'text_begin', 'text_end', 'vocabulary_axis'], ['text_logprobs']),
    onnxNode('Add', ['text_logprobs', 'text_mask'], ['open_text_logprobs']),
    onnxNode('ArgMax', ['open_text_logprobs'], [SPLIT.bestText], { axis: -1, keepdims: 1 }),
    onnxNode('ReduceMax', ['open_text_logprobs'], [SPLIT.bestTextLogprob], { axes: [-1], keepdims: 1 }),
    onnxNode('Slice', [SPLIT.all, 'text_end', 'vocabulary_end', 'vocabulary_axis'], [SPLIT.tail]),
  );
  graph.outputs.push(valueInfo(SPLIT.all, 'float32', ['rows', 'score_positions', 'vocabulary']));
}
