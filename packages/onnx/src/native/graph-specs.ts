import type { TensorSpec } from '../session.js';
import type { Api, Handle } from './api-table.js';
import { textAt, type NativeLibrary } from './native-library.js';
import { shapeIn } from './native-tensor.js';

const word = new BigUint64Array(1);

/** What a session takes and gives. Throws when one of them is no tensor, or of a type that this project does not use. */
export function graphSpecs(
  library: NativeLibrary,
  session: Handle,
): { readonly inputs: readonly TensorSpec[]; readonly outputs: readonly TensorSpec[] } {
  const { api } = library;
  const specs = (side: 'Input' | 'Output'): TensorSpec[] => {
    api[`SessionGet${side}Count`](session, word);
    return Array.from({ length: Number(word[0]) }, (_, at) => specOf(library, session, side, at));
  };
  return { inputs: specs('Input'), outputs: specs('Output') };
}

function specOf(library: NativeLibrary, session: Handle, side: 'Input' | 'Output', at: number): TensorSpec {
  const { api, allocator } = library;
  api[`SessionGet${side}Name`](session, at, allocator, word);
  const address = word[0] ?? 0n;
  const name = textAt(address);
  api.AllocatorFree(allocator, address);
  api[`SessionGet${side}TypeInfo`](session, at, word);
  const typeInfo = word[0] ?? 0n;
  try {
    // A part of the type's description: it goes with that.
    api.CastTypeInfoToTensorInfo(typeInfo, word);
    const tensorInfo = word[0] ?? 0n;
    if (tensorInfo === 0n) throw new Error(`${name} is no tensor`);
    const { type, dims } = shapeIn(library, tensorInfo, name);
    const names = freeNames(api, tensorInfo, dims.length);
    return { name, type, shape: dims.map((dim, index) => (dim < 0 ? (names[index] ?? '') : dim)) };
  } finally {
    api.ReleaseTypeInfo(typeInfo);
  }
}

/** Names of the free dimensions, '' for all others. */
function freeNames(api: Api, tensorInfo: Handle, length: number): string[] {
  const addresses = new BigUint64Array(length);
  api.GetSymbolicDimensions(tensorInfo, addresses, length);
  return Array.from(addresses, textAt);
}
