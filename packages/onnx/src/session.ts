import { InferenceSession, Tensor, env } from 'onnxruntime-node';

/** Where a session runs. `cuda` and `webgpu` need a binding and a driver that have them: `openSession` throws otherwise. */
export type Device = 'cpu' | 'cuda' | 'webgpu';

export interface SessionOptions {
  readonly device: Device;
  /** Threads inside one operator; on a CPU one single-threaded session a core is faster than one session over all cores. */
  readonly threads: number;
  /** CUDA device number; default 0. */
  readonly deviceId?: number;
}

/** Element types that the models of this project use. */
export type ElementType = 'float32' | 'float16' | 'int64' | 'int32' | 'bool' | 'uint8' | 'int8';

export interface TensorSpec {
  readonly name: string;
  readonly type: ElementType;
  /** A number, or the name of a free dimension. */
  readonly shape: readonly (number | string)[];
}

/** A tensor as the runtime holds it; read `data` before the session is closed. */
export type OnnxTensor = Tensor;

/** One loaded graph. `run` blocks the thread it is called on: use it in worker threads. */
export class OnnxSession {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly #session: InferenceSession;

  constructor(session: InferenceSession) {
    this.#session = session;
    this.inputs = session.inputMetadata.map(toSpec);
    this.outputs = session.outputMetadata.map(toSpec);
  }

  /** Runs the graph. `fetches` names the outputs wanted; all when left out. Throws the runtime's error, for example when memory is short. */
  async run(feeds: Readonly<Record<string, OnnxTensor>>, fetches?: readonly string[]): Promise<Record<string, OnnxTensor>> {
    const results = fetches === undefined ? await this.#session.run(feeds) : await this.#session.run(feeds, [...fetches]);
    return results as Record<string, OnnxTensor>;
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}

function toSpec(metadata: InferenceSession.ValueMetadata): TensorSpec {
  if (!metadata.isTensor) throw new Error(`${metadata.name} is no tensor`);
  return { name: metadata.name, type: metadata.type as ElementType, shape: metadata.shape };
}

/** Loads a graph from a file (external data files lie beside it). Throws the runtime's error when the file is no graph or the device is missing. */
export async function openSession(path: string, options: SessionOptions): Promise<OnnxSession> {
  env.logLevel = 'error';
  const provider = options.device === 'cuda'
    ? { name: 'cuda', deviceId: options.deviceId ?? 0 }
    : options.device;
  const session = await InferenceSession.create(path, {
    executionProviders: [provider],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  });
  return new OnnxSession(session);
}
