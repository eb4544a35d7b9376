import {
  byteInitializer,
  byteValues,
  float32Initializer,
  float32Values,
  initializerDims,
  onnxNode,
  uint8Initializer,
  type OnnxGraph,
  type OnnxNode,
} from '@murmuration/onnx';
import { GraphLinks } from './graph-links.js';
import { makeWeightsUnsigned } from './unsigned-weights.js';

/**
 * How the matrix products of a dynamically quantised model are computed.
 * `int8-per-row`: activations get one scale a row (a token of one chunk) and products are sums of integers, which are exact. A row's
 * values then do not depend on the other rows of its batch; with one scale for the whole tensor they would.
 * `float32`: weights are turned back into floats at load; for devices without integer products.
 */
export type LinearArithmetic = 'int8-per-row' | 'float32';

type Bytes = Uint8Array | Int8Array;

interface Layer {
  /** Name of the float value that comes in and of the one that goes out. */
  readonly input: string;
  readonly output: string;
  /** Names of the constants: 8-bit weights [in, out]; their zero point, '' when that is 0; float32 scale, one or one a column. */
  readonly weight: string;
  readonly zeroPoint: string;
  readonly scale: string;
}

/** Constants made from those of the file, by name: two graphs of one file share the work. */
export type DerivedConstants = Map<string, Uint8Array>;

/** True when the graph has products whose activations are scaled over the whole batch. */
export function hasQuantizedLayers(graph: OnnxGraph): boolean {
  return graph.nodes.some((node) => node.opType === 'MatMulInteger');
}

/**
 * Replaces every quantised product of the graph, in place; others stay as they are. Weights keep the values of the file; signed ones become unsigned
 * (see `makeWeightsUnsigned`).
 */
export function rewriteLinearLayers(
  graph: OnnxGraph,
  arithmetic: LinearArithmetic,
  derived: DerivedConstants = new Map(),
): void {
  const links = new GraphLinks(graph);
  const layers = new Map<OnnxNode, Layer>();
  const dropped = new Set<OnnxNode>();
  for (const node of graph.nodes) {
    if (node.opType === 'MatMulInteger') collectQuantized(node, links, layers, dropped);
    else if (node.opType === 'MatMul') collectDequantized(node, graph, derived, links, layers, dropped);
  }
  const rows = new Map<string, QuantizedRows>();
  graph.nodes = graph.nodes.flatMap((node) => {
    const layer = layers.get(node);
    if (layer === undefined) return dropped.has(node) ? [] : [node];
    return arithmetic === 'float32' ? floatLayer(layer, graph, derived) : perRowLayer(layer, graph, rows);
  });
  makeWeightsUnsigned(graph);
}

/** DynamicQuantizeLinear → MatMulInteger → Cast → Mul(scales): what onnxruntime's dynamic quantisation writes. */
function collectQuantized(
  product: OnnxNode,
  links: GraphLinks,
  layers: Map<OnnxNode, Layer>,
  dropped: Set<OnnxNode>,
): void {
  const [quantized, weight, , zeroPoint = ''] = product.inputs;
  const quantize = links.producer(quantized);
  const cast = links.onlyConsumer(product.outputs[0]);
  const scaled = links.onlyConsumer(cast?.outputs[0]);
  const scales = links.producer(scaled?.inputs.find((input) => input !== cast?.outputs[0]));
  const scale = scales?.inputs.find((input) => links.isConstant(input));
  if (
    quantize?.opType !== 'DynamicQuantizeLinear' ||
    scaled?.opType !== 'Mul' ||
    cast === undefined ||
    scales === undefined
  )
    return;
  const [input] = quantize.inputs;
  const [output] = scaled.outputs;
  if (
    input === undefined ||
    output === undefined ||
    weight === undefined ||
    !links.isConstant(weight) ||
    scale === undefined
  )
    return;
  for (const node of [quantize, product, cast, scales]) dropped.add(node);
  layers.set(scaled, { input, output, weight, zeroPoint, scale });
}

/** MatMul by Transpose → DequantizeLinear of a constant: the output layer that shares its weights with the embedding, unpacked anew in every step. */
function collectDequantized(
  product: OnnxNode,
  graph: OnnxGraph,
  derived: DerivedConstants,
  links: GraphLinks,
  layers: Map<OnnxNode, Layer>,
  dropped: Set<OnnxNode>,
): void {
  const dequantize = links.producer(product.inputs[1]);
  if (dequantize?.opType !== 'DequantizeLinear') return;
  const [, scale, zeroPoint] = dequantize.inputs;
  const transpose = links.producer(dequantize.inputs[0]);
  const stored = transpose?.opType === 'Transpose' ? graph.initializers.get(transpose.inputs[0] ?? '') : undefined;
  const [input] = product.inputs;
  const [output] = product.outputs;
  if (
    transpose === undefined ||
    stored === undefined ||
    scale === undefined ||
    zeroPoint === undefined ||
    input === undefined ||
    output === undefined
  )
    return;
  const weight = `${transpose.inputs[0] ?? ''}_transposed`;
  const [rows = 0, columns = 0] = initializerDims(stored);
  graph.initializers.set(
    weight,
    derive(derived, weight, () =>
      byteInitializer(weight, [columns, rows], transposed(byteValues(stored), rows, columns)),
    ),
  );
  dropped.add(dequantize);
  dropped.add(transpose);
  layers.set(product, { input, output, weight, zeroPoint, scale });
}

interface QuantizedRows {
  readonly quantized: string;
  readonly peak: string;
}

const ROW = {
  levels: 'row_quantization.levels',
  centre: 'row_quantization.centre',
  zeroPoint: 'row_quantization.zero_point',
} as const;
const ROW_LEVELS = 127;

/** q = round(x · 127 / peak) + 128 with the peak of each row; y = (q − 128)·(w − zero point) · peak · scale / 127. A row of zeros gives zeros. */
function perRowLayer(layer: Layer, graph: OnnxGraph, known: Map<string, QuantizedRows>): OnnxNode[] {
  const { input, output, weight, zeroPoint } = layer;
  const nodes: OnnxNode[] = [];
  let rows = known.get(input);
  if (rows === undefined) {
    rows = { quantized: `${input}_rows`, peak: `${input}_rows_peak` };
    known.set(input, rows);
    graph.initializers.set(ROW.levels, float32Initializer(ROW.levels, [], Float32Array.of(ROW_LEVELS)));
    // Conversion to an integer cuts the fraction off: the half turns that into rounding.
    graph.initializers.set(ROW.centre, float32Initializer(ROW.centre, [], Float32Array.of(128.5)));
    graph.initializers.set(ROW.zeroPoint, uint8Initializer(ROW.zeroPoint, [], Uint8Array.of(128)));
    nodes.push(
      onnxNode('Abs', [input], [`${input}_rows_abs`]),
      onnxNode('ReduceMax', [`${input}_rows_abs`], [rows.peak], { axes: [-1], keepdims: 1 }),
      onnxNode('Div', [ROW.levels, rows.peak], [`${input}_rows_factor`]),
      onnxNode('Mul', [input, `${input}_rows_factor`], [`${input}_rows_scaled`]),
      onnxNode('Add', [`${input}_rows_scaled`, ROW.centre], [`${input}_rows_centred`]),
      onnxNode('Cast', [`${input}_rows_centred`], [rows.quantized], { to: UINT8 }),
    );
  }
  const levels = `${layer.scale}_levels`;
  const stored = demand(graph, layer.scale);
  graph.initializers.set(
    levels,
    float32Initializer(
      levels,
      initializerDims(stored),
      float32Values(stored).map((scale) => ROW_LEVELS / scale),
    ),
  );
  nodes.push(
    onnxNode(
      'MatMulInteger',
      [rows.quantized, weight, ROW.zeroPoint, ...(zeroPoint === '' ? [] : [zeroPoint])],
      [`${output}_sums`],
    ),
    onnxNode('Cast', [`${output}_sums`], [`${output}_cast`], { to: FLOAT32 }),
    // A division, because the runtime would fuse a product of two scales into an operator that applies the first row's scale to all rows.
    onnxNode('Div', [rows.peak, levels], [`${output}_scales`]),
    onnxNode('Mul', [`${output}_cast`, `${output}_scales`], [output]),
  );
  return nodes;
}

const FLOAT32 = 1;
const UINT8 = 2;

function floatLayer(layer: Layer, graph: OnnxGraph, derived: DerivedConstants): OnnxNode[] {
  const name = `${layer.weight}_float`;
  graph.initializers.set(
    name,
    derive(derived, name, () => {
      const stored = demand(graph, layer.weight);
      const zeroPoints = layer.zeroPoint === '' ? Uint8Array.of(0) : byteValues(demand(graph, layer.zeroPoint));
      return float32Initializer(
        name,
        initializerDims(stored),
        dequantized(byteValues(stored), zeroPoints, float32Values(demand(graph, layer.scale))),
      );
    }),
  );
  return [onnxNode('MatMul', [layer.input, name], [layer.output])];
}

function derive(derived: DerivedConstants, name: string, make: () => Uint8Array): Uint8Array {
  const known = derived.get(name) ?? make();
  derived.set(name, known);
  return known;
}

/** Zero points and scales are one, or one a column (the last dimension). */
function dequantized(values: Bytes, zeroPoints: Bytes, scales: Float32Array): Float32Array {
  const floats = new Float32Array(values.length);
  for (let at = 0; at < values.length; at++)
    floats[at] = ((values[at] ?? 0) - (zeroPoints[at % zeroPoints.length] ?? 0)) * (scales[at % scales.length] ?? 0);
  return floats;
}

function demand(graph: OnnxGraph, name: string): Uint8Array {
  const tensor = graph.initializers.get(name);
  if (tensor === undefined) throw new RangeError(`the model lacks the constant ${name}`);
  return tensor;
}

function transposed(values: Bytes, rows: number, columns: number): Bytes {
  // Not `slice`: that of a Buffer shares its memory.
  const result = values instanceof Int8Array ? new Int8Array(values.length) : new Uint8Array(values.length);
  // Tiles stay in the cache: 26 ms for the 32,768 × 288 of Moonshine tiny, row by row 71.
  const tile = 64;
  for (let top = 0; top < rows; top += tile) {
    const bottom = Math.min(top + tile, rows);
    for (let column = 0; column < columns; column++) {
      for (let row = top; row < bottom; row++) result[column * rows + row] = values[row * columns + column] ?? 0;
    }
  }
  return result;
}
