import type { OnnxGraph, OnnxNode } from '@murmuration/onnx';

/** Who makes and who takes each value of a graph, as it was when this was made. */
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

  /** The node that makes the value; none for inputs and constants. */
  producer(value: string | undefined): OnnxNode | undefined {
    return value === undefined ? undefined : this.#producers.get(value);
  }

  consumers(value: string): readonly OnnxNode[] {
    return this.#consumers.get(value) ?? [];
  }

  /** The node that takes the value when it is the only one. */
  onlyConsumer(value: string | undefined): OnnxNode | undefined {
    const consumers = value === undefined ? [] : this.consumers(value);
    return consumers.length === 1 ? consumers[0] : undefined;
  }
}
