import type { ElementType, OnnxNode } from '@murmuration/onnx';
import { atLeast, minus, plus, sameExtent, type Extent, type Shape } from './extents.js';
import { constantValue, fewItems, uniformItem, UNKNOWN, type KnownValue, type Profile } from './known-value.js';
import { tensorAttribute } from './node-attributes.js';

type Inputs = readonly KnownValue[];

/** Operations that leave contents as they are, or repeat them. */
const ARRANGING = new Set(['Identity', 'Unsqueeze', 'Squeeze', 'Reshape', 'Expand', 'Tile']);

/** All that a node's first output holds, of this shape and type; null when it is not known. */
export function itemsAfter(
  node: OnnxNode,
  inputs: Inputs,
  shape: Shape | null,
  type: ElementType | null,
): readonly Extent[] | null {
  const [first = UNKNOWN, second = UNKNOWN, third = UNKNOWN] = inputs;
  switch (node.opType) {
    case 'Shape':
      return first.shape;
    case 'Range':
      return shape?.[0] === 1 ? first.items : null;
    case 'Gather':
      if (first.shape?.length !== 1 || first.items === null || second.items === null) return null;
      return all(second.items.map((at) => (typeof at === 'number' ? first.items?.at(at) : undefined)));
    case 'Concat':
      if (inputs.some((input) => input.shape?.length !== 1 || input.items === null)) return null;
      return inputs.flatMap((input) => input.items ?? []);
    case 'Slice': {
      const [from, to] = [second.items?.[0], third.items?.[0]];
      const plain = first.shape?.length === 1 && (inputs[4] === undefined || inputs[4].items?.[0] === 1);
      return plain && typeof from === 'number' && typeof to === 'number'
        ? (first.items?.slice(from, to) ?? null)
        : null;
    }
    case 'ConstantOfShape':
      return repeated(filling(node).items?.[0], shape);
    case 'Cast':
      return first.items !== null && (type === 'int64' || type === 'float32')
        ? all(first.items.map((item) => converted(item, first.type, type)))
        : null;
    case 'Where': {
      const { items } = first;
      if (items === null || items.length !== second.items?.length || items.length !== third.items?.length) return null;
      return all(
        items.map((condition, at) =>
          typeof condition === 'number' ? (condition === 1 ? second : third).items?.[at] : null,
        ),
      );
    }
  }
  if (ARRANGING.has(node.opType))
    return first.items?.length === fewItems(shape) ? first.items : repeated(uniformItem(first), shape);
  const count = fewItems(shape);
  if (count === null || first.items === null || (inputs.length > 1 && second.items === null)) return null;
  const at = (items: readonly Extent[], index: number): Extent => items[items.length === 1 ? 0 : index] ?? NaN;
  const [ones, others] = [first.items, second.items];
  return all(
    Array.from({ length: count }, (_, index) =>
      calculated(node.opType, at(ones, index), others === null ? 0 : at(others, index), first.type),
    ),
  );
}

/** What a node's first output holds along its last dimension; null when it is not known. */
export function profileAfter(
  node: OnnxNode,
  inputs: Inputs,
  shape: Shape | null,
  type: ElementType | null,
): Profile | null {
  const [first = UNKNOWN, second = UNKNOWN, third = UNKNOWN] = inputs;
  const along = first.profile;
  switch (node.opType) {
    case 'Range': {
      const [start] = first.items ?? [];
      return shape === null || start === undefined ? null : { kind: 'ramp', start };
    }
    case 'ConstantOfShape': {
      const [item] = filling(node).items ?? [];
      return typeof item === 'number' ? settled(uniform(item), shape) : null;
    }
    case 'Unsqueeze': {
      const rank = shape?.length ?? 0;
      const last = second.items?.some((axis) => axis === -1 || axis === rank - 1) ?? true;
      return last ? null : along;
    }
    case 'Cast':
      // Truth values, and positions, which stay integers.
      return first.type === 'bool' || type === 'int64' ? settled(along, shape) : null;
    case 'Expand':
    case 'Identity':
      // A dimension of one that is expanded has the same all along.
      return settled(along, sameLast(first.shape, shape) ? shape : null);
    case 'Slice': {
      const [start, axis, step] = [second, inputs[3], inputs[4]].map((input) => input?.items?.[0]);
      const fromFront = start === 0 && (axis === -1 || axis === (shape?.length ?? 0) - 1) && (step ?? 1) === 1;
      return fromFront ? settled(along, shape) : null;
    }
    case 'Where': {
      const [yes, no] = [uniformItem(second), uniformItem(third)];
      return along?.kind === 'step' && typeof yes === 'number' && typeof no === 'number'
        ? { ...along, below: along.below === 1 ? yes : no, from: along.from === 1 ? yes : no }
        : null;
    }
    case 'Greater':
    case 'LessOrEqual': {
      const threshold = uniformItem(second);
      const above = along?.kind === 'ramp' && threshold !== undefined ? minus(threshold, along.start) : null;
      const at = above === null ? null : plus(above, 1);
      const below = node.opType === 'Greater' ? 0 : 1;
      return at === null ? null : settled({ kind: 'step', at, below, from: 1 - below }, shape);
    }
    case 'Mul':
      return scaledProfile(first, second) ?? scaledProfile(second, first);
    default:
      return null;
  }
}

function scaledProfile(value: KnownValue, factor: KnownValue): Profile | null {
  const { profile } = value;
  const by = uniformItem(factor);
  if (profile?.kind !== 'step' || typeof by !== 'number' || value.type !== 'float32') return null;
  return { ...profile, below: Math.fround(profile.below * by), from: Math.fround(profile.from * by) };
}

/** A step at or behind the end, or at the front, is none. */
function settled(profile: Profile | null, shape: Shape | null): Profile | null {
  const last = shape?.at(-1);
  if (profile?.kind !== 'step') return last === undefined ? null : profile;
  if (last !== undefined && atLeast(profile.at, last)) return uniform(profile.below);
  return atLeast(0, profile.at) ? uniform(profile.from) : last === undefined ? null : profile;
}

function uniform(item: number): Profile {
  return { kind: 'step', at: 0, below: item, from: item };
}

function sameLast(one: Shape | null, other: Shape | null): boolean {
  const [last, otherLast] = [one?.at(-1), other?.at(-1)];
  return last !== undefined && otherLast !== undefined && sameExtent(last, otherLast);
}

function filling(node: OnnxNode): KnownValue {
  const tensor = tensorAttribute(node, 'value');
  return tensor === undefined ? { ...UNKNOWN, type: 'float32', items: [0] } : constantValue(tensor);
}

function repeated(item: Extent | undefined, shape: Shape | null): readonly Extent[] | null {
  const count = fewItems(shape);
  return item === undefined || count === null ? null : Array.from({ length: count }, () => item);
}

function all(items: readonly (Extent | null | undefined)[]): readonly Extent[] | null {
  const found = items.filter((item) => item !== null && item !== undefined);
  return found.length === items.length ? found : null;
}

function converted(item: Extent, from: ElementType | null, to: ElementType): Extent | null {
  if (typeof item !== 'number') return from === 'int64' && to === 'int64' ? item : null;
  return to === 'float32' ? Math.fround(item) : Number.isInteger(item) ? item : null;
}

/** One result, as the runtime computes it; null when it is not known. */
function calculated(operation: string, one: Extent, other: Extent, type: ElementType | null): Extent | null {
  if (operation === 'Equal') return isEqual(one, other);
  if (type === 'int64') {
    if (operation === 'Add') return plus(one, other);
    if (operation === 'Sub') return minus(one, other);
    return operation === 'Mul' && typeof one === 'number' && typeof other === 'number' ? one * other : null;
  }
  if (type !== 'float32' || typeof one !== 'number' || typeof other !== 'number') return null;
  // Exact in twice the width and then rounded once: what single precision gives.
  const result = FLOAT_OPERATIONS[operation]?.(one, other);
  return result === undefined ? null : Math.fround(result);
}

const FLOAT_OPERATIONS: Readonly<Record<string, (one: number, other: number) => number>> = {
  Add: (one, other) => one + other,
  Sub: (one, other) => one - other,
  Mul: (one, other) => one * other,
  Div: (one, other) => one / other,
  Sqrt: Math.sqrt,
  Neg: (one) => -one,
};

/** 1 or 0; null when it depends on a free dimension. */
function isEqual(one: Extent, other: Extent): number | null {
  const difference = minus(one, other);
  if (typeof difference === 'number') return difference === 0 ? 1 : 0;
  // More than any length that the other may have.
  const [free, number] = typeof one === 'number' ? [other, one] : [one, other];
  return typeof free !== 'number' && typeof number === 'number' && free.plus > number ? 0 : null;
}
