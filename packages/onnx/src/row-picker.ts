import { onnxNode, serializeModel, valueInfo } from './model-file/onnx-graph.js';
import { intField } from './model-file/wire-format.js';
import { openSession } from './open-session.js';
import type { OnnxSession, SessionOptions } from './session.js';
import { ELEMENT_TYPES, int64Tensor, type ElementType, type OnnxTensor } from './tensor.js';

const IR_VERSION = 8;
const OPSET = 14;

/** What is picked: rows, and in the tensor's own type, unless this says otherwise. */
export interface PickOptions {
  /** The dimension of which parts are picked; default 0, the rows. */
  readonly axis?: number;
  /** Element type of the result; default the tensor's. */
  readonly type?: ElementType;
}

/**
 * Takes rows, or parts of another dimension, out of tensors where they lie: a small graph for each element type and number of dimensions, on the
 * device of the sessions whose tensors it gets. Also brings host tensors there. States: open → closed.
 */
export class RowPicker {
  readonly #options: SessionOptions;
  readonly #sessions = new Map<string, Promise<OnnxSession>>();

  constructor(options: SessionOptions) {
    this.#options = { ...options, keep: /^picked$/ };
  }

  /** The rows named, in that order and as often as they are named, as a new tensor on the device; `tensor` stays its owner's. */
  async pick(
    tensor: OnnxTensor,
    rows: readonly number[],
    { axis = 0, type = tensor.type }: PickOptions = {},
  ): Promise<OnnxTensor> {
    const { dims } = tensor;
    const key = [tensor.type, type, dims.length, axis].join(' ');
    const session = this.#sessions.get(key) ?? openSession(gather(tensor.type, type, dims.length, axis), this.#options);
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

/** The bytes of a model: picked = the rows of data, in another type where that is wanted. */
function gather(from: ElementType, to: ElementType, dimensions: number, axis: number): Uint8Array {
  const inner = Array.from({ length: dimensions }, (_, at) => `d${String(at)}`);
  const found = from === to ? 'picked' : 'found';
  return serializeModel(
    {
      graph: {
        nodes: [
          onnxNode('Gather', ['data', 'rows'], [found], { axis }),
          ...(from === to ? [] : [onnxNode('Cast', [found], ['picked'], { to: ELEMENT_TYPES[to] })]),
        ],
        initializers: new Map(),
        inputs: [valueInfo('data', from, inner), valueInfo('rows', 'int64', ['some'])],
        outputs: [valueInfo('picked', to, inner.with(axis, 'some'))],
        rest: [{ number: 2, kind: 'bytes', bytes: new TextEncoder().encode('row picker') }],
      },
      rest: [intField(1, IR_VERSION)],
    },
    { '': OPSET },
  );
}
