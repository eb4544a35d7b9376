import type { ElementType, OnnxTensor } from './tensor.js';

/**
 * Where a session runs. All but `cpu` need libraries and a driver that have them: `openSession` throws otherwise. `tensorrt` builds an
 * engine for the card when a graph is opened, which takes minutes, and computes in FP16; what it cannot, CUDA does.
 */
export type Device = 'cpu' | 'cuda' | 'tensorrt' | 'webgpu';

/** How the runtime is reached: `node` by the npm package onnxruntime-node, `native` by the C interface of the library that lies in it. */
export type Binding = 'node' | 'native';

/** How a session uses a graphics card by CUDA, or by TensorRT. */
export interface GpuOptions {
  /** Folder with the provider, a runtime and NVIDIA's libraries, as `murmur gpu install` makes it; default: beside the shipped runtime. */
  readonly folder?: string | undefined;
  /** Most memory that a session sets aside; default all that is free. */
  readonly memoryLimitBytes?: number | undefined;
  /** TF32 for what the graph computes in float32; default true. */
  readonly tf32?: boolean | undefined;
  /** How cuDNN chooses its algorithms; default `heuristic`. */
  readonly convolutionSearch?: 'default' | 'heuristic' | 'exhaustive' | undefined;
  /** Folder that exists, for TensorRT's engines and times: those in it are not built again. They serve one card, driver and version (`engineFolder`). */
  readonly engines?: string | undefined;
  /** Most rows of a batch that engines are built for; default 32. */
  readonly maxRows?: number | undefined;
}

/** Lengths that a free dimension has. */
export interface DimensionRange {
  readonly least: number;
  /** That for which an engine is made fastest. */
  readonly usual: number;
  readonly most: number;
}

export interface SessionOptions {
  readonly device: Device;
  /** Threads inside one operator; on a CPU one single-threaded session a core is faster than one session over all cores. */
  readonly threads: number;
  /** CUDA device number; default 0. */
  readonly deviceId?: number | undefined;
  /** Of `cuda` and `tensorrt`, which only the native binding has. */
  readonly gpu?: GpuOptions | undefined;
  /** Default on Linux `native`, but for `webgpu`; `node` elsewhere. */
  readonly binding?: Binding | undefined;
  /**
   * Names of outputs that stay where the session computes: `run` gives them as device tensors, to be handed to the next run and disposed
   * of. The `node` binding does so on `webgpu` alone and gives host tensors elsewhere. Default none.
   */
  readonly keep?: RegExp | undefined;
  /**
   * Of the `native` binding on `cpu` and `cuda`: constants of the graph by name, each a tensor where the session computes, used in place of a copy of its
   * own. They are the caller's, and stay alive until the session is closed; values, type and dimensions are those of the file. The file's are used for
   * constants of other names, and for those of which the runtime makes others when it loads the graph. Default none.
   */
  readonly constants?: ReadonlyMap<string, OnnxTensor> | undefined;
  /**
   * Of the `native` binding: true lets every run leave its thread free, as one with a signal does, so that two sessions may run side by side and JavaScript
   * beside them. Costs some microseconds a run. Default false.
   */
  readonly apart?: boolean | undefined;
  /** Of `tensorrt`: lengths of the inputs' free dimensions. Without it engines are built anew whenever a length is new. */
  readonly range?: ((input: string, axis: number) => DimensionRange) | undefined;
}

export interface TensorSpec {
  readonly name: string;
  readonly type: ElementType;
  /** A number, or the name of a free dimension. */
  readonly shape: readonly (number | string)[];
}

export interface RunOptions {
  /**
   * Ends the run when it is aborted; `run` then rejects with `cancelled`. With the `native` binding such a run leaves its thread free and
   * ends between two operators; the `node` binding looks at the signal before the run only.
   */
  readonly signal?: AbortSignal;
  /**
   * True: memory of the card that the session has set aside and does not need is given up after the run (`native` only); of the machine's own
   * memory sessions set nothing aside. Default false.
   */
  readonly shrink?: boolean;
}

/** One loaded graph. `run` without a signal blocks the thread it is called on, unless the session runs `apart`: use it in worker threads. States: open → closed. */
export interface OnnxSession {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Bytes of host tensors that runs have taken and given so far: what travels between a graphics card and the machine's memory. */
  readonly hostBytes: number;
  /**
   * Runs the graph. `fetches` names the outputs wanted; all when left out. Host results are the caller's and outlive the session.
   * Throws the runtime's error, for example when memory is short (`isOutOfMemory`), or an `OnnxError` `closed` or `cancelled`.
   */
  run(
    feeds: Readonly<Record<string, OnnxTensor>>,
    fetches?: readonly string[],
    options?: RunOptions,
  ): Promise<Record<string, OnnxTensor>>;
  /** Frees the graph's memory once what runs has ended; again is harmless. */
  close(): Promise<void>;
}
