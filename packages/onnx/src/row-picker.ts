import { onnxNode, serializeModel, valueInfo } from './model-file/onnx-graph.js';
import { intField } from './model-file/wire-format.js';
import { openSession } from './open-session.js';
import type { OnnxSession, SessionOptions } from './session.js';
import { int64Tensor, type ElementType, type OnnxTensor } from './tensor.js';

const IR_VERSION = 8;
const OPSET = 14;

/**
 * Takes rows out of tensors where they lie: a graph of one `Gather` for each element type and number of dimensions, on the device of the
 * sessions whose tensors it gets. Also brings host tensors there. States: open → closed.
 */
export class RowPicker {
  readonly #options: SessionOptions;
  readonly #sessions = new Map<string, Promise<OnnxSession>>();

  constructor(options: SessionOptions) {
    this.#options = { ...options, keep: /^picked$/ };
  }

  /** The rows named, in that order, as a new tensor on the device; `tensor` stays its owner's. */
  async pick(tensor: OnnxTensor, rows: readonly number[]): Promise<OnnxTensor> {
    const { type, dims } = tensor;
    const key = `${type} ${String(dims.length)}`;
    const session = this.#sessions.get(key) ?? openSession(gather(type, dims.length), this.#options);
    this.#sessions.set(key, session);
    const { picked } = await (
      await session
    ).run({ data: tensor, rows: int64Tensor(BigInt64Array.from(rows, BigInt), [rows.length]) });
    if (picked === undefined) throw new Error('the graph gave no rows');
    return picked;
  }

  async close(): Promise<void> {
    for (const session of this.#sessions.values()) await (await session).close();
    this.#sessions.clear();
  }
}

/** The bytes of a model: picked = the rows of data. */
function gather(type: ElementType, dimensions: number): Uint8Array {
  const inner = Array.from({ length: dimensions - 1 }, (_, at) => `d${String(at)}`);
  return serializeModel(
    {
      graph: {
        nodes: [onnxNode('Gather', ['data', 'rows'], ['picked'], { axis: 0 })],
        initializers: new Map(),
        inputs: [valueInfo('data', type, ['all', ...inner]), valueInfo('rows', 'int64', ['some'])],
        outputs: [valueInfo('picked', type, ['some', ...inner])],
        rest: [{ number: 2, kind: 'bytes', bytes: new TextEncoder().encode('row picker') }],
      },
      rest: [intField(1, IR_VERSION)],
    },
    { '': OPSET },
  );
}
