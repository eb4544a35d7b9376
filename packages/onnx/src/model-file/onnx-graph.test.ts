import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSession } from '../open-session.js';
import { float32Tensor } from '../tensor.js';
import { doubling, tinyModel } from '../testing/tiny-models.js';
import {
  float32Initializer,
  float32Values,
  initializerDims,
  initializerName,
  uint8Initializer,
  uint8Values,
} from './initializer.js';
import { onnxNode, parseModel, serializeModel, valueInfo } from './onnx-graph.js';
import { intField, readFields, stringField, writeFields } from './wire-format.js';

test('A model that is read and written again runs as before', async () => {
  const model = parseModel(doubling());
  assert.deepEqual(
    model.graph.nodes.map((node) => [node.opType, node.inputs, node.outputs]),
    [['Add', ['x', 'x'], ['y']]],
  );
  const session = await openSession(serializeModel(model), { device: 'cpu', threads: 1 });
  const { y } = await session.run({ x: float32Tensor(Float32Array.of(1, 2, 3), [1, 3]) });
  assert.deepEqual([...(y?.data as Float32Array)], [2, 4, 6]);
  await session.close();
});

test('An edited graph computes what it was edited to', async () => {
  const model = parseModel(doubling());
  model.graph.initializers.set('ten', float32Initializer('ten', [1], Float32Array.of(10)));
  model.graph.nodes = [
    onnxNode('Mul', ['x', 'ten'], ['scaled']),
    onnxNode('ReduceMax', ['scaled'], ['y'], { axes: [-1], keepdims: 1 }),
  ];
  model.graph.outputs = [valueInfo('y', 'float32', ['rows', 1])];
  const session = await openSession(serializeModel(model), { device: 'cpu', threads: 1 });
  const { y } = await session.run({ x: float32Tensor(Float32Array.of(1, 5, 3), [1, 3]) });
  assert.deepEqual([...(y?.data as Float32Array)], [50]);
  await session.close();
});

test('Constants keep name, shape and values, packed in either way a file may have', () => {
  const raw = uint8Initializer('w', [2, 2], Uint8Array.of(1, 2, 3, 255));
  assert.equal(initializerName(raw), 'w');
  assert.deepEqual(initializerDims(raw), [2, 2]);
  assert.deepEqual([...uint8Values(raw)], [1, 2, 3, 255]);
  const typed = writeFields([
    intField(2, 2),
    { number: 5, kind: 'bytes', bytes: Uint8Array.of(7, 0xff, 0x01) },
    stringField(8, 'z'),
  ]);
  assert.deepEqual([...uint8Values(typed)], [7, 255]);
  const float = writeFields([
    intField(2, 1),
    { number: 4, kind: 'bytes', bytes: new Uint8Array(Float32Array.of(0.5, -2).buffer) },
  ]);
  assert.deepEqual([...float32Values(float)], [0.5, -2]);
  assert.throws(() => float32Values(raw), /element type 2, expected 1/);
});

test('Bytes that are no model are refused', () => {
  assert.throws(() => parseModel(Uint8Array.of(0x3a, 0x05, 0x01)), /ends inside a field/);
  assert.throws(() => parseModel(new Uint8Array(0)), /holds no graph/);
  assert.throws(() => readFields(Uint8Array.of(0x80)), /ends inside a number/);
  assert.throws(() => readFields(Uint8Array.of(0x0b)), /unknown wire type 3/);
});

test('Negative integers and long numbers survive the wire', () => {
  const fields = [intField(3, -1), intField(8, 300), stringField(1, 'ä')];
  assert.deepEqual(readFields(writeFields(fields)), fields);
});

test('A new operator set is declared once', () => {
  const declared = (bytes: Uint8Array): number => parseModel(bytes).rest.filter((field) => field.number === 8).length;
  const once = serializeModel(parseModel(tinyModel({})), { 'com.example': 1 });
  assert.equal(declared(once), 2);
  assert.equal(declared(serializeModel(parseModel(once), { 'com.example': 1, '': 14 })), 2);
});
