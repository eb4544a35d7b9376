import { OnnxError } from '../onnx-error.js';
import type { Handle } from './api-table.js';

let live = 0;

/** Handles of this thread that are owned and not yet released; a count that grows from run to run is a leak. */
export function liveHandles(): number {
  return live;
}

/** A handle of the runtime with the one call that gives it back. States: owned → released. */
export class OwnedHandle {
  #handle: Handle | null;
  readonly #release: (handle: Handle) => unknown;

  constructor(handle: Handle, release: (handle: Handle) => unknown) {
    this.#handle = handle;
    this.#release = release;
    live++;
  }

  /** Throws `closed` once it is released. */
  get handle(): Handle {
    if (this.#handle === null) throw new OnnxError('closed', 'the session or tensor has been given up');
    return this.#handle;
  }

  /** Gives it back; again is harmless. */
  release(): void {
    const handle = this.#handle;
    if (handle === null) return;
    this.#handle = null;
    live--;
    this.#release(handle);
  }
}
