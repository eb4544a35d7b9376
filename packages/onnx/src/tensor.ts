/** Element types that the models of this project use, by their numbers: the same in onnx.proto3 and in the runtime's C interface. */
export const ELEMENT_TYPES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
} as const;
export type ElementType = keyof typeof ELEMENT_TYPES;

/** Values of a tensor: half-precision numbers as their bits, truth values as 0 and 1. */
export type TensorData = Float32Array | Uint16Array | BigInt64Array | Int32Array | Uint8Array | Int8Array;

/**
 * Values with their dimensions, and the place where they lie. Those of `host` are JavaScript's. Those of `device` lie where the session
 * computes (the graphics card's memory; of a CPU session the runtime's): they are handed from run to run without a copy, are owned by
 * whoever holds them, and are given up by `dispose`.
 */
export interface OnnxTensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly place: 'host' | 'device';
  /** Of a host tensor; throws for one that lies on a device or was disposed of. */
  readonly data: TensorData;
  /** False for a tensor on a graphics card, whose rows only a `RowPicker` can take out. */
  readonly keepsRows: boolean;
  /**
   * The rows named (of the first dimension) over the same memory: row `rows[i]` becomes row i. This tensor is given up.
   * They are moved in this order: none may be overwritten before its turn (true of ascending rows). Throws where `keepsRows` is false.
   */
  keepRows(rows: readonly number[]): OnnxTensor;
  /** Frees a device tensor; again, and of a host tensor, harmless. */
  dispose(): void;
}

/** A tensor over JavaScript's memory. */
export class HostTensor implements OnnxTensor {
  readonly place = 'host';
  readonly type: ElementType;
  readonly data: TensorData;
  readonly dims: readonly number[];

  constructor(type: ElementType, data: TensorData, dims: readonly number[]) {
    this.type = type;
    this.data = data;
    this.dims = dims;
  }

  get keepsRows(): boolean {
    return true;
  }

  keepRows(rows: readonly number[]): OnnxTensor {
    const size = this.data.length / (this.dims[0] ?? 1);
    rows.forEach((from, to) => {
      if (from !== to) this.data.copyWithin(to * size, from * size, (from + 1) * size);
    });
    return new HostTensor(this.type, this.data.subarray(0, rows.length * size), [rows.length, ...this.dims.slice(1)]);
  }

  dispose(): void {
    // The garbage collector's.
  }
}

/** Bytes of those tensors that lie in host memory. */
export function hostBytesOf(tensors: Readonly<Record<string, OnnxTensor>>): number {
  return Object.values(tensors).reduce(
    (sum, tensor) => sum + (tensor.place === 'host' ? tensor.data.byteLength : 0),
    0,
  );
}

/** A fresh array for `length` elements of the type. */
export function newTensorData(type: ElementType, length: number): TensorData {
  switch (type) {
    case 'float32':
      return new Float32Array(length);
    case 'float16':
      return new Uint16Array(length);
    case 'int64':
      return new BigInt64Array(length);
    case 'int32':
      return new Int32Array(length);
    case 'int8':
      return new Int8Array(length);
    case 'bool':
    case 'uint8':
      return new Uint8Array(length);
  }
}

/** Float32 tensor over `data` (not copied). */
export function float32Tensor(data: Float32Array, dims: readonly number[]): OnnxTensor {
  return new HostTensor('float32', data, dims);
}

/** Float16 tensor over raw half-precision bits (not copied). */
export function float16Tensor(bits: Uint16Array, dims: readonly number[]): OnnxTensor {
  return new HostTensor('float16', bits, dims);
}

/** Int64 tensor over `data` (not copied). */
export function int64Tensor(data: BigInt64Array, dims: readonly number[]): OnnxTensor {
  return new HostTensor('int64', data, dims);
}

/** Int32 tensor over `data` (not copied). */
export function int32Tensor(data: Int32Array, dims: readonly number[]): OnnxTensor {
  return new HostTensor('int32', data, dims);
}

/** Bool tensor of one element. */
export function boolTensor(value: boolean): OnnxTensor {
  return new HostTensor('bool', Uint8Array.of(value ? 1 : 0), [1]);
}

/** Tensor of zeros of the given type; for caches that start empty. */
export function zerosTensor(type: 'float32' | 'float16', dims: readonly number[]): OnnxTensor {
  const length = dims.reduce((product, dim) => product * dim, 1);
  return new HostTensor(type, newTensorData(type, length), dims);
}
