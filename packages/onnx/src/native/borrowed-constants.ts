import type { OnnxTensor } from '../tensor.js';
import type { Handle } from './api-table.js';
import type { NativeLibrary } from './native-library.js';
import { valueSharing } from './native-tensor.js';
import type { OwnedHandle } from './owned-handle.js';

/**
 * Constants of a session that lie in others' memory. The runtime takes them without a copy where they lie on the device for which it planned them
 * (`SaveInitializedTensors` of its session_state_utils.cc), and keeps the addresses of the values: they live until the session is gone.
 */
export class BorrowedConstants {
  readonly #library: NativeLibrary;
  /** Host tensors are held, too: their memory is JavaScript's. */
  readonly #tensors: ReadonlyMap<string, OnnxTensor>;
  readonly #values: readonly (readonly [name: string, value: OwnedHandle])[];

  /** @param place description of the memory in which device tensors lie */
  constructor(library: NativeLibrary, tensors: ReadonlyMap<string, OnnxTensor>, place: Handle) {
    this.#library = library;
    this.#tensors = tensors;
    this.#values = Array.from(this.#tensors, ([name, tensor]) => [name, valueSharing(library, tensor, place)] as const);
  }

  /** Puts them into options for a session. */
  addTo(settings: Handle): void {
    for (const [name, value] of this.#values) this.#library.api.AddInitializer(settings, name, value.handle);
  }

  /** Gives up the values, not the memory; again is harmless. */
  release(): void {
    for (const [, value] of this.#values) value.release();
  }
}
