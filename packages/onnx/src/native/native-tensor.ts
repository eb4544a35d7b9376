import { OnnxError } from '../onnx-error.js';
import {
  ELEMENT_TYPES,
  HostTensor,
  newTensorData,
  type ElementType,
  type OnnxTensor,
  type TensorData,
} from '../tensor.js';
import type { Handle } from './api-table.js';
import type { NativeLibrary } from './native-library.js';
import { copyBytes } from './system-library.js';
import { OwnedHandle } from './owned-handle.js';

const TYPE_NAMES = new Map(
  Object.entries(ELEMENT_TYPES).map(([name, number]) => [BigInt(number), name as ElementType] as const),
);

/** What a number of `ONNXTensorElementDataType` stands for. Throws for types that this project does not use. */
function elementType(number: bigint, name: string): ElementType {
  const type = TYPE_NAMES.get(number & 0xffff_ffffn);
  if (type === undefined)
    throw new OnnxError('invalid_argument', `${name} has an element type (${String(number)}) that is not supported`);
  return type;
}

/** A value that stays in the runtime: handed to runs as it is, freed by `dispose` or, when that was forgotten, with the garbage. */
export class NativeTensor implements OnnxTensor {
  readonly place = 'device';
  readonly value: OwnedHandle;
  readonly keepsRows: boolean;
  readonly #library: NativeLibrary;
  #shape: TensorShape | null = null;

  /** @param onHost true where the value lies in the machine's own memory */
  constructor(library: NativeLibrary, value: OwnedHandle, onHost: boolean) {
    this.#library = library;
    this.value = value;
    this.keepsRows = onHost;
    forgotten.register(this, value, value);
  }

  get type(): ElementType {
    return this.#read().type;
  }

  get dims(): readonly number[] {
    return this.#read().dims;
  }

  get data(): TensorData {
    throw new OnnxError('invalid_argument', 'a tensor on a device has no data in memory: ask for it as a host output');
  }

  keepRows(rows: readonly number[]): OnnxTensor {
    if (!this.keepsRows)
      throw new OnnxError('invalid_argument', 'rows of a tensor on a graphics card are taken out by a RowPicker');
    const { type, dims } = this.#read();
    const all = this.value;
    this.#library.api.GetTensorMutableData(all.handle, word);
    const start = word[0] ?? 0n;
    const rowBytes =
      newTensorData(type, 1).BYTES_PER_ELEMENT * dims.slice(1).reduce((product, dim) => product * dim, 1);
    rows.forEach((from, to) => {
      if (from !== to) copyBytes(start + BigInt(to * rowBytes), start + BigInt(from * rowBytes), rowBytes);
    });
    const part = valueAt(this.#library, start, rows.length * rowBytes, type, [rows.length, ...dims.slice(1)]);
    forgotten.unregister(all);
    // The memory is that of the whole: it goes with the part.
    const both = new OwnedHandle(part.handle, () => {
      part.release();
      all.release();
    });
    return new NativeTensor(this.#library, both, true);
  }

  dispose(): void {
    forgotten.unregister(this.value);
    this.value.release();
  }

  #read(): TensorShape {
    this.#shape ??= shapeOf(this.#library, this.value.handle);
    return this.#shape;
  }
}

const forgotten = new FinalizationRegistry<OwnedHandle>((value) => {
  value.release();
});

interface TensorShape {
  readonly type: ElementType;
  readonly dims: readonly number[];
}

const word = new BigUint64Array(1);

/** Type and dimensions of a value. */
function shapeOf(library: NativeLibrary, value: Handle): TensorShape {
  const { api } = library;
  api.GetTensorTypeAndShape(value, word);
  const info = word[0] ?? 0n;
  try {
    return shapeIn(library, info, 'the output');
  } finally {
    api.ReleaseTensorTypeAndShapeInfo(info);
  }
}

/** Type and dimensions in a description; -1 for those that are free. */
export function shapeIn({ api }: NativeLibrary, info: Handle, name: string): TensorShape {
  word[0] = 0n;
  api.GetTensorElementType(info, word);
  const type = elementType(word[0], name);
  api.GetDimensionsCount(info, word);
  const dims = new BigInt64Array(Number(word[0]));
  api.GetDimensions(info, dims, dims.length);
  return { type, dims: Array.from(dims, Number) };
}

/** A copy of a value that lies in host memory. */
export function copyToHost(library: NativeLibrary, value: Handle): OnnxTensor {
  const { type, dims } = shapeOf(library, value);
  const data = newTensorData(
    type,
    dims.reduce((product, dim) => product * dim, 1),
  );
  library.api.GetTensorMutableData(value, word);
  copyBytes(data, word[0] ?? 0n, data.byteLength);
  return new HostTensor(type, data, dims);
}

/**
 * A value over the memory of a host tensor, which must stay alive until the value is released and the runs that use it have ended.
 */
export function valueOver(library: NativeLibrary, { data, dims, type }: OnnxTensor): OwnedHandle {
  return valueAt(library, data, data.byteLength, type, dims);
}

/**
 * A second value over the memory of a tensor, which must stay alive until the value is released.
 * @param place description of the memory in which a device tensor lies
 */
export function valueSharing(library: NativeLibrary, tensor: OnnxTensor, place: Handle): OwnedHandle {
  if (!(tensor instanceof NativeTensor)) return valueOver(library, tensor);
  const { type, dims } = tensor;
  library.api.GetTensorMutableData(tensor.value.handle, word);
  const start = word[0] ?? 0n;
  const bytes = newTensorData(type, 1).BYTES_PER_ELEMENT * dims.reduce((product, dim) => product * dim, 1);
  return valueAt(library, start, bytes, type, dims, place);
}

function valueAt(
  { api, hostMemory }: NativeLibrary,
  memory: TensorData | Handle,
  bytes: number,
  type: ElementType,
  dims: readonly number[],
  place = hostMemory,
): OwnedHandle {
  const shape = BigInt64Array.from(dims, BigInt);
  api.CreateTensorWithDataAsOrtValue(place, memory, bytes, shape, shape.length, ELEMENT_TYPES[type], word);
  return new OwnedHandle(word[0] ?? 0n, api.ReleaseValue);
}
