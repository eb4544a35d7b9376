import { float32Initializer, onnxNode, serializeModel, valueInfo, type OnnxGraph } from '@murmuration/onnx';
import type { SileroWeights } from './silero-weights.js';

/** Frames of the short-time Fourier transform in a window. */
const FRAMES = 4;
const CELLS = 128;
/** Version of the standard operators that the graph is written in. */
const OPERATOR_SET = 16;
/** `ModelProto.ir_version`, which the runtime demands; 8 goes with operator set 16. */
const modelHeader = [{ number: 1, kind: 'varint', value: 8n }] as const;

/**
 * Writes Silero's network as an ONNX graph that takes any number of consecutive windows of one stream in a run, with the same numbers as the original up to rounding.
 *
 * The original takes one window a run and spends most of it on the plumbing of its nested branches. Only the LSTM remembers; everything before it
 * looks at one window. So here the encoder sees all windows at once as rows of matrix products (a convolution over four frames is one matrix,
 * its band laid out by `bandedMatrix`), and one LSTM node walks over the rows.
 *
 * In: `frames` [4·T, 256], `hidden` and `cell` [1, 1, 128]. Out: `probability` [T, 1], `nextHidden` and `nextCell` [1, 1, 128].
 */
export function buildSileroGraph(weights: SileroWeights): Uint8Array {
  const graph: OnnxGraph = {
    nodes: [],
    initializers: new Map(),
    inputs: [
      valueInfo('frames', 'float32', ['frameCount', 256]),
      valueInfo('hidden', 'float32', [1, 1, CELLS]),
      valueInfo('cell', 'float32', [1, 1, CELLS]),
    ],
    outputs: [
      valueInfo('probability', 'float32', ['windowCount', 1]),
      valueInfo('nextHidden', 'float32', [1, 1, CELLS]),
      valueInfo('nextCell', 'float32', [1, 1, CELLS]),
    ],
    rest: [],
  };
  const add = (
    operator: string,
    inputs: string[],
    outputs: string[],
    attributes: Readonly<Record<string, number | readonly number[]>> = {},
  ): void => {
    graph.nodes.push(onnxNode(operator, inputs, outputs, attributes));
  };
  const constant = (name: string, values: Float32Array, ...dims: number[]): string => {
    graph.initializers.set(name, float32Initializer(name, dims, values));
    return name;
  };
  const shape = (name: string, ...dims: number[]): string => {
    add('Constant', [], [name], { value_ints: dims });
    return name;
  };

  add('MatMul', ['frames', constant('basis', transpose(weights.basis, 258, 256), 256, 258)], ['spectrum']);
  add('Split', ['spectrum', shape('halves', 129, 129)], ['real', 'imaginary'], { axis: 1 });
  add('Mul', ['real', 'real'], ['realSquare']);
  add('Mul', ['imaginary', 'imaginary'], ['imaginarySquare']);
  add('Add', ['realSquare', 'imaginarySquare'], ['power']);
  add('Sqrt', ['power'], ['magnitude']);
  add('Reshape', ['magnitude', shape('windowRows', -1, FRAMES * 129)], ['layer0']);

  let frames = FRAMES;
  weights.convolutions.forEach(({ inputs, outputs, weight, bias }, layer) => {
    const stride = layer === 1 || layer === 2 ? 2 : 1;
    const outFrames = Math.floor((frames - 1) / stride) + 1;
    const from = `layer${String(layer)}`;
    const matrix = constant(
      `weight${String(layer)}`,
      bandedMatrix(weight, inputs, outputs, frames, outFrames, stride),
      frames * inputs,
      outFrames * outputs,
    );
    const offset = constant(`bias${String(layer)}`, repeat(bias, outFrames), outFrames * outputs);
    add('Gemm', [from, matrix, offset], [`${from}Sum`]);
    add('Relu', [`${from}Sum`], [`layer${String(layer + 1)}`]);
    frames = outFrames;
  });

  add('Reshape', ['layer4', shape('sequence', -1, 1, CELLS)], ['features']);
  add(
    'LSTM',
    [
      'features',
      constant('inputWeight', reorderGates(weights.lstm.inputWeight, CELLS), 1, 4 * CELLS, CELLS),
      constant('hiddenWeight', reorderGates(weights.lstm.hiddenWeight, CELLS), 1, 4 * CELLS, CELLS),
      constant(
        'lstmBias',
        join(reorderGates(weights.lstm.inputBias, 1), reorderGates(weights.lstm.hiddenBias, 1)),
        1,
        8 * CELLS,
      ),
      '',
      'hidden',
      'cell',
    ],
    ['steps', 'nextHidden', 'nextCell'],
    { hidden_size: CELLS },
  );
  add('Reshape', ['steps', shape('rows', -1, CELLS)], ['stepRows']);
  add('Relu', ['stepRows'], ['active']);
  add(
    'Gemm',
    [
      'active',
      constant('outputWeight', weights.output.weight, CELLS, 1),
      constant('outputBias', weights.output.bias, 1),
    ],
    ['logit'],
  );
  add('Sigmoid', ['logit'], ['probability']);
  return serializeModel({ graph, rest: modelHeader }, { '': OPERATOR_SET });
}

/** A convolution of width 3, padded by one frame on each side, over a fixed number of frames: rows are (frame, in channel), columns (frame, out channel). */
function bandedMatrix(
  weight: Float32Array,
  inputs: number,
  outputs: number,
  frames: number,
  outFrames: number,
  stride: number,
): Float32Array {
  const matrix = new Float32Array(frames * inputs * outFrames * outputs);
  for (let outFrame = 0; outFrame < outFrames; outFrame++) {
    for (let tap = 0; tap < 3; tap++) {
      const frame = outFrame * stride + tap - 1;
      if (frame < 0 || frame >= frames) continue;
      for (let input = 0; input < inputs; input++) {
        const row = (frame * inputs + input) * outFrames * outputs + outFrame * outputs;
        for (let output = 0; output < outputs; output++)
          matrix[row + output] = weight[(output * inputs + input) * 3 + tap] ?? 0;
      }
    }
  }
  return matrix;
}

/** PyTorch's gate order (input, forget, cell, output) to that of ONNX (input, output, forget, cell). */
function reorderGates(gates: Float32Array, columns: number): Float32Array {
  const block = CELLS * columns;
  const part = (gate: number): Float32Array => gates.subarray(gate * block, (gate + 1) * block);
  return join(part(0), part(3), part(1), part(2));
}

function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from(
    { length: rows * columns },
    (_, index) => matrix[(index % rows) * columns + Math.floor(index / rows)] ?? 0,
  );
}

function repeat(values: Float32Array, times: number): Float32Array {
  return join(...Array.from({ length: times }, () => values));
}

function join(...parts: Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let position = 0;
  for (const part of parts) {
    whole.set(part, position);
    position += part.length;
  }
  return whole;
}
