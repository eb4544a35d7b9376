import {
  byteInitializer,
  byteValues,
  float32Initializer,
  float32Values,
  initializerDims,
  onnxNode,
  rawInitializer,
  type OnnxGraph,
  type OnnxNode,
} from '@murmuration/onnx';
import { GraphLinks } from './graph-links.js';

/** One quantised product: MatMulInteger → Cast → Mul by the scales of activations and weights. */
interface Product {
  readonly product: OnnxNode;
  readonly cast: OnnxNode;
  readonly scales: OnnxNode;
  readonly scaled: OnnxNode;
  readonly activationScale: string;
  readonly weight: Uint8Array;
  /** Null where it is 0. */
  readonly zeroPoint: Uint8Array | null;
  readonly scale: Uint8Array;
}

/**
 * Makes one product of those that multiply the same activations, such as queries, keys and values of one layer, in place: their weights side by side, and
 * a `Split` of the result. Sums are those of integers and every column keeps its scale and zero point, so values stay as they are bit by bit. The weights of
 * the single products are of no use any more in this graph. Comes before `rewriteLinearLayers`.
 */
export function joinProducts(graph: OnnxGraph): void {
  const links = new GraphLinks(graph);
  const groups = new Map<string, Product[]>();
  for (const product of graph.nodes.flatMap((node) => productOf(node, links, graph) ?? [])) {
    const [activations = ''] = product.product.inputs;
    groups.set(activations, [...(groups.get(activations) ?? []), product]);
  }
  const replaced = new Map<OnnxNode, OnnxNode[]>();
  for (const [activations, products] of groups) {
    const [first] = products;
    if (first === undefined || products.length < 2 || !products.every((other) => alike(first, other))) continue;
    for (const { product, cast, scales, scaled } of products)
      for (const node of [product, cast, scales, scaled]) replaced.set(node, []);
    replaced.set(first.product, joined(graph, activations, products, first));
  }
  graph.nodes = graph.nodes.flatMap((node) => replaced.get(node) ?? [node]);
}

function productOf(product: OnnxNode, links: GraphLinks, graph: OnnxGraph): Product | null {
  if (product.opType !== 'MatMulInteger') return null;
  const [, weightName = '', , zeroPointName = ''] = product.inputs;
  const cast = links.onlyConsumer(product.outputs[0]);
  const scaled = links.onlyConsumer(cast?.outputs[0]);
  const scales = links.producer(scaled?.inputs.find((input) => input !== cast?.outputs[0]));
  if (cast?.opType !== 'Cast' || scaled?.opType !== 'Mul' || scales?.opType !== 'Mul') return null;
  if (links.onlyConsumer(scales.outputs[0]) !== scaled) return null;
  const scaleName = scales.inputs.find((input) => links.isConstant(input)) ?? '';
  const activationScale = scales.inputs.find((input) => input !== scaleName);
  const [weight, scale] = [graph.initializers.get(weightName), graph.initializers.get(scaleName)];
  const zeroPoint = zeroPointName === '' ? null : graph.initializers.get(zeroPointName);
  if (weight === undefined || scale === undefined || zeroPoint === undefined || activationScale === undefined)
    return null;
  return initializerDims(weight).length === 2
    ? { product, cast, scales, scaled, activationScale, weight, zeroPoint, scale }
    : null;
}

/** True when two products can be columns of one. */
function alike(one: Product, other: Product): boolean {
  return (
    initializerDims(one.weight)[0] === initializerDims(other.weight)[0] &&
    byteValues(one.weight) instanceof Int8Array === byteValues(other.weight) instanceof Int8Array &&
    one.product.inputs[2] === other.product.inputs[2] &&
    one.activationScale === other.activationScale
  );
}

function joined(graph: OnnxGraph, activations: string, products: readonly Product[], first: Product): OnnxNode[] {
  const widths = products.map(({ weight }) => initializerDims(weight)[1] ?? 0);
  const width = widths.reduce((sum, one) => sum + one, 0);
  const name = `${first.scaled.outputs[0] ?? ''}_joined`;
  const add = (part: string, make: (name: string) => Uint8Array): string => {
    graph.initializers.set(`${name}.${part}`, make(`${name}.${part}`));
    return `${name}.${part}`;
  };
  const rows = initializerDims(first.weight)[0] ?? 0;
  const signed = byteValues(first.weight) instanceof Int8Array;
  const bytes = (length: number): Int8Array | Uint8Array => (signed ? new Int8Array(length) : new Uint8Array(length));
  const weights = bytes(rows * width);
  const zeroPoints = bytes(width);
  const scales = new Float32Array(width);
  let column = 0;
  products.forEach((one, at) => {
    const own = widths[at] ?? 0;
    const values = byteValues(one.weight);
    for (let row = 0; row < rows; row++) weights.set(values.subarray(row * own, (row + 1) * own), row * width + column);
    zeroPoints.set(eachColumn(one.zeroPoint === null ? bytes(1) : byteValues(one.zeroPoint), own), column);
    scales.set(eachColumn(float32Values(one.scale), own), column);
    column += own;
  });
  const lengths = BigInt64Array.from(widths, BigInt);
  const weight = add('weight', (part) => byteInitializer(part, [rows, width], weights));
  const zeroPoint = add('zero_point', (part) => byteInitializer(part, [width], zeroPoints));
  const scale = add('scale', (part) => float32Initializer(part, [width], scales));
  const sizes = add('sizes', (part) => rawInitializer(part, [widths.length], 'int64', new Uint8Array(lengths.buffer)));
  const [, , activationZeroPoint = ''] = first.product.inputs;
  return [
    onnxNode('MatMulInteger', [activations, weight, activationZeroPoint, zeroPoint], [`${name}.sums`]),
    onnxNode('Cast', [`${name}.sums`], [`${name}.cast`], { to: FLOAT32 }),
    onnxNode('Mul', [first.activationScale, scale], [`${name}.scales`]),
    onnxNode('Mul', [`${name}.cast`, `${name}.scales`], [name]),
    onnxNode(
      'Split',
      [name, sizes],
      products.map(({ scaled }) => scaled.outputs[0] ?? ''),
      { axis: -1 },
    ),
  ];
}

const FLOAT32 = 1;

/** One number for every column, or the numbers of the columns. */
function eachColumn(values: Uint8Array | Int8Array | Float32Array, columns: number): number[] {
  return Array.from({ length: columns }, (_, column) => values[values.length === 1 ? 0 : column] ?? 0);
}
