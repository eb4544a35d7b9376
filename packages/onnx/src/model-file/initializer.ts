import { ELEMENT_TYPES, HostTensor, newTensorData, type ElementType, type OnnxTensor } from '../tensor.js';
import {
  intField,
  messageField,
  readFields,
  readPackedVarints,
  stringField,
  text,
  writeFields,
  type WireField,
} from './wire-format.js';

// Numbers of the fields of `TensorProto` in onnx.proto3.
const TENSOR = {
  dims: 1,
  dataType: 2,
  floatData: 4,
  int32Data: 5,
  int64Data: 7,
  name: 8,
  rawData: 9,
  externalData: 13,
  dataLocation: 14,
} as const;
const EXTERNAL = 1n;
const FLOAT32 = 1;
const UINT8 = 2;
const INT8 = 3;

/** The name of a constant tensor. */
export function initializerName(tensor: Uint8Array): string {
  const field = readFields(tensor).find((candidate) => candidate.number === TENSOR.name);
  return field?.kind === 'bytes' ? text.decode(field.bytes) : '';
}

/** Shape of a constant tensor; empty for a scalar. */
export function initializerDims(tensor: Uint8Array): number[] {
  return integers(readFields(tensor), TENSOR.dims).map(Number);
}

/** True when the values lie in another file: a graph with such tensors can be opened from its path only. */
export function isExternal(tensor: Uint8Array): boolean {
  return integers(readFields(tensor), TENSOR.dataLocation)[0] === EXTERNAL;
}

/** Values of a uint8 tensor: a view where it can be, else a copy. Throws `RangeError` for another type. */
export function uint8Values(tensor: Uint8Array): Uint8Array {
  const fields = readFields(tensor);
  demandType(fields, UINT8);
  return rawData(fields) ?? Uint8Array.from(integers(fields, TENSOR.int32Data), Number);
}

/** Values of an 8-bit tensor, signed or not: a view where it can be, else a copy. Throws `RangeError` for another type. */
export function byteValues(tensor: Uint8Array): Uint8Array | Int8Array {
  const fields = readFields(tensor);
  if (integers(fields, TENSOR.dataType)[0] !== BigInt(INT8)) return uint8Values(tensor);
  const raw = rawData(fields);
  // In `int32_data` a negative number lies as an unsigned one of 64 bits.
  return raw === undefined
    ? Int8Array.from(integers(fields, TENSOR.int32Data), (value) => Number(BigInt.asIntN(8, value)))
    : new Int8Array(raw.buffer, raw.byteOffset, raw.length);
}

/** Values of a float32 tensor, copied. Throws `RangeError` for another type. */
export function float32Values(tensor: Uint8Array): Float32Array {
  const fields = readFields(tensor);
  demandType(fields, FLOAT32);
  const bytes = rawData(fields) ?? joined(fields, TENSOR.floatData);
  // A copy of its own starts at a multiple of four, which a view of the file need not.
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

/** A constant as a host tensor, copied; null for one whose values lie elsewhere, or not as bytes (int64 as numbers will do), or are of a type that this project does not use. */
export function initializerTensor(tensor: Uint8Array): OnnxTensor | null {
  const fields = readFields(tensor);
  const number = Number(integers(fields, TENSOR.dataType)[0] ?? 0n);
  const type = (Object.keys(ELEMENT_TYPES) as ElementType[]).find((one) => ELEMENT_TYPES[one] === number);
  const bytes = rawData(fields) ?? (type === 'int64' ? int64Bytes(fields) : undefined);
  if (type === undefined || bytes === undefined || isExternal(tensor)) return null;
  const dims = integers(fields, TENSOR.dims).map(Number);
  const data = newTensorData(
    type,
    dims.reduce((product, dim) => product * dim, 1),
  );
  if (data.byteLength !== bytes.byteLength) return null;
  new Uint8Array(data.buffer).set(bytes);
  return new HostTensor(type, data, dims);
}

/** A new constant uint8 tensor. */
export function uint8Initializer(name: string, dims: readonly number[], values: Uint8Array): Uint8Array {
  return initializer(name, dims, UINT8, values);
}

/** A new constant 8-bit tensor, signed or not as its values are. */
export function byteInitializer(name: string, dims: readonly number[], values: Uint8Array | Int8Array): Uint8Array {
  return initializer(
    name,
    dims,
    values instanceof Int8Array ? INT8 : UINT8,
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  );
}

/** A new constant float32 tensor. */
export function float32Initializer(name: string, dims: readonly number[], values: Float32Array): Uint8Array {
  return initializer(name, dims, FLOAT32, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

/** A new constant tensor of any element type over the bytes of its values, little-endian. */
export function rawInitializer(
  name: string,
  dims: readonly number[],
  type: ElementType,
  bytes: Uint8Array,
): Uint8Array {
  return initializer(name, dims, ELEMENT_TYPES[type], bytes);
}

/** A new constant tensor whose values lie in another file. @param file its name, beside that of the model */
export function externalInitializer(
  name: string,
  dims: readonly number[],
  type: ElementType,
  {
    file,
    offsetBytes,
    lengthBytes,
  }: { readonly file: string; readonly offsetBytes: number; readonly lengthBytes: number },
): Uint8Array {
  const entry = (key: string, value: string): WireField =>
    messageField(TENSOR.externalData, [stringField(1, key), stringField(2, value)]);
  return writeFields([
    ...dims.map((dim) => intField(TENSOR.dims, dim)),
    intField(TENSOR.dataType, ELEMENT_TYPES[type]),
    stringField(TENSOR.name, name),
    entry('location', file),
    entry('offset', String(offsetBytes)),
    entry('length', String(lengthBytes)),
    intField(TENSOR.dataLocation, Number(EXTERNAL)),
  ]);
}

function initializer(name: string, dims: readonly number[], type: number, bytes: Uint8Array): Uint8Array {
  return writeFields([
    ...dims.map((dim) => intField(TENSOR.dims, dim)),
    intField(TENSOR.dataType, type),
    stringField(TENSOR.name, name),
    { number: TENSOR.rawData, kind: 'bytes', bytes },
  ]);
}

function int64Bytes(fields: readonly WireField[]): Uint8Array {
  return new Uint8Array(BigInt64Array.from(integers(fields, TENSOR.int64Data)).buffer);
}

function demandType(fields: readonly WireField[], type: number): void {
  const [found] = integers(fields, TENSOR.dataType);
  if (found !== BigInt(type))
    throw new RangeError(`a constant tensor has element type ${String(found)}, expected ${String(type)}`);
}

function rawData(fields: readonly WireField[]): Uint8Array | undefined {
  const field = fields.find((candidate) => candidate.number === TENSOR.rawData);
  return field?.kind === 'bytes' ? field.bytes : undefined;
}

/** Repeated numbers come one a field or packed, as the writer liked. */
function integers(fields: readonly WireField[], number: number): bigint[] {
  return fields
    .filter((field) => field.number === number)
    .flatMap((field) => (field.kind === 'varint' ? [field.value] : readPackedVarints(field.bytes)));
}

function joined(fields: readonly WireField[], number: number): Uint8Array {
  const pieces = fields.flatMap((field) => (field.number === number && field.kind !== 'varint' ? [field.bytes] : []));
  return Buffer.concat(pieces);
}
