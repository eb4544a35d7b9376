import type { GraphWriter } from './graph-writer.js';
import type { MoonshineShape } from './shapes.js';

/** One attention of a layer. Keys and values are `[rows, heads, positions, width of a head]`. */
export interface Attention {
  readonly name: string;
  readonly width: number;
  readonly heads: number;
}

interface KeysAndValues {
  readonly keys: string;
  readonly values: string;
}

/** Keys and values of the states, under the names that are given. */
export function keysAndValues(
  graph: GraphWriter,
  states: string,
  { name, width, heads }: Attention,
  as: Partial<KeysAndValues> = {},
): KeysAndValues {
  const rows = graph.lengthOf(states, 0);
  const split = (value: string, output?: string): string =>
    graph.add('Transpose', [graph.reshape(value, [rows, -1, heads, width / heads])], { perm: [0, 2, 1, 3] }, output);
  return {
    keys: split(graph.linear(states, `${name}.k_proj`, [width, width], false), as.keys),
    values: split(graph.linear(states, `${name}.v_proj`, [width, width]), as.values),
  };
}

/**
 * Softmax(queries · keys) · values, and what goes through the last layer of it; the weights by which values are added up are `scores`.
 * @param mask added before the softmax; null for none
 */
export function attend(
  graph: GraphWriter,
  states: string,
  { keys, values }: KeysAndValues,
  { name, width, heads }: Attention,
  mask: string | null,
): { readonly result: string; readonly scores: string } {
  const rows = graph.lengthOf(states, 0);
  const length = graph.lengthOf(states, 1);
  const queries = graph.scaled(
    graph.linear(states, `${name}.q_proj`, [width, width]),
    Math.fround((width / heads) ** -0.5),
  );
  const perHead = graph.add('Transpose', [graph.reshape(queries, [rows, length, heads, width / heads])], {
    perm: [0, 2, 1, 3],
  });
  const turned = graph.add('Transpose', [keys], { perm: [0, 1, 3, 2] });
  // The exporter scales both by the root of a scale that is 1 here.
  const product = graph.add('MatMul', [graph.scaled(perHead, 1), graph.scaled(turned, 1)]);
  const open = mask === null ? product : graph.add('Add', [product, mask]);
  const scores = graph.add('Softmax', [open], { axis: -1 });
  const summed = graph.add('Transpose', [graph.add('MatMul', [scores, values])], { perm: [0, 2, 1, 3] });
  const joined = graph.reshape(summed, [rows, length, width]);
  return { result: graph.linear(joined, `${name}.out_proj`, [width, width]), scores };
}

/** The two layers after attention, with what went in added. */
export function feedForward(graph: GraphWriter, states: string, name: string, width: number): string {
  const normal = graph.layerNorm(states, `${name}.final_layer_norm`, width);
  const wide = graph.gelu(graph.linear(normal, `${name}.fc1`, [width, 4 * width]));
  return graph.add('Add', [states, graph.linear(wide, `${name}.fc2`, [4 * width, width])]);
}

const FLOAT = 1;
/** Base of the wave lengths by which positions turn. */
const THETA = 10_000;

/** Cosine and sine of each position's turn: [length, turned]. */
export interface Turns {
  readonly cos: string;
  readonly sin: string;
}

/** The turns of positions from `from` to before `to`. */
export function turnsOf(graph: GraphWriter, { turned }: MoonshineShape, from: string, to: string): Turns {
  const frequencies = graph.weights.floats('turns', [turned], () =>
    Float32Array.from({ length: turned }, (_, at) => THETA ** (-(2 * Math.floor(at / 2)) / turned)),
  );
  const positions = graph.add('Cast', [graph.add('Range', [from, to, graph.weights.integers(1)])], { to: FLOAT });
  const angles = graph.add('Mul', [graph.add('Unsqueeze', [positions, graph.weights.integers([1])]), frequencies]);
  return { cos: graph.add('Cos', [angles]), sin: graph.add('Sin', [angles]) };
}

/** A layer by its name in the file. */
export interface Projection {
  readonly shape: MoonshineShape;
  readonly name: string;
}

/** The states through a layer, head by head: [rows, heads, positions, width of a head]. */
export function perHead(
  graph: GraphWriter,
  states: string,
  name: string,
  { width, heads }: MoonshineShape,
  output?: string,
): string {
  const flat = graph.linear(states, name, [width, width], false);
  const split = graph.reshape(flat, [graph.lengthOf(states, 0), -1, heads, width / heads]);
  return graph.add('Transpose', [split], { perm: [0, 2, 1, 3] }, output);
}

/** Keys of an attention, turned by their positions. */
export function keysOf(
  graph: GraphWriter,
  states: string,
  { shape, name }: Projection,
  turns: Turns,
  output?: string,
): string {
  return turnedBy(graph, perHead(graph, states, `${name}.k_proj`, shape), shape, turns, output);
}

/** Values of an attention. */
export function valuesOf(graph: GraphWriter, states: string, { shape, name }: Projection, output?: string): string {
  return perHead(graph, states, `${name}.v_proj`, shape, output);
}

/** Keys as the product with queries takes them: [rows, heads, width of a head, positions]. */
export function turnedKeys(graph: GraphWriter, keys: string): string {
  return graph.add('Transpose', [keys], { perm: [0, 1, 3, 2] });
}

/** Pairs of the first part of each head's width, turned by their positions' angles. */
function turnedBy(
  graph: GraphWriter,
  value: string,
  { turned, width, heads }: MoonshineShape,
  { cos, sin }: Turns,
  output?: string,
): string {
  const list = (one: number): string => graph.weights.integers([one]);
  const part = (of: string, from: number, to: number, step = 1): string =>
    graph.add('Slice', [of, list(from), list(to), list(3), list(step)]);
  const front = part(value, 0, turned);
  const ahead = graph.add('Unsqueeze', [graph.add('Neg', [part(front, 1, turned, 2)]), list(-1)]);
  const behind = graph.add('Unsqueeze', [part(front, 0, turned, 2), list(-1)]);
  const swapped = graph.reshape(graph.add('Concat', [ahead, behind], { axis: -1 }), [0, 0, 0, turned]);
  const both = graph.add('Add', [graph.add('Mul', [front, cos]), graph.add('Mul', [swapped, sin])]);
  return graph.add('Concat', [both, part(value, turned, width / heads)], { axis: -1 }, output);
}

/** Softmax(queries · keys) · values through the attention's last layer. @param turns of the queries; null where positions do not matter */
export function attended(
  graph: GraphWriter,
  states: string,
  { shape, name, keys, values }: Projection & { readonly keys: string; readonly values: string },
  turns: Turns | null,
): string {
  const { width, heads } = shape;
  const plain = perHead(graph, states, `${name}.q_proj`, shape);
  const queries = turns === null ? plain : turnedBy(graph, plain, shape, turns);
  // The exporter scales both by the root of the scale.
  const scale = Math.fround((width / heads) ** -0.25);
  const product = graph.add('MatMul', [graph.scaled(queries, scale), graph.scaled(keys, scale)]);
  const summed = graph.add('MatMul', [graph.add('Softmax', [product], { axis: -1 }), values]);
  const flat = graph.reshape(graph.add('Transpose', [summed], { perm: [0, 2, 1, 3] }), [
    graph.lengthOf(states, 0),
    graph.lengthOf(states, 1),
    width,
  ]);
  return graph.linear(flat, `${name}.o_proj`, [width, width], false);
}
