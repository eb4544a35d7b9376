import { readFile } from 'node:fs/promises';
import { env, InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node';
import { parseModel } from '../model-file/onnx-graph.js';
import { OnnxError } from '../onnx-error.js';
import { timedRun } from '../clocks.js';
import type { Device, OnnxSession, RunOptions, SessionOptions, TensorSpec } from '../session.js';
import { HostTensor, hostBytesOf, type ElementType, type OnnxTensor, type TensorData } from '../tensor.js';

const DEVICES: readonly Device[] = ['cpu', 'cuda', 'webgpu'];

/** Devices that onnxruntime-node was built for. */
export function builtDevices(): readonly Device[] {
  const built = new Set(listSupportedBackends().map((backend) => backend.name));
  return DEVICES.filter((device) => built.has(device));
}

/** Opens a graph by onnxruntime-node. */
export async function open(model: string | Uint8Array, options: SessionOptions): Promise<OnnxSession> {
  // Errors are thrown; the runtime would print them a second time.
  env.logLevel = 'fatal';
  const { device, keep } = options;
  const settings: InferenceSession.SessionOptions = {
    executionProviders: [device === 'cuda' ? { name: 'cuda', deviceId: options.deviceId ?? 0 } : device],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    // The runtime's arena takes memory in steps of powers of two and keeps all of it, for each graph of each session.
    enableCpuMemArena: false,
    enableMemPattern: false,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
    ...(device === 'webgpu' && keep !== undefined ? { preferredOutputLocation: await placesOf(model, keep) } : {}),
  };
  return new NodeSession(
    typeof model === 'string'
      ? await InferenceSession.create(model, settings)
      : await InferenceSession.create(model, settings),
  );
}

/** Where each output of the model is to lie. The names are those of the file: the runtime wants them before it opens it. */
async function placesOf(model: string | Uint8Array, keep: RegExp): Promise<Record<string, 'gpu-buffer' | 'cpu'>> {
  const { graph } = parseModel(typeof model === 'string' ? await readFile(model) : model);
  return Object.fromEntries(graph.outputs.map(({ name }) => [name, keep.test(name) ? 'gpu-buffer' : 'cpu'] as const));
}

/** A graph behind onnxruntime-node. */
class NodeSession implements OnnxSession {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  hostBytes = 0;
  #session: InferenceSession | null;

  constructor(session: InferenceSession) {
    this.#session = session;
    this.inputs = session.inputMetadata.map(toSpec);
    this.outputs = session.outputMetadata.map(toSpec);
  }

  async run(
    feeds: Readonly<Record<string, OnnxTensor>>,
    fetches?: readonly string[],
    { signal }: RunOptions = {},
  ): Promise<Record<string, OnnxTensor>> {
    const session = this.#session;
    if (session === null) throw new OnnxError('closed', 'the session is closed');
    if (signal?.aborted === true) throw new OnnxError('cancelled', 'the run was cancelled');
    const given = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toRuntime(tensor)]));
    const results = await timedRun(() =>
      fetches === undefined ? session.run(given) : session.run(given, [...fetches]),
    );
    const taken = Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromRuntime(tensor)]));
    this.hostBytes += hostBytesOf(feeds) + hostBytesOf(taken);
    return taken;
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    await session?.release();
  }
}

/** A tensor that the runtime keeps on the graphics card. */
class DeviceTensor implements OnnxTensor {
  readonly place = 'device';
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly keepsRows = false;
  readonly tensor: Tensor;

  constructor(tensor: Tensor) {
    this.tensor = tensor;
    this.type = tensor.type as ElementType;
    this.dims = tensor.dims;
  }

  get data(): TensorData {
    throw new OnnxError('invalid_argument', 'a tensor on a device has no data in memory: ask for it as a host output');
  }

  keepRows(): OnnxTensor {
    throw new OnnxError('invalid_argument', 'rows of a tensor on a graphics card are taken out by a RowPicker');
  }

  dispose(): void {
    this.tensor.dispose();
  }
}

function toRuntime(tensor: OnnxTensor): Tensor {
  if (tensor instanceof DeviceTensor) return tensor.tensor;
  // Of the other binding: its `data` throws.
  return new Tensor(tensor.type, tensor.data as Float32Array, tensor.dims);
}

function fromRuntime(tensor: Tensor): OnnxTensor {
  if (tensor.location !== 'cpu') return new DeviceTensor(tensor);
  const data = tensor.data as TensorData;
  // Where the engine knows half-precision arrays the runtime gives one: here they are their bits.
  const values =
    tensor.type === 'float16' && !(data instanceof Uint16Array)
      ? new Uint16Array((data as Float32Array).buffer, (data as Float32Array).byteOffset, tensor.size)
      : data;
  return new HostTensor(tensor.type as ElementType, values, tensor.dims);
}

function toSpec(metadata: InferenceSession.ValueMetadata): TensorSpec {
  if (!metadata.isTensor) throw new Error(`${metadata.name} is no tensor`);
  return { name: metadata.name, type: metadata.type as ElementType, shape: metadata.shape };
}
