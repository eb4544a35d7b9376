import { OnnxError } from '../onnx-error.js';
import { timedRun } from '../clocks.js';
import type { Device, GpuOptions, OnnxSession, RunOptions, SessionOptions, TensorSpec } from '../session.js';
import { hostBytesOf, type OnnxTensor } from '../tensor.js';
import type { Handle, Api } from './api-table.js';
import { BorrowedConstants, sessionSettings } from './session-settings.js';
import { cudaFault, cudaMemory, cudaRuntime, hasCudaProvider } from './cuda-provider.js';
import { loadNativeLibrary, type NativeLibrary, textAt } from './native-library.js';
import { copyToHost, NativeTensor, valueOver, shapeIn } from './native-tensor.js';
import { OwnedHandle } from './owned-handle.js';
import { RunBinding } from './run-binding.js';
import { demandTensorRt, tensorRtFolder } from './tensorrt-provider.js';

/** Devices that there are providers for. */
export function builtDevices(gpu: GpuOptions = {}): readonly Device[] {
  return [
    'cpu',
    ...(hasCudaProvider(gpu.folder) ? (['cuda'] as const) : []),
    ...(tensorRtFolder(gpu.folder) === null ? [] : (['tensorrt'] as const)),
  ];
}

/** Opens a graph by the runtime's C interface. */
export function open(model: string | Uint8Array, options: SessionOptions): Promise<OnnxSession> {
  // Inside a promise, so that whoever opens may rely on errors being rejections.
  return Promise.resolve().then(() => {
    if (options.device === 'cpu') return new NativeSession(loadNativeLibrary(), model, options);
    if (options.device === 'tensorrt') demandTensorRt(options.gpu);
    const library = loadNativeLibrary(cudaRuntime(options.gpu?.folder));
    try {
      return new NativeSession(library, model, options);
    } catch (error) {
      throw cudaFault(error);
    }
  });
}

const word = new BigUint64Array(1);

/** A graph behind the C interface. It owns the session and one binding for each run that is in flight at once. */
class NativeSession implements OnnxSession {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  hostBytes = 0;
  readonly #library: NativeLibrary;
  readonly #session: OwnedHandle;
  readonly #onHost: boolean;
  readonly #arena: string | null;
  /** Where kept outputs lie: null is host memory. */
  readonly #device: OwnedHandle | null;
  readonly #keep: RegExp | null;
  readonly #apart: boolean;
  readonly #constants: BorrowedConstants;
  readonly #idle: RunBinding[] = [];
  #running = 0;
  #closed: Promise<void> | null = null;
  #idleNow: (() => void) | null = null;

  constructor(library: NativeLibrary, model: string | Uint8Array, options: SessionOptions) {
    const { api, environment } = library;
    this.#library = library;
    this.#onHost = options.device === 'cpu';
    this.#arena = this.#onHost ? null : `gpu:${String(options.deviceId ?? 0)}`;
    this.#keep = options.keep ?? null;
    this.#apart = options.apart ?? false;
    this.#device = this.#onHost ? null : cudaMemory(library, options.deviceId ?? 0);
    const place = this.#device?.handle ?? library.hostMemory;
    this.#constants = new BorrowedConstants(library, options.constants ?? new Map<string, OnnxTensor>(), place);
    try {
      const settings = sessionSettings(library, options, model, this.#constants);
      try {
        if (typeof model === 'string') api.CreateSession(environment, model, settings.handle, word);
        else api.CreateSessionFromArray(environment, model, model.byteLength, settings.handle, word);
      } finally {
        settings.release();
      }
    } catch (error) {
      this.#constants.release();
      this.#device?.release();
      throw error;
    }
    this.#session = new OwnedHandle(word[0] ?? 0n, api.ReleaseSession);
    try {
      ({ inputs: this.inputs, outputs: this.outputs } = graphSpecs(library, this.#session.handle));
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  async run(
    feeds: Readonly<Record<string, OnnxTensor>>,
    fetches: readonly string[] = this.outputs.map((output) => output.name),
    options: RunOptions = {},
  ): Promise<Record<string, OnnxTensor>> {
    if (this.#closed !== null) throw new OnnxError('closed', 'the session is closed');
    this.#running++;
    try {
      // As long as runs block their thread, what else waits there gets a turn between two of them.
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (options.signal?.aborted === true) throw cancelled();
      return await this.#runBound(feeds, fetches, options);
    } finally {
      this.#running--;
      this.#endIfIdle();
    }
  }

  close(): Promise<void> {
    this.#closed ??= new Promise<void>((resolve) => {
      this.#idleNow = resolve;
      this.#endIfIdle();
    }).then(() => {
      this.#release();
    });
    return this.#closed;
  }

  async #runBound(
    feeds: Readonly<Record<string, OnnxTensor>>,
    fetches: readonly string[],
    options: RunOptions,
  ): Promise<Record<string, OnnxTensor>> {
    const binding = this.#idle.pop() ?? new RunBinding(this.#library, this.#session.handle, this.#arena);
    const fed: OwnedHandle[] = [];
    try {
      for (const { name } of this.inputs) {
        const tensor = feeds[name];
        if (tensor === undefined) throw new OnnxError('invalid_argument', `the input ${name} of the graph is missing`);
        if (tensor instanceof NativeTensor) binding.bindInput(name, tensor.value);
        else {
          const value = valueOver(this.#library, tensor);
          fed.push(value);
          binding.bindInput(name, value);
        }
      }
      for (const name of fetches) binding.bindOutput(name, this.#memoryOf(name));
      await timedRun(() => binding.run(this.#session.handle, options, this.#apart));
      const values = binding.takeOutputs();
      const given = Object.fromEntries(fetches.map((name, at) => [name, this.#given(name, values[at])]));
      this.hostBytes += hostBytesOf(feeds) + hostBytesOf(given);
      return given;
    } finally {
      binding.clear();
      for (const value of fed) value.release();
      this.#idle.push(binding);
    }
  }

  #endIfIdle(): void {
    if (this.#running === 0) this.#idleNow?.();
  }

  /** One result: kept where it lies, or copied and released. */
  #given(name: string, value: OwnedHandle | undefined): OnnxTensor {
    if (value === undefined) throw new OnnxError('failed', `the graph gave no ${name}`);
    if (this.#keep?.test(name) === true) return new NativeTensor(this.#library, value, this.#onHost);
    try {
      return copyToHost(this.#library, value.handle);
    } finally {
      value.release();
    }
  }

  #memoryOf(name: string): Handle {
    return this.#device !== null && this.#keep?.test(name) === true ? this.#device.handle : this.#library.hostMemory;
  }

  #release(): void {
    for (const binding of this.#idle.splice(0)) binding.release();
    this.#device?.release();
    this.#session.release();
    this.#constants.release();
  }
}

function cancelled(): OnnxError {
  return new OnnxError('cancelled', 'the run was cancelled');
}

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
