import { dimensionsOf, elementTypeOf, type ElementType, type OnnxGraph, type OnnxNode } from '@murmuration/onnx';
import type { Extent } from './extents.js';
import { itemsAfter, profileAfter } from './known-contents.js';
import { shapeAfter } from './known-shapes.js';
import { constantValue, fewItems, UNKNOWN, type KnownValue } from './known-value.js';
import { integerAttribute, integersAttribute, tensorAttribute } from './node-attributes.js';

/** The input with the tokens of a step. */
const TOKENS = 'input_ids';

/**
 * What is known of every value of a decoder's graph when `input_ids` holds one token a row: shapes, constants, and contents that follow from shapes
 * alone, such as scales and causal masks. What operations that are not followed make, and all that is made of it, is unknown.
 */
export function knownInOneTokenStep(graph: OnnxGraph): ReadonlyMap<string, KnownValue> {
  const known = new Map<string, KnownValue>();
  const tokens = graph.inputs.find((input) => input.name === TOKENS);
  const tokensOfARow = tokens === undefined ? undefined : dimensionsOf(tokens)[1];
  for (const input of graph.inputs) {
    const shape = dimensionsOf(input).map((dim, axis): Extent => {
      if (input === tokens && axis === 1) return 1;
      return typeof dim === 'number' ? dim : dim === tokensOfARow ? 1 : { free: dim, plus: 0 };
    });
    // Two dimensions without a name need not be equal.
    const named = shape.every((extent) => typeof extent === 'number' || extent.free !== '');
    known.set(input.name, { ...UNKNOWN, type: elementTypeOf(input), shape: named ? shape : null });
  }
  for (const [name, tensor] of graph.initializers) known.set(name, constantValue(tensor));
  for (const node of graph.nodes) {
    const [output] = node.outputs;
    if (output !== undefined) known.set(output, knownAfter(node, known));
    // Scale and zero point of the whole tensor.
    if (node.opType === 'DynamicQuantizeLinear')
      for (const scalar of node.outputs.slice(1)) known.set(scalar, { ...UNKNOWN, shape: [] });
  }
  return known;
}

function knownAfter(node: OnnxNode, known: ReadonlyMap<string, KnownValue>): KnownValue {
  if (node.opType === 'Constant') {
    const tensor = tensorAttribute(node, 'value');
    const items = integersAttribute(node, 'value_ints');
    if (tensor !== undefined) return constantValue(tensor);
    return items === undefined ? UNKNOWN : { ...UNKNOWN, type: 'int64', shape: [items.length], items };
  }
  const inputs = node.inputs.map((name) => known.get(name) ?? UNKNOWN);
  const type = typeAfter(node, inputs);
  const shape = shapeAfter(node, inputs);
  const items = itemsAfter(node, inputs, shape, type);
  return {
    type,
    shape,
    items: items?.length === fewItems(shape) ? items : null,
    profile: profileAfter(node, inputs, shape, type),
  };
}

/** Numbers of element types in onnx.proto3, of those that `Cast` makes here. */
const CAST_TO: Readonly<Record<number, ElementType>> = {
  1: 'float32',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  10: 'float16',
};
const TYPES: Readonly<Record<string, ElementType>> = {
  DequantizeLinear: 'float32',
  DynamicQuantizeLinear: 'uint8',
  Equal: 'bool',
  Greater: 'bool',
  GreaterOrEqual: 'bool',
  IsNaN: 'bool',
  Less: 'bool',
  LessOrEqual: 'bool',
  MatMulInteger: 'int32',
  Shape: 'int64',
};

function typeAfter(node: OnnxNode, inputs: readonly KnownValue[]): ElementType | null {
  const value = node.opType === 'ConstantOfShape' ? tensorAttribute(node, 'value') : undefined;
  if (node.opType === 'ConstantOfShape') return value === undefined ? 'float32' : constantValue(value).type;
  if (node.opType === 'Cast') return CAST_TO[integerAttribute(node, 'to') ?? 0] ?? null;
  const own = node.opType === 'Where' ? inputs.slice(1) : inputs;
  return TYPES[node.opType] ?? own.find((input) => input.type !== null)?.type ?? null;
}
