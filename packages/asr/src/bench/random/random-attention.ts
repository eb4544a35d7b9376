import type { GraphWriter } from './graph-writer.js';

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
