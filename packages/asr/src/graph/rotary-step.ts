import { float32Initializer, onnxNode, rawInitializer, type OnnxGraph, type OnnxNode } from '@murmuration/onnx';
import { sameShape } from './extents.js';
import { GraphLinks } from './graph-links.js';
import { UNKNOWN, type KnownValue } from './known-value.js';
import { integerAttribute } from './node-attributes.js';
import { knownInOneTokenStep } from './step-knowledge.js';

/** A rotary embedding: the first `turned` of the `width` numbers of each head are turned pair by pair, the others stay. */
interface Rotation {
  readonly value: string;
  readonly cosine: string;
  readonly sine: string;
  readonly turned: number;
  readonly width: number;
}

/**
 * Writes the rotary embeddings of a step of one token as x · cos + swapped(x) · sin over the whole width, in place: cos continued by ones, sin with the
 * signs of the pairs and continued by zeros, both made once a step and not once a value. Values stay as they are bit by bit, but for the sign of a zero.
 * Embeddings of another form are left as they are.
 */
export function simplifyRotations(graph: OnnxGraph): void {
  const known = knownInOneTokenStep(graph);
  const links = new GraphLinks(graph);
  const written = new Map<string, Factors>();
  graph.nodes = graph.nodes.flatMap((node) => {
    const rotation = rotationBefore(node, links, known);
    const [output] = node.outputs;
    if (rotation === null || output === undefined) return [node];
    const { value, cosine, sine, turned, width } = rotation;
    const key = `${cosine} ${sine} ${String(turned)} ${String(width)}`;
    const made = written.get(key);
    const factors = made ?? addFactors(graph, rotation, `rotation_${String(written.size)}`);
    written.set(key, factors);
    return [
      ...(made === undefined ? factors.nodes : []),
      onnxNode('Mul', [value, factors.cosine], [`${output}_straight`]),
      onnxNode('Gather', [value, factors.order], [`${output}_swapped`], { axis: 3 }),
      onnxNode('Mul', [`${output}_swapped`, factors.sine], [`${output}_crossed`]),
      onnxNode('Add', [`${output}_straight`, `${output}_crossed`], [output]),
    ];
  });
}

/** What the values of one embedding are multiplied by, over the whole width, and the nodes that make it. */
interface Factors {
  readonly cosine: string;
  readonly sine: string;
  /** The places of a head's numbers with each pair swapped. */
  readonly order: string;
  readonly nodes: readonly OnnxNode[];
}

function addFactors(graph: OnnxGraph, { cosine, sine, turned, width }: Rotation, prefix: string): Factors {
  const floats = (part: string, length: number, of: (at: number) => number): string => {
    const name = `${prefix}.${part}`;
    const values = Float32Array.from({ length }, (_, at) => of(at));
    graph.initializers.set(name, float32Initializer(name, [1, 1, 1, length], values));
    return name;
  };
  const order = `${prefix}.order`;
  const places = BigInt64Array.from({ length: width }, (_, at) => BigInt(at < turned ? at ^ 1 : at));
  graph.initializers.set(order, rawInitializer(order, [width], 'int64', new Uint8Array(places.buffer)));
  const signs = floats('signs', turned, (at) => (at % 2 === 0 ? -1 : 1));
  const [ones, zeros] = [floats('ones', width - turned, () => 1), floats('zeros', width - turned, () => 0)];
  const [wholeCosine, signedSine, wholeSine] = [`${prefix}.cosine`, `${prefix}.signed_sine`, `${prefix}.sine`];
  return {
    cosine: wholeCosine,
    sine: wholeSine,
    order,
    nodes: [
      onnxNode('Concat', [cosine, ones], [wholeCosine], { axis: -1 }),
      onnxNode('Mul', [sine, signs], [signedSine]),
      onnxNode('Concat', [signedSine, zeros], [wholeSine], { axis: -1 }),
    ],
  };
}

type Knowledge = ReadonlyMap<string, KnownValue>;

/** The embedding that ends in this node: Concat(turned · cos + swapped · sin, the others). Null when it is none. */
function rotationBefore(end: OnnxNode, links: GraphLinks, known: Knowledge): Rotation | null {
  const shapeOf = (name: string | undefined) => (known.get(name ?? '') ?? UNKNOWN).shape;
  const rank = 4;
  const shape = shapeOf(end.outputs[0]);
  const width = shape?.at(-1);
  if (end.opType !== 'Concat' || end.inputs.length !== 2 || shape?.length !== rank || typeof width !== 'number')
    return null;
  const [sum, rest] = end.inputs.map((input) => links.producer(input));
  if (sum?.opType !== 'Add' || rest?.opType !== 'Slice') return null;
  const products = sum.inputs.map((input) => links.producer(input));
  const [straight, crossed] = products;
  if (straight?.opType !== 'Mul' || crossed?.opType !== 'Mul') return null;
  const [first = '', cosine = ''] = straight.inputs;
  const [swapped, sine = ''] = crossed.inputs;
  const front = sliceOf(links.producer(first), rank, known);
  const back = sliceOf(rest, rank, known);
  const turned = shapeOf(first)?.at(-1);
  if (front === null || back === null || typeof turned !== 'number' || turned % 2 !== 0) return null;
  const { value } = front;
  // The front and the back are the whole, and each factor has one number for each place of the front.
  if (back.value !== value || front.start !== 0 || back.start !== turned || front.step !== 1 || back.step !== 1)
    return null;
  const shapeOfValue = shapeOf(value);
  if (shapeOfValue === null || !sameShape(shapeOfValue, shape)) return null;
  for (const factor of [cosine, sine]) {
    const own = shapeOf(factor);
    if (own === null || !sameShape(own, [1, 1, 1, turned])) return null;
  }
  return isSwapped(swapped, first, turned, links, known) ? { value, cosine, sine, turned, width } : null;
}

/** True when a value is the other with its pairs (a, b) turned into (-b, a). */
function isSwapped(name: string | undefined, of: string, length: number, links: GraphLinks, known: Knowledge): boolean {
  const flat = links.producer(name);
  const pairs = flat?.opType === 'Reshape' ? links.producer(flat.inputs[0]) : undefined;
  const pairShape = known.get(pairs?.outputs[0] ?? '')?.shape;
  const flatShape = known.get(name ?? '')?.shape;
  const ofShape = known.get(of)?.shape;
  if (pairs?.opType !== 'Concat' || pairs.inputs.length !== 2 || !pairShape || !flatShape || !ofShape) return false;
  if (!sameShape(flatShape, ofShape) || !sameShape(pairShape, [...ofShape.slice(0, -1), length / 2, 2])) return false;
  const axis = integerAttribute(pairs, 'axis');
  if (axis !== -1 && axis !== pairShape.length - 1) return false;
  const [left, right] = pairs.inputs.map((input) => {
    const column = links.producer(input);
    return column?.opType === 'Reshape' ? links.producer(column.inputs[0]) : undefined;
  });
  if (left?.opType !== 'Neg') return false;
  const rank = ofShape.length;
  const second = sliceOf(links.producer(left.inputs[0]), rank, known);
  const first = sliceOf(right, rank, known);
  return (
    second?.value === of &&
    second.start === 1 &&
    second.step === 2 &&
    first?.value === of &&
    first.start === 0 &&
    first.step === 2
  );
}

/** A slice of the last dimension; its end shows in its shape. */
function sliceOf(
  node: OnnxNode | undefined,
  rank: number,
  known: Knowledge,
): { readonly value: string; readonly start: number; readonly step: number } | null {
  if (node?.opType !== 'Slice') return null;
  const [start, axis, step = 1] = [node.inputs[1], node.inputs[3], node.inputs[4]].map(
    (input) => known.get(input ?? '')?.items?.[0],
  );
  if (typeof start !== 'number' || typeof step !== 'number' || (axis !== -1 && axis !== rank - 1)) return null;
  return { value: node.inputs[0] ?? '', start, step };
}
