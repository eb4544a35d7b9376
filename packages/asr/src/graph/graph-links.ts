import type { OnnxGraph, OnnxNode } from '@murmuration/onnx';

/** The node that produces each value of a graph and the nodes that consume it. A snapshot: later edits of the graph do not show. */
export class GraphLinks {
  readonly #producers = new Map<string, OnnxNode>();
  readonly #consumers = new Map<string, OnnxNode[]>();
  readonly #constants: ReadonlySet<string>;

  constructor(graph: OnnxGraph) {
    this.#constants = new Set(graph.initializers.keys());
    for (const node of graph.nodes) {
      for (const output of node.outputs) this.#producers.set(output, node);
      for (const input of node.inputs) {
        const consumers = this.#consumers.get(input);
        if (consumers === undefined) this.#consumers.set(input, [node]);
        else consumers.push(node);
      }
    }
  }

  isConstant(value: string): boolean {
    return this.#constants.has(value);
  }

  /** The node that produces the value; undefined for inputs and constants. */
  producer(value: string | undefined): OnnxNode | undefined {
    return value === undefined ? undefined : this.#producers.get(value);
  }

  consumers(value: string): readonly OnnxNode[] {
    return this.#consumers.get(value) ?? [];
  }

  /** The node that consumes the value, when it is the only one. */
  onlyConsumer(value: string | undefined): OnnxNode | undefined {
    const consumers = value === undefined ? [] : this.consumers(value);
    return consumers.length === 1 ? consumers[0] : undefined;
  }
}
