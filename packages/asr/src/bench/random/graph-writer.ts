import { onnxNode, type OnnxNode, stringField, type ValueInfo } from '@murmuration/onnx';
import { BYTE_SCALE, type RandomWeights } from './random-weights.js';

const TO_FLOAT32 = 1;
const LAYER_NORM_AXIS = -1;

/** Writes the nodes of one graph, one after the other, as PyTorch's exporter would: shapes are computed by the graph, GELU by `Erf`. */
export class GraphWriter {
  readonly nodes: OnnxNode[] = [];
  readonly weights: RandomWeights;
  readonly #prefix: string;
  readonly #int8: boolean;
  readonly #quantized = new Map<string, readonly [values: string, scale: string, zero: string]>();
  #count = 0;

  /** @param prefix of the names of its values: those of two graphs in one file must differ */
  constructor(weights: RandomWeights, prefix: string, int8: boolean) {
    this.weights = weights;
    this.#prefix = prefix;
    this.#int8 = int8;
  }

  /** A node of one output, whose name it returns. */
  add(
    opType: string,
    inputs: string[],
    attributes: Readonly<Record<string, number | readonly number[]>> = {},
    output = `${this.#prefix}${opType}_${String(this.#count++)}`,
  ): string {
    this.nodes.push(onnxNode(opType, inputs, [output], attributes));
    return output;
  }

  /** Scalar length of a dimension, as the graph finds it. */
  lengthOf(value: string, axis: number): string {
    return this.add('Gather', [this.add('Shape', [value]), this.weights.integers(axis)], { axis: 0 });
  }

  /** The value in another shape; a name stands for a scalar that the graph computes. */
  reshape(value: string, shape: readonly (number | string)[], output?: string): string {
    const parts = shape.map((dim) =>
      typeof dim === 'number' ? this.weights.integers([dim]) : this.add('Unsqueeze', [dim, this.weights.integers([0])]),
    );
    return this.add('Reshape', [value, this.add('Concat', parts, { axis: 0 })], {}, output);
  }

  /** Rows `from` to `to` (scalars that the graph computes, or numbers) of a dimension. */
  slice(value: string, from: string | number, to: string, axis: number): string {
    const list = (one: string | number): string =>
      typeof one === 'number' ? this.weights.integers([one]) : this.add('Unsqueeze', [one, this.weights.integers([0])]);
    return this.add('Slice', [value, list(from), list(to), this.weights.integers([axis])]);
  }

  /** The value times a number. */
  scaled(value: string, factor: number): string {
    const name = this.weights.floats(`float ${String(factor)}`, [], () => Float32Array.of(factor));
    return this.add('Mul', [value, name]);
  }

  /** x · W (+ b): in 8 bits as onnxruntime's dynamic quantisation writes it. */
  linear(value: string, name: string, [from, to]: readonly [from: number, to: number], bias = true): string {
    const product = this.#int8
      ? this.#quantizedProduct(value, name, [from, to])
      : this.add('MatMul', [value, this.weights.random(`${name}.weight`, [from, to])]);
    return bias ? this.add('Add', [this.#zeros(`${name}.bias`, to), product]) : product;
  }

  layerNorm(value: string, name: string, width: number): string {
    const ones = this.weights.floats(`${name}.weight`, [width], () => new Float32Array(width).fill(1));
    return this.add('LayerNormalization', [value, ones, this.#zeros(`${name}.bias`, width)], { axis: LAYER_NORM_AXIS });
  }

  convolution(value: string, name: string, [from, to]: readonly [from: number, to: number], stride: number): string {
    const inputs = [value, this.weights.random(`${name}.weight`, [to, from, 3]), this.#zeros(`${name}.bias`, to)];
    return this.add('Conv', inputs, { dilations: [1], group: 1, kernel_shape: [3], pads: [1, 1], strides: [stride] });
  }

  gelu(value: string): string {
    const number = (one: number): string => this.weights.floats(`float ${String(one)}`, [], () => Float32Array.of(one));
    const error = this.add('Erf', [this.add('Div', [value, number(Math.SQRT2)])]);
    return this.scaled(this.add('Mul', [value, this.add('Add', [error, number(1)])]), 0.5);
  }

  /** Rows of the table of tokens. */
  embedding(ids: string, name: string, dims: readonly number[]): string {
    if (!this.#int8) return this.add('Gather', [this.weights.random(name, dims), ids], { axis: 0 });
    return this.#dequantized(this.add('Gather', [this.weights.random(name, dims, 'uint8'), ids], { axis: 0 }));
  }

  /** Scores of all tokens: the product with the same table. */
  scores(value: string, name: string, dims: readonly number[], output: string): string {
    const table = this.weights.random(name, dims, this.#int8 ? 'uint8' : 'float');
    const turned = this.add('Transpose', [table], { perm: [1, 0] });
    return this.add('MatMul', [value, this.#int8 ? this.#dequantized(turned) : turned], {}, output);
  }

  #dequantized(value: string): string {
    return this.add('DequantizeLinear', [value, this.#byteScale(), this.weights.byteZero()]);
  }

  #quantizedProduct(value: string, name: string, [from, to]: readonly [from: number, to: number]): string {
    const [values, scale, zero] = this.#quantize(value);
    const weight = this.weights.random(`${name}.weight_quantized`, [from, to], 'uint8');
    const sums = this.add('MatMulInteger', [values, weight, zero, this.weights.byteZero()]);
    const scales = this.add('Mul', [scale, this.#byteScale()]);
    return this.add('Mul', [this.add('Cast', [sums], { to: TO_FLOAT32 }), scales]);
  }

  #quantize(value: string): readonly [values: string, scale: string, zero: string] {
    const known = this.#quantized.get(value);
    if (known !== undefined) return known;
    const made = [`${value}_quantized`, `${value}_scale`, `${value}_zero_point`] as const;
    this.nodes.push(onnxNode('DynamicQuantizeLinear', [value], [...made]));
    this.#quantized.set(value, made);
    return made;
  }

  #byteScale(): string {
    return this.weights.floats('byte_scale', [], () => Float32Array.of(BYTE_SCALE), 'float32');
  }

  #zeros(name: string, length: number): string {
    return this.weights.floats(name, [length], () => new Float32Array(length));
  }
}

/**
 * The choice of a merged decoder between its two branches, by `use_cache_branch`: the first step, and those that have a cache.
 * @param nodes of a branch @param outputs of a branch: as many of the same names in both
 */
export function cacheChoice(
  nodes: (withCache: boolean) => OnnxNode[],
  outputs: (withCache: boolean) => ValueInfo[],
): OnnxNode {
  const branch = (withCache: boolean) => ({
    nodes: nodes(withCache),
    initializers: new Map<string, Uint8Array>(),
    inputs: [],
    outputs: outputs(withCache),
    rest: [stringField(2, withCache ? 'next' : 'first')],
  });
  return {
    ...onnxNode(
      'If',
      ['use_cache_branch'],
      outputs(false).map(({ name }) => name),
    ),
    graphs: new Map([
      ['then_branch', branch(true)],
      ['else_branch', branch(false)],
    ]),
  };
}
