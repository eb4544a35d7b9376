import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExitGate, float32Tensor, onnxNode, openSession, serializeModel, valueInfo, intField } from '@murmuration/onnx';
import { SimulatedRecognizer } from '../families/simulated/simulated-recognizer.js';
import { CancelFlags, sessionMethods } from './session-methods.js';

/** The bytes of a small graph: y = x · x. */
function square(): Uint8Array {
  return serializeModel(
    {
      graph: {
        nodes: [onnxNode('MatMul', ['x', 'x'], ['y'])],
        initializers: new Map(),
        inputs: [valueInfo('x', 'float32', ['size', 'size'])],
        outputs: [valueInfo('y', 'float32', ['size', 'size'])],
        rest: [{ number: 2, kind: 'bytes', bytes: new TextEncoder().encode('square') }],
      },
      rest: [intField(1, 8)],
    },
    { '': 14 },
  );
}

test('A row that is cancelled from the start is flagged at once, one without a question never', () => {
  const flags = new CancelFlags([() => true, undefined, () => false]);
  assert.deepEqual([...flags.bytes], [1, 0, 0]);
  flags.close();
});

test('A row that is cancelled later is flagged while the flags are open', async () => {
  let cancelled = false;
  let askedAfter = 0;
  let told: () => void = () => undefined;
  const again = new Promise<void>((resolve) => {
    told = resolve;
  });
  const flags = new CancelFlags([
    () => {
      if (cancelled && ++askedAfter === 2) told();
      return cancelled;
    },
  ]);
  assert.deepEqual([...flags.bytes], [0]);
  cancelled = true;
  await again;
  assert.deepEqual([...flags.bytes], [1]);
  flags.close();
});

test('Of two batches that overlap each has the time since the one before ended, and the device its own', async () => {
  const graph = await openSession(square(), { device: 'cpu', threads: 1, binding: 'native' });
  const description = new SimulatedRecognizer({ id: 'overlapping', slug: 'overlapping' }).description;
  const ends: (() => void)[] = [];
  const methods = sessionMethods(
    {
      description,
      pipeline: { depth: 2, preparationShare: 0 },
      paddedSamples: (samples) => samples,
      rehearse: () => Promise.resolve([]),
      recognize: async () => {
        await graph.run({ x: float32Tensor(new Float32Array(64 * 64), [64, 64]) });
        await new Promise<void>((resolve) => ends.push(resolve));
        return [];
      },
      close: () => graph.close(),
    },
    new ExitGate(),
    { device: 'cpu', threads: 1 },
  );
  const batch = { rows: [], cancelled: new Uint8Array(0) };
  const began = performance.now();
  const both = [methods.recognize(batch), methods.recognize(batch)];
  while (ends.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  ends[0]?.();
  const first = await both[0];
  const closed = methods.close(null);
  await new Promise((resolve) => setTimeout(resolve, 30));
  ends[1]?.();
  const second = await both[1];
  await closed;
  const wallMs = performance.now() - began;
  assert.ok(first !== undefined && second !== undefined);
  assert.ok(first.inferenceMs + second.inferenceMs <= wallMs && second.inferenceMs >= 29);
  // Both ran before the first ended: that is where the device's time is told.
  assert.ok(first.deviceMs > 0 && first.deviceMs < first.inferenceMs && second.deviceMs === 0);
});
