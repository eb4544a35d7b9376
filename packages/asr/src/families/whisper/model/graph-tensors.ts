import { float16Tensor, float32Tensor, type OnnxTensor, type TensorSpec } from '@murmuration/onnx';
import { ModelFault } from '../../../models/model-folder.js';

/** Values of all 65,536 half-precision bit patterns: a look-up is ten times faster than arithmetic in JavaScript. */
const VALUES = Float32Array.from({ length: 65_536 }, (_, bits) => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1_023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1_024) * 2 ** (exponent - 15);
});

/** Half-precision bits to float32. */
export function halfToFloat(bits: Uint16Array): Float32Array {
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = VALUES[bits[i] ?? 0] ?? 0;
  return out;
}

const word = new Float32Array(1);
const wordBits = new Uint32Array(word.buffer);

/** Float32 to half-precision bits, rounded to nearest even; beyond its range infinite. */
export function floatToHalf(values: Float32Array): Uint16Array {
  const out = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) out[i] = toHalf(values[i] ?? 0);
  return out;
}

function toHalf(value: number): number {
  word[0] = value;
  const bits = wordBits[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // Below 2^-14 halves are multiples of 2^-24: scaled by that, rounding to an integer is rounding to a half.
  if (magnitude < 0x38800000) return sign | roundToEven(Math.abs(value) * 2 ** 24);
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** Element types of the values that flow between the graphs. */
export type FloatType = 'float32' | 'float16';

/** The tensor's values as float32; a view where they are that already. */
export function floatsOf(tensor: OnnxTensor): Float32Array {
  if (tensor.type === 'float32') return tensor.data as Float32Array;
  return halfToFloat(bitsOf(tensor));
}

/** The raw bits of a half-precision tensor. */
function bitsOf(tensor: OnnxTensor): Uint16Array {
  const data = tensor.data as ArrayBufferView;
  return new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
}

/** A tensor of `type` from float32 values. */
export function floatTensor(type: FloatType, values: Float32Array, dims: readonly number[]): OnnxTensor {
  return type === 'float32' ? float32Tensor(values, dims) : float16Tensor(floatToHalf(values), dims);
}

/** The same values as a tensor of `type`; the tensor itself where nothing changes. */
export function asType(tensor: OnnxTensor, type: FloatType): OnnxTensor {
  return tensor.type === type ? tensor : floatTensor(type, floatsOf(tensor), tensor.dims);
}

/** One tensor of the rows of several of the same shape. */
export function joinRows(tensors: readonly OnnxTensor[]): OnnxTensor {
  const [first] = tensors;
  if (first === undefined) throw new RangeError('no rows to join');
  const rows = tensors.reduce((sum, tensor) => sum + (tensor.dims[0] ?? 0), 0);
  const parts = tensors.map(rawOf);
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const dims = [rows, ...first.dims.slice(1)];
  const joined = first.type === 'float32' ? new Float32Array(size) : new Uint16Array(size);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined instanceof Float32Array ? float32Tensor(joined, dims) : float16Tensor(joined, dims);
}

/** A new tensor of the rows named, in that order. */
export function pickRows(tensor: OnnxTensor, rows: readonly number[]): OnnxTensor {
  const all = tensor.dims[0] ?? 0;
  const raw = rawOf(tensor);
  const size = raw.length / all;
  const dims = [rows.length, ...tensor.dims.slice(1)];
  if (raw instanceof Float32Array) {
    const data = new Float32Array(size * rows.length);
    rows.forEach((row, i) => {
      data.set(raw.subarray(row * size, (row + 1) * size), i * size);
    });
    return float32Tensor(data, dims);
  }
  const data = new Uint16Array(size * rows.length);
  rows.forEach((row, i) => {
    data.set(raw.subarray(row * size, (row + 1) * size), i * size);
  });
  return float16Tensor(data, dims);
}

/**
 * A new tensor of one row's positions (the second dimension) `from` to `to`.
 * @param length positions that the reader insists on, or null: the part is repeated up to it, which attention notices only at the end of the last repetition
 */
export function pickPositions(
  tensor: OnnxTensor,
  row: number,
  from: number,
  to: number,
  length: number | null,
): OnnxTensor {
  const [rows = 1, positions = 1, width = 1] = tensor.dims;
  if (row >= rows || from < 0 || to > positions || to <= from)
    throw new RangeError('no such positions in the encoded audio');
  const raw = rawOf(tensor).subarray((row * positions + from) * width, (row * positions + to) * width);
  const count = length ?? to - from;
  const data = raw instanceof Float32Array ? new Float32Array(count * width) : new Uint16Array(count * width);
  for (let at = 0; at < data.length; at += raw.length)
    data.set(raw.subarray(0, Math.min(raw.length, data.length - at)), at);
  const dims = [1, count, width];
  return data instanceof Float32Array ? float32Tensor(data, dims) : float16Tensor(data, dims);
}

function rawOf(tensor: OnnxTensor): Float32Array | Uint16Array {
  return tensor.type === 'float32' ? (tensor.data as Float32Array) : bitsOf(tensor);
}

/** The type of a float input or output. Throws `ModelFault` `model_not_whisper` when it is another. */
export function floatTypeOf(spec: TensorSpec): FloatType {
  if (spec.type === 'float32' || spec.type === 'float16') return spec.type;
  throw new ModelFault(
    'model_not_whisper',
    `${spec.name} of the model is of type ${spec.type}, expected float32 or float16`,
  );
}
