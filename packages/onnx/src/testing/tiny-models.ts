import { float32Initializer, rawInitializer } from '../model-file/initializer.js';
import { onnxNode, serializeModel, valueInfo, type OnnxGraph } from '../model-file/onnx-graph.js';
import { intField } from '../model-file/wire-format.js';

// Models of one or two operations, for the tests of this package.

const IR_VERSION = 8;
const OPSET = 14;

/** The bytes of a model file around a graph. */
export function tinyModel(graph: Partial<OnnxGraph>): Uint8Array {
  const whole: OnnxGraph = {
    nodes: [],
    initializers: new Map(),
    inputs: [],
    outputs: [],
    rest: [{ number: 2, kind: 'bytes', bytes: new TextEncoder().encode('tiny') }],
    ...graph,
  };
  return serializeModel({ graph: whole, rest: [intField(1, IR_VERSION)] }, { '': OPSET });
}

/** y = x + x over float32 [rows, 3]. */
export function doubling(): Uint8Array {
  return tinyModel({
    nodes: [onnxNode('Add', ['x', 'x'], ['y'])],
    inputs: [valueInfo('x', 'float32', ['rows', 3])],
    outputs: [valueInfo('y', 'float32', ['rows', 3])],
  });
}

/** half = x as float16, back = half as float32, wide = x as int64, truth = x as bool. */
export function conversions(): Uint8Array {
  return tinyModel({
    nodes: [
      onnxNode('Cast', ['x'], ['half'], { to: 10 }),
      onnxNode('Cast', ['half'], ['back'], { to: 1 }),
      onnxNode('Cast', ['h'], ['doubled'], { to: 1 }),
      onnxNode('Cast', ['x'], ['wide'], { to: 7 }),
      onnxNode('Cast', ['x'], ['truth'], { to: 9 }),
    ],
    inputs: [valueInfo('x', 'float32', ['n']), valueInfo('h', 'float16', ['n'])],
    outputs: [
      valueInfo('half', 'float16', ['n']),
      valueInfo('back', 'float32', ['n']),
      valueInfo('doubled', 'float32', ['n']),
      valueInfo('wide', 'int64', ['n']),
      valueInfo('truth', 'bool', ['n']),
    ],
  });
}

/** y = zeros of the shape that is given, however large. */
export function zerosOfShape(): Uint8Array {
  return tinyModel({
    nodes: [onnxNode('ConstantOfShape', ['shape'], ['y'])],
    inputs: [valueInfo('shape', 'int64', ['axes'])],
    outputs: [valueInfo('y', 'float32', ['a', 'b'])],
  });
}

/** y = x multiplied by itself `count` times over: float32 [size, size], slow enough to be interrupted. */
export function manyProducts(count: number): Uint8Array {
  return tinyModel({
    nodes: Array.from({ length: count }, (_, at) =>
      onnxNode('MatMul', [at === 0 ? 'x' : `v${String(at)}`, 'x'], [at === count - 1 ? 'y' : `v${String(at + 1)}`]),
    ),
    inputs: [valueInfo('x', 'float32', ['size', 'size'])],
    outputs: [valueInfo('y', 'float32', ['size', 'size'])],
  });
}

/** y = the sums of the rows of a constant (w: ones) times x, a float32 of one element: float32 [rows, 1]. */
export function summing(rows: number, width: number): Uint8Array {
  const ones = new Float32Array(rows * width).fill(1);
  return tinyModel({
    nodes: [onnxNode('Mul', ['w', 'x'], ['scaled']), onnxNode('ReduceSum', ['scaled', 'axes'], ['y'], { keepdims: 1 })],
    initializers: new Map([
      ['w', float32Initializer('w', [rows, width], ones)],
      ['axes', rawInitializer('axes', [1], 'int64', new Uint8Array(BigInt64Array.of(1n).buffer))],
    ]),
    inputs: [valueInfo('x', 'float32', [1, 1])],
    outputs: [valueInfo('y', 'float32', [rows, 1])],
  });
}
