import koffi from 'koffi';
import { OnnxError } from '../onnx-error.js';
import type { RunOptions } from '../session.js';
import type { Handle } from './api-table.js';
import type { NativeLibrary } from './native-library.js';
import { OwnedHandle } from './owned-handle.js';

const words = new BigUint64Array(2);
const count = words.subarray(1);

/** The runtime's binding of inputs and outputs for one run at a time. `bindInput`, `bindOutput`, `run`, `takeOutputs`, `clear`, then again. */
export class RunBinding {
  readonly #library: NativeLibrary;
  readonly #binding: OwnedHandle;
  readonly #arena: string | null;

  /** @param arena the runtime's name of the arena that `shrink` shrinks; null where there is none */
  constructor(library: NativeLibrary, session: Handle, arena: string | null) {
    this.#arena = arena;
    this.#library = library;
    library.api.CreateIoBinding(session, words);
    this.#binding = new OwnedHandle(words[0] ?? 0n, library.api.ReleaseIoBinding);
  }

  /** The binding holds the value by itself from here on. */
  bindInput(name: string, value: OwnedHandle): void {
    this.#library.api.BindInput(this.#binding.handle, name, value.handle);
  }

  /** The runtime makes the output in memory of that description. */
  bindOutput(name: string, memory: Handle): void {
    this.#library.api.BindOutputToDevice(this.#binding.handle, name, memory);
  }

  /** Runs on this thread, or, `apart` or where a signal may end it, on one of the pool's. Throws the runtime's error, or `cancelled`. */
  async run(session: Handle, { signal, shrink = false }: RunOptions, apart: boolean): Promise<void> {
    const { api } = this.#library;
    const shrunk = shrink ? this.#arena : null;
    if (signal === undefined && shrunk === null && !apart) {
      api.RunWithBinding(session, null, this.#binding.handle);
      return;
    }
    api.CreateRunOptions(words);
    const options = new OwnedHandle(words[0] ?? 0n, api.ReleaseRunOptions);
    const terminate = (): void => {
      api.RunOptionsSetTerminate(options.handle);
    };
    try {
      if (shrunk !== null) api.AddRunConfigEntry(options.handle, 'memory.enable_memory_arena_shrinkage', shrunk);
      if (signal === undefined && !apart) {
        api.RunWithBinding(session, options.handle, this.#binding.handle);
        return;
      }
      signal?.addEventListener('abort', terminate);
      await this.#library.runInPool(session, options.handle, this.#binding.handle);
    } catch (error) {
      if (signal?.aborted === true) throw new OnnxError('cancelled', 'the run was cancelled', { cause: error });
      throw error;
    } finally {
      signal?.removeEventListener('abort', terminate);
      options.release();
    }
  }

  /** The values of the last run in the order in which outputs were bound; the caller's to release. */
  takeOutputs(): OwnedHandle[] {
    const { api, allocator } = this.#library;
    api.GetBoundOutputValues(this.#binding.handle, allocator, words, count);
    const list = words[0] ?? 0n;
    const values = Array.from(
      { length: Number(count[0]) },
      (_, at) => new OwnedHandle(koffi.decode(list, at * 8, 'void *') as Handle, api.ReleaseValue),
    );
    if (values.length > 0) api.AllocatorFree(allocator, list);
    return values;
  }

  /** Lets go of what was bound. */
  clear(): void {
    this.#library.api.ClearBoundInputs(this.#binding.handle);
    this.#library.api.ClearBoundOutputs(this.#binding.handle);
  }

  release(): void {
    this.#binding.release();
  }
}
