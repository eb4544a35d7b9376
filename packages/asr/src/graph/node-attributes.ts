import { readFields, type OnnxNode, type WireField } from '@murmuration/onnx';

// Numbers of the fields of `NodeProto` and `AttributeProto` in onnx.proto3.
const ATTRIBUTE = 5;
const NAME = 1;
const INTEGER = 3;
const TENSOR = 5;
const INTEGERS = 8;

/** An integer among a node's attributes; undefined when it has none of that name. */
export function integerAttribute(node: OnnxNode, name: string): number | undefined {
  return integers(attribute(node, name), INTEGER)[0];
}

/** A list of integers among a node's attributes; undefined when it has none of that name. */
export function integersAttribute(node: OnnxNode, name: string): readonly number[] | undefined {
  const fields = attribute(node, name);
  return fields.length === 0 ? undefined : integers(fields, INTEGERS);
}

/** A tensor among a node's attributes, as `TensorProto` bytes; undefined when it has none of that name. */
export function tensorAttribute(node: OnnxNode, name: string): Uint8Array | undefined {
  const field = attribute(node, name).find((candidate) => candidate.number === TENSOR);
  return field?.kind === 'bytes' ? field.bytes : undefined;
}

function attribute(node: OnnxNode, name: string): readonly WireField[] {
  for (const field of node.rest) {
    if (field.number !== ATTRIBUTE || field.kind !== 'bytes') continue;
    const fields = readFields(field.bytes);
    const written = fields.find((candidate) => candidate.number === NAME);
    if (written?.kind === 'bytes' && Buffer.from(written.bytes).toString() === name) return fields;
  }
  return [];
}

/** Lists come one number a field, as exporters and `onnxNode` write them; a packed list counts as none. */
function integers(fields: readonly WireField[], number: number): number[] {
  return fields.flatMap((field) =>
    field.number === number && field.kind === 'varint' ? [Number(BigInt.asIntN(64, field.value))] : [],
  );
}
