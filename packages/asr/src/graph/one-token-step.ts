import {
  float32Initializer,
  float32Values,
  onnxNode,
  rawInitializer,
  type OnnxGraph,
  type OnnxNode,
} from '@murmuration/onnx';
import { sameShape, type Shape } from './extents.js';
import { UNKNOWN, uniformItem, type KnownValue } from './known-value.js';
import { integersAttribute } from './node-attributes.js';
import { knownInOneTokenStep } from './step-knowledge.js';

type Knowledge = ReadonlyMap<string, KnownValue>;

/**
 * Makes the graph of a decoder's further steps one for steps of a single token, in place: constants in place of what is computed from shapes in every
 * step; one `Reshape` in place of those that split and join heads with their transpositions, which move no value then; no causal mask, which hides
 * nothing. Every value stays as it is bit by bit, but for the sign of a zero. What is not known of the graph is left as it was. Nodes that are of no
 * use any more stay, to be left out when the graph is written (`serializeBranch`).
 */
export function simplifyOneTokenStep(graph: OnnxGraph): void {
  const known = knownInOneTokenStep(graph);
  /** Values to be read in place of others. */
  const inPlaceOf = new Map<string, string>();
  /** For values that are another one in another shape: that one. */
  const sources = new Map<string, string>();
  const constants = new Set<string>();
  graph.nodes = graph.nodes.map((old) => {
    const node = { ...old, inputs: old.inputs.map((input) => inPlaceOf.get(input) ?? input) };
    const [output = ''] = node.outputs;
    const value = known.get(output) ?? UNKNOWN;
    if (node.opType === 'Constant') return node;
    const constant = addConstant(graph, `${output}_constant`, value);
    if (constant !== null) {
      constants.add(constant);
      inPlaceOf.set(output, constant);
      return node;
    }
    if (node.opType === 'Mul') node.inputs = spreadConstants(graph, node.inputs, constants, known);
    const same = withoutEffect(node, known);
    if (same !== null) {
      inPlaceOf.set(output, same);
      return node;
    }
    if (!keepsOrder(node, known)) return node;
    const [input = ''] = node.inputs;
    const source = sources.get(input) ?? input;
    sources.set(output, source);
    const { shape } = value;
    const sourceShape = known.get(source)?.shape ?? null;
    if (shape !== null && sourceShape !== null && sameShape(shape, sourceShape)) inPlaceOf.set(output, source);
    const target = addShape(graph, shape);
    return target === null ? node : onnxNode('Reshape', [source, target], [output]);
  });
}

/** Adds a value that is known whole to the graph's constants and returns its name; null when it is not. */
function addConstant(graph: OnnxGraph, name: string, { type, shape, items }: KnownValue): string | null {
  const numbers = items?.filter((item) => typeof item === 'number') ?? [];
  const dims = shape?.filter((extent) => typeof extent === 'number') ?? [];
  if (items === null || shape === null || numbers.length < items.length || dims.length < shape.length) return null;
  if (type === 'float32') {
    graph.initializers.set(name, float32Initializer(name, dims, Float32Array.from(numbers)));
    return name;
  }
  if (type !== 'int64') return null;
  const integers = BigInt64Array.from(numbers, BigInt);
  graph.initializers.set(name, rawInitializer(name, dims, type, new Uint8Array(integers.buffer)));
  return name;
}

/**
 * Makes new constants of one number, among what a product multiplies, as long as a dimension of the other value: one number the runtime would multiply
 * into the matrix product that follows, which rounds otherwise.
 */
function spreadConstants(
  graph: OnnxGraph,
  inputs: readonly string[],
  constants: ReadonlySet<string>,
  known: Knowledge,
): string[] {
  return inputs.map((input, at) => {
    const shape = known.get(inputs[1 - at] ?? '')?.shape;
    const tensor = graph.initializers.get(input);
    if (!constants.has(input) || tensor === undefined || !shape) return input;
    const axis = shape.findLastIndex((extent) => typeof extent === 'number' && extent > 1);
    const length = shape[axis];
    const [item] = float32Values(tensor);
    if (typeof length !== 'number' || item === undefined) return input;
    const dims = [length, ...shape.slice(axis + 1).map(() => 1)];
    const name = `${input}_${dims.join('_')}`;
    graph.initializers.set(name, float32Initializer(name, dims, new Float32Array(length).fill(item)));
    return name;
  });
}

/** The value that the node gives on as it is: what nothing is added to, or what is expanded to its own shape; null when there is none. */
function withoutEffect(node: OnnxNode, known: Knowledge): string | null {
  const { shape = null } = known.get(node.outputs[0] ?? '') ?? {};
  const asLarge = (name: string): boolean => {
    const own = known.get(name)?.shape ?? null;
    return own !== null && shape !== null && sameShape(own, shape);
  };
  const [one = '', other = ''] = node.inputs;
  if (node.opType === 'Expand' && asLarge(one)) return one;
  if (node.opType !== 'Add') return null;
  if (uniformItem(known.get(other)) === 0 && asLarge(one)) return one;
  return uniformItem(known.get(one)) === 0 && asLarge(other) ? other : null;
}

/** True when the node's values are those of its first input in the same order. */
function keepsOrder(node: OnnxNode, known: Knowledge): boolean {
  if (node.opType === 'Reshape' || node.opType === 'Unsqueeze') return true;
  if (node.opType !== 'Transpose') return false;
  const shape = known.get(node.inputs[0] ?? '')?.shape;
  if (!shape) return false;
  const order = integersAttribute(node, 'perm') ?? shape.map((_, axis) => shape.length - 1 - axis);
  const moved = order.filter((axis) => shape[axis] !== 1);
  return moved.every((axis, at) => at === 0 || axis > (moved[at - 1] ?? 0));
}

/** Adds the shape as `Reshape` takes it; null when more than one dimension is free. */
function addShape(graph: OnnxGraph, shape: Shape | null): string | null {
  if (shape === null || shape.filter((extent) => typeof extent !== 'number').length > 1) return null;
  const target = shape.map((extent) => (typeof extent === 'number' ? extent : -1));
  const name = `one_token_shape.${target.join('_')}`;
  const numbers = BigInt64Array.from(target, BigInt);
  graph.initializers.set(name, rawInitializer(name, [target.length], 'int64', new Uint8Array(numbers.buffer)));
  return name;
}
