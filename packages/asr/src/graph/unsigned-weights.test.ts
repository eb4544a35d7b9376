import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import {
  byteInitializer,
  byteValues,
  float32Tensor,
  intField,
  onnxNode,
  openSession,
  serializeModel,
  stringField,
  uint8Initializer,
  valueInfo,
  type OnnxGraph,
} from '@murmuration/onnx';
import { modelFolder, skipWithoutReferences } from '../testing/references.js';
import { rewriteLinearLayers } from './linear-layers.js';
import { decoderBranches } from './merged-decoder.js';
import { makeWeightsUnsigned } from './unsigned-weights.js';

const UINT8 = 2;
const FLOAT32 = 1;
const DEPTH = 64;
const WIDTH = 3;
const ROWS = 2;

/** y = (x − 128) · (w − zero point), with bytes for x. */
function product(zero: readonly number[]): OnnxGraph {
  const zeroPoint =
    zero.length === 0
      ? []
      : [byteInitializer('zero', zero.length === 1 ? [] : [zero.length], Int8Array.from(zero))].map(
          (one) => ['zero', one] as const,
        );
  return {
    nodes: [
      onnxNode('Cast', ['x'], ['bytes'], { to: UINT8 }),
      onnxNode('MatMulInteger', ['bytes', 'w', 'centre', ...zeroPoint.map(([name]) => name)], ['sums']),
      onnxNode('Cast', ['sums'], ['y'], { to: FLOAT32 }),
    ],
    initializers: new Map([
      ['w', byteInitializer('w', [DEPTH, WIDTH], WEIGHTS)],
      ['centre', uint8Initializer('centre', [], Uint8Array.of(128))],
      ...zeroPoint,
    ]),
    inputs: [valueInfo('x', 'float32', ['rows', DEPTH])],
    outputs: [valueInfo('y', 'float32', ['rows', WIDTH])],
    rest: [stringField(2, 'product')],
  };
}

// The largest values that there are: sums of two of their products do not fit in 16 bits.
const WEIGHTS = Int8Array.from({ length: DEPTH * WIDTH }, (_, i) => (i % 5 === 0 ? -128 : 127));
const X = Float32Array.from({ length: ROWS * DEPTH }, (_, i) => (i % 7 === 0 ? 0 : 255));

async function run(graph: OnnxGraph): Promise<number[]> {
  const file = serializeModel({ graph, rest: [intField(1, 8)] }, { '': 14 });
  const session = await openSession(file, { device: 'cpu', threads: 1 });
  try {
    const { y } = await session.run({ x: float32Tensor(X, [ROWS, DEPTH]) });
    return Array.from(y?.data as Float32Array);
  } finally {
    await session.close();
  }
}

const exact = (zero: readonly number[]): number[] =>
  Array.from({ length: ROWS * WIDTH }, (_, at) => {
    const [row, column] = [Math.floor(at / WIDTH), at % WIDTH];
    let sum = 0;
    for (let k = 0; k < DEPTH; k++)
      sum +=
        ((X[row * DEPTH + k] ?? 0) - 128) *
        ((WEIGHTS[k * WIDTH + column] ?? 0) - (zero[zero.length === 1 ? 0 : column] ?? 0));
    return sum;
  });

describe('makeWeightsUnsigned', () => {
  for (const [name, zero] of [
    ['no zero point', []],
    ['one zero point', [-3]],
    ['a zero point a column', [5, -128, 127]],
  ] as const)
    test(`Products of the largest bytes are exact on every processor, with ${name}`, async () => {
      const graph = product(zero);
      assert.equal(makeWeightsUnsigned(graph), true);
      assert.deepEqual(
        [...graph.initializers.keys()].filter((key) => key === 'w' || key === 'zero'),
        [],
        'the signed ones are given up',
      );
      assert.deepEqual(await run(graph), exact(zero));
      assert.equal(makeWeightsUnsigned(graph), false, 'nothing is left to do');
    });

  test('Unsigned weights, and other uses of a signed constant, stay as they are', () => {
    const graph = product([]);
    graph.nodes.push(onnxNode('Cast', ['w'], ['other'], { to: FLOAT32 }));
    assert.equal(makeWeightsUnsigned(graph), true);
    assert.ok(graph.initializers.has('w'));
  });

  test('No signed weight is left in a decoder that is rewritten', { skip: skipWithoutReferences }, () => {
    const { first, next } = decoderBranches(
      readFileSync(`${modelFolder('whisper-tiny.en')}/onnx/decoder_model_merged_quantized.onnx`),
    );
    for (const graph of [first, next]) {
      rewriteLinearLayers(graph, 'int8-per-row');
      const weights = graph.nodes
        .filter(({ opType }) => opType === 'MatMulInteger')
        .map(({ inputs }) => graph.initializers.get(inputs[1] ?? ''));
      assert.ok(weights.length > 0);
      assert.ok(weights.every((weight) => weight !== undefined && !(byteValues(weight) instanceof Int8Array)));
    }
  });
});
