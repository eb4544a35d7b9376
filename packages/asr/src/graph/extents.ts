/** A number, or one that is `plus` more than the free dimension of this name. Free dimensions are at least 0. */
export type Extent = number | { readonly free: string; readonly plus: number };

export type Shape = readonly Extent[];

export function sameExtent(one: Extent, other: Extent): boolean {
  if (typeof one === 'number' || typeof other === 'number') return one === other;
  return one.free === other.free && one.plus === other.plus;
}

export function sameShape(one: Shape, other: Shape): boolean {
  return one.length === other.length && one.every((extent, axis) => sameExtent(extent, other[axis] ?? NaN));
}

/** The sum of two; null when it cannot be written as one. */
export function plus(one: Extent, other: Extent): Extent | null {
  if (typeof one === 'number') return typeof other === 'number' ? one + other : plus(other, one);
  return typeof other === 'number' ? { free: one.free, plus: one.plus + other } : null;
}

/** The difference of two; null when it cannot be written as one. */
export function minus(one: Extent, other: Extent): Extent | null {
  if (typeof other === 'number') return plus(one, -other);
  return typeof one !== 'number' && one.free === other.free ? one.plus - other.plus : null;
}

/** True when the first is at least the second, whatever the free dimensions are. */
export function atLeast(one: Extent, other: Extent): boolean {
  const difference = minus(one, other);
  if (difference === null) return false;
  return typeof difference === 'number' ? difference >= 0 : difference.plus >= 0;
}

/** The shape of an operation on values of these shapes, element by element; null when that depends on the free dimensions. */
export function broadcast(shapes: readonly Shape[]): Shape | null {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  const result: Extent[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const extents = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1).filter((extent) => extent !== 1);
    const [first = 1] = extents;
    if (!extents.every((extent) => sameExtent(extent, first))) return null;
    result.push(first);
  }
  return result;
}

/**
 * The dimensions that `Reshape` gives to a value of this shape.
 * @param target as the operation takes it: 0 copies a dimension, -1 takes what is left; null when that cannot be told
 */
export function reshaped(shape: Shape | null, target: Shape): Shape | null {
  const copied = target.map((extent, axis) => (extent === 0 ? (shape?.[axis] ?? null) : extent));
  if (copied.includes(null)) return null;
  const extents = copied.filter((extent) => extent !== null);
  if (!extents.includes(-1)) return extents;
  if (shape === null) return null;
  const others = extents.filter((extent) => extent !== -1);
  const left = [...shape];
  let divisor = 1;
  for (const extent of others) {
    const at = left.findIndex((own) => typeof own !== 'number' && sameExtent(own, extent));
    if (at >= 0) left.splice(at, 1);
    else if (typeof extent === 'number') divisor *= extent;
    else return null;
  }
  const free = left.filter((extent) => typeof extent !== 'number');
  const size = left.reduce<number>((product, extent) => (typeof extent === 'number' ? product * extent : product), 1);
  const [one] = free;
  if (one === undefined ? size % divisor !== 0 : free.length > 1 || size !== divisor) return null;
  return extents.map((extent) => (extent === -1 ? (one ?? size / divisor) : extent));
}
