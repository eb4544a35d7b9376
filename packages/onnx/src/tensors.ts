import { Tensor } from 'onnxruntime-node';
import type { OnnxTensor } from './session.js';

/** Float32 tensor over `data` (not copied). */
export function float32Tensor(data: Float32Array, dims: readonly number[]): OnnxTensor {
  return new Tensor('float32', data, dims);
}

/** Float16 tensor over raw half-precision bits (not copied). */
export function float16Tensor(bits: Uint16Array, dims: readonly number[]): OnnxTensor {
  return new Tensor('float16', bits, dims);
}

/** Int64 tensor over `data` (not copied). */
export function int64Tensor(data: BigInt64Array, dims: readonly number[]): OnnxTensor {
  return new Tensor('int64', data, dims);
}

/** Bool tensor of one element. */
export function boolTensor(value: boolean): OnnxTensor {
  return new Tensor('bool', Uint8Array.of(value ? 1 : 0), [1]);
}

/** Tensor of zeros of the given type; for caches that start empty. */
export function zerosTensor(type: 'float32' | 'float16', dims: readonly number[]): OnnxTensor {
  const length = dims.reduce((product, dim) => product * dim, 1);
  return type === 'float32' ? float32Tensor(new Float32Array(length), dims) : float16Tensor(new Uint16Array(length), dims);
}
