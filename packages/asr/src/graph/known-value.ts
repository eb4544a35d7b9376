import { initializerDims, initializerTensor, type ElementType } from '@murmuration/onnx';
import { sameExtent, type Extent, type Shape } from './extents.js';

/** What is known of a graph's value before the graph runs; null is unknown. */
export interface KnownValue {
  readonly type: ElementType | null;
  readonly shape: Shape | null;
  /** All that it holds, in order; of small values only. Truth values are 0 and 1. */
  readonly items: readonly Extent[] | null;
  /** What it holds along its last dimension, the same at every place of the others. */
  readonly profile: Profile | null;
}

/** Numbers that rise by one from `start`; or `below` before the index `at` and `from` from there on. */
export type Profile =
  | { readonly kind: 'ramp'; readonly start: Extent }
  | { readonly kind: 'step'; readonly at: Extent; readonly below: number; readonly from: number };

export const UNKNOWN: KnownValue = { type: null, shape: null, items: null, profile: null };

/** Contents of larger values are not followed. */
const MOST_ITEMS = 8;

/** The number of values of this shape; null when it depends on a free dimension or there are too many to be followed. */
export function fewItems(shape: Shape | null): number | null {
  const count = shape?.reduce<number>((product, dim) => (typeof dim === 'number' ? product * dim : NaN), 1) ?? NaN;
  return count <= MOST_ITEMS ? count : null;
}

/** The one number that every item of the value is; undefined when that is not known. */
export function uniformItem(value: KnownValue | undefined): Extent | undefined {
  const [first] = value?.items ?? [];
  if (first !== undefined && value?.items?.every((item) => sameExtent(item, first))) return first;
  const profile = value?.profile;
  return profile?.kind === 'step' && profile.at === 0 ? profile.from : undefined;
}

/** A constant, as `TensorProto` bytes. */
export function constantValue(tensor: Uint8Array): KnownValue {
  const shape = initializerDims(tensor);
  const values = fewItems(shape) === null ? null : initializerTensor(tensor);
  const items = values === null || values.type === 'float16' ? null : Array.from(values.data, Number);
  return { type: values?.type ?? null, shape, items, profile: null };
}
