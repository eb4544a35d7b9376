import type { OnnxNode } from '@murmuration/onnx';
import { atLeast, broadcast, minus, plus, reshaped, type Extent, type Shape } from './extents.js';
import type { KnownValue } from './known-value.js';
import { integerAttribute, integersAttribute } from './node-attributes.js';

/** Operations whose result has the shape of their first input. */
const LIKE_THE_FIRST = new Set([
  'Abs',
  'Cast',
  'Cos',
  'DequantizeLinear',
  'DynamicQuantizeLinear',
  'Erf',
  'Identity',
  'IsNaN',
  'LayerNormalization',
  'Neg',
  'Not',
  'Sigmoid',
  'Sin',
  'Softmax',
  'Sqrt',
  'Tanh',
]);
const ELEMENT_BY_ELEMENT = new Set([
  'Add',
  'Div',
  'Equal',
  'Greater',
  'GreaterOrEqual',
  'Less',
  'LessOrEqual',
  'Mul',
  'Pow',
  'Sub',
  'Where',
]);
/** An end at or behind this one is that of the dimension. */
const THE_END = 2 ** 31 - 1;

/** The shape of a node's first output; null when it is not known. */
export function shapeAfter(node: OnnxNode, inputs: readonly KnownValue[]): Shape | null {
  const [first, second] = inputs;
  const shape = first?.shape ?? null;
  if (LIKE_THE_FIRST.has(node.opType)) return shape;
  if (ELEMENT_BY_ELEMENT.has(node.opType)) {
    const shapes = inputs.map((input) => input.shape);
    return shapes.includes(null) ? null : broadcast(shapes.filter((one) => one !== null));
  }
  switch (node.opType) {
    case 'Shape':
      return shape === null ? null : [shape.length];
    case 'ConstantOfShape':
      return first?.items ?? null;
    case 'Reshape':
      return second?.items ? reshaped(shape, second.items) : null;
    case 'Expand':
      return shape !== null && second?.items ? broadcast([shape, second.items]) : null;
    case 'Range':
      return rangeShape(inputs);
    case 'MatMul':
    case 'MatMulInteger':
      return productShape(shape, second?.shape ?? null);
  }
  if (shape === null) return null;
  const axisIn = (rank: number): number => {
    const axis = integerAttribute(node, 'axis') ?? 0;
    return axis < 0 ? axis + rank : axis;
  };
  switch (node.opType) {
    case 'Gather': {
      const axis = axisIn(shape.length);
      return second?.shape ? shape.toSpliced(axis, 1, ...second.shape) : null;
    }
    case 'Tile': {
      const repeats = second?.items;
      if (repeats?.length !== shape.length || repeats.some((times, at) => times !== 1 && shape[at] !== 1)) return null;
      return repeats.map((times, at) => (times === 1 ? (shape[at] ?? 1) : times));
    }
    case 'Concat':
      return concatShape(inputs, axisIn(shape.length));
    case 'Transpose': {
      const order = integersAttribute(node, 'perm') ?? shape.map((_, axis) => shape.length - 1 - axis);
      const turned = order.map((axis) => shape[axis] ?? NaN);
      return turned.length === shape.length ? turned : null;
    }
    case 'Unsqueeze':
      return unsqueezed(shape, second?.items ?? null);
    case 'ReduceMean':
    case 'ReduceMax': {
      const axes = integersAttribute(node, 'axes')?.map((axis) => (axis < 0 ? axis + shape.length : axis));
      if (axes === undefined || integerAttribute(node, 'keepdims') === 0) return null;
      return shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
    }
    case 'Slice':
      return sliceShape(shape, inputs);
    default:
      return null;
  }
}

function rangeShape([start, limit, step]: readonly KnownValue[]): Shape | null {
  const [from] = start?.items ?? [];
  const [to] = limit?.items ?? [];
  if (from === undefined || to === undefined || step?.items?.[0] !== 1) return null;
  const length = minus(to, from);
  return length === null || !atLeast(length, 0) ? null : [length];
}

function productShape(left: Shape | null, right: Shape | null): Shape | null {
  if (left === null || right === null || left.length < 2 || right.length < 2) return null;
  const others = broadcast([left.slice(0, -2), right.slice(0, -2)]);
  return others === null ? null : [...others, ...left.slice(-2, -1), ...right.slice(-1)];
}

function concatShape(inputs: readonly KnownValue[], axis: number): Shape | null {
  const shapes = inputs.map((input) => input.shape).filter((shape) => shape !== null);
  const [first] = shapes;
  if (first === undefined || shapes.length < inputs.length) return null;
  const sum = shapes
    .map((shape) => shape[axis] ?? 0)
    .reduce<Extent | null>((one, other) => (one === null ? null : plus(one, other)), 0);
  return sum === null ? null : first.with(axis, sum);
}

function unsqueezed(shape: Shape, axes: readonly Extent[] | null): Shape | null {
  if (axes === null) return null;
  const rank = shape.length + axes.length;
  const added = axes.map((axis) => (typeof axis === 'number' && axis < 0 ? axis + rank : axis));
  const others = [...shape];
  return Array.from({ length: rank }, (_, axis) => (added.includes(axis) ? 1 : (others.shift() ?? NaN)));
}

/** Of slices by one or two known bounds, from the front of a dimension. */
function sliceShape(shape: Shape, [, starts, ends, axes, steps]: readonly KnownValue[]): Shape | null {
  const [start, end, axis, step = 1] = [starts, ends, axes, steps].map((input) =>
    input?.items?.length === 1 ? input.items[0] : undefined,
  );
  if (steps !== undefined && steps.items === null) return null;
  if (start === undefined || end === undefined || typeof step !== 'number' || step < 1) return null;
  if (axes !== undefined && typeof axis !== 'number') return null;
  const at = typeof axis === 'number' ? (axis < 0 ? axis + shape.length : axis) : 0;
  const extent = shape[at];
  if (extent === undefined) return null;
  const from = typeof start === 'number' && start < 0 ? plus(extent, start) : start;
  const limit = typeof end === 'number' && end < 0 ? plus(extent, end) : end;
  if (from === null || limit === null) return null;
  const atEnd = (typeof end === 'number' && end >= THE_END) || atLeast(limit, extent);
  if (!atEnd && !atLeast(extent, limit)) return null;
  const length = minus(atEnd ? extent : limit, from);
  if (length === null || !atLeast(length, 0)) return null;
  if (step === 1) return shape.with(at, length);
  return typeof length === 'number' ? shape.with(at, Math.ceil(length / step)) : null;
}
