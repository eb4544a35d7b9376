import { onnxNode, parseModel, serializeModel, valueInfo, type OnnxGraph, type OnnxModel } from '@murmuration/onnx';
import { GraphLinks } from './graph-links.js';
import { rewriteLinearLayers, type DerivedConstants, type LinearArithmetic } from './linear-layers.js';

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
 * - the encoder's keys leave the first step scaled and transposed, as attention needs them, instead of being turned again in
 *   every step (six layers of 8 × 458 × 36 values for an 11 s chunk: a third of a step's time at batch 8);
 * - `encoder_mask` lets rows of different length share a batch without hearing their padding;
 * - the likeliest token and its log-probability are found inside, so that 32,768 logits a row need not be read.
 */
export interface DecoderGraphs { readonly first: Uint8Array; readonly next: Uint8Array }

/** Throws `RangeError` when the file is no merged decoder of this shape. */
export function splitDecoder(file: Uint8Array, arithmetic: LinearArithmetic): DecoderGraphs {
  const model = parseModel(file);
  const branches = model.graph.nodes.find((node) => node.opType === 'If')?.graphs;
  const first = branches?.get('else_branch');
  const next = branches?.get('then_branch');
  if (first === undefined || next === undefined) throw new RangeError('the decoder is not a merged one: it has no If with two branches');
  const derived: DerivedConstants = new Map();
  return {
    first: serializeModel(finish(model, first, editFirst, arithmetic, derived)),
    next: serializeModel(finish(model, next, editNext, arithmetic, derived)),
  };
}

function finish(model: OnnxModel, branch: OnnxGraph, edit: (graph: OnnxGraph) => void, arithmetic: LinearArithmetic, derived: DerivedConstants): OnnxModel {
  const graph: OnnxGraph = { ...branch, initializers: new Map([...model.graph.initializers, ...branch.initializers]), inputs: [...model.graph.inputs], outputs: [] };
  edit(graph);
  rewriteLinearLayers(graph, arithmetic, derived);
  addChoice(graph);
  dropUnused(graph);
  return { ...model, graph };
}

/** The first step gives everything the others need: its own keys and values, and the encoder's. */
function editFirst(graph: OnnxGraph): void {
  const links = new GraphLinks(graph);
  for (const node of graph.nodes) {
    if (node.opType !== 'Transpose' || !/^present\.\d+\.encoder\.key$/.test(node.outputs[0] ?? '')) continue;
    const present = node.outputs[0] ?? '';
    const turned = links.consumers(node.inputs[0] ?? '').find((other) => other !== node && other.opType === 'Transpose');
    const scaled = links.onlyConsumer(turned?.outputs[0]);
    const product = links.onlyConsumer(scaled?.outputs[0]);
    if (scaled?.opType !== 'Mul' || product?.opType !== 'MatMul') throw new RangeError(`the attention over ${present} has another shape than expected`);
    product.inputs = product.inputs.map((input) => (input === scaled.outputs[0] ? present : input));
    scaled.outputs = [present];
    node.outputs = [`${present}_unused`];
  }
  for (const output of presentNames(graph)) {
    graph.outputs.push(output.endsWith('.encoder.key') ? valueInfo(output, 'float32', ['rows', 'heads', 'head_width', 'positions']) : valueInfo(output, 'float32', ['rows', 'heads', 'positions', 'head_width']));
  }
}

function editNext(graph: OnnxGraph): void {
  const links = new GraphLinks(graph);
  const encoderKeys = graph.inputs.map((input) => input.name).filter((name) => /^past_key_values\.\d+\.encoder\.key$/.test(name));
  for (const key of encoderKeys) {
    const turned = links.onlyConsumer(key);
    const scaled = links.onlyConsumer(turned?.outputs[0]);
    const product = links.onlyConsumer(scaled?.outputs[0]);
    const softmax = links.onlyConsumer(product?.outputs[0]);
    const [scores] = product?.outputs ?? [];
    if (turned?.opType !== 'Transpose' || scaled?.opType !== 'Mul' || product?.opType !== 'MatMul' || softmax?.opType !== 'Softmax' || scores === undefined) {
      throw new RangeError(`the attention over ${key} has another shape than expected`);
    }
    product.inputs = product.inputs.map((input) => (input === scaled.outputs[0] ? key : input));
    softmax.inputs = [`${scores}_masked`];
    graph.nodes = graph.nodes.flatMap((node) => (node === product ? [node, onnxNode('Add', [scores, DECODER.encoderMask], [`${scores}_masked`])] : [node]));
  }
  if (encoderKeys.length === 0) throw new RangeError('the decoder takes no keys of the encoder');
  const encoderKeyShape = ['rows', 'heads', 'head_width', 'positions'];
  graph.inputs = [
    ...graph.inputs.map((input) => (encoderKeys.includes(input.name) ? valueInfo(input.name, 'float32', encoderKeyShape) : input)),
    valueInfo(DECODER.encoderMask, 'float32', ['rows', 1, 1, 'positions']),
  ];
  for (const output of presentNames(graph)) {
    if (output.includes('.decoder.')) graph.outputs.push(valueInfo(output, 'float32', ['rows', 'heads', 'positions', 'head_width']));
  }
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

/** Leaves only what the outputs need: nodes, constants and inputs. */
function dropUnused(graph: OnnxGraph): void {
  const needed = new Set(graph.outputs.map((output) => output.name));
  const kept = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    kept.push(node);
    for (const input of node.inputs) needed.add(input);
  }
  graph.nodes = kept.reverse();
  graph.initializers = new Map([...graph.initializers].filter(([name]) => needed.has(name)));
  graph.inputs = graph.inputs.filter((input) => needed.has(input.name));
}

function presentNames(graph: OnnxGraph): string[] {
  return graph.nodes.flatMap((node) => node.outputs).filter((name) => /^present\.\d+\.(?:encoder|decoder)\.(?:key|value)$/.test(name));
}
