import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { OnnxError, isOutOfMemory } from './onnx-error.js';
import { availableDevices, openSession } from './open-session.js';
import type { Binding } from './session.js';
import { boolTensor, float16Tensor, float32Tensor, int64Tensor, zerosTensor } from './tensor.js';
import { conversions, doubling, zerosOfShape } from './testing/tiny-models.js';

// Both bindings keep the same promises.
for (const binding of ['node', 'native'] as const)
  describe(`The binding ${binding}`, () => {
    sessionTests(binding);
  });

function sessionTests(binding: Binding): void {
  test('lists the CPU among the devices, and first', async () => {
    assert.equal((await availableDevices(binding))[0], 'cpu');
  });

  test('lists only devices that this project knows', async () => {
    for (const device of await availableDevices(binding))
      assert.ok(['cpu', 'cuda', 'tensorrt', 'webgpu'].includes(device));
  });

  const CPU = { device: 'cpu', threads: 1, binding } as const;

  test('A session states names, element types, numbers and free dimensions of its graph', async () => {
    const session = await openSession(conversions(), CPU);
    assert.deepEqual(session.inputs, [
      { name: 'x', type: 'float32', shape: ['n'] },
      { name: 'h', type: 'float16', shape: ['n'] },
    ]);
    assert.deepEqual(
      session.outputs.map((output) => output.type),
      ['float16', 'float32', 'float32', 'int64', 'bool'],
    );
    await session.close();
    const other = await openSession(doubling(), CPU);
    assert.deepEqual(other.inputs, [{ name: 'x', type: 'float32', shape: ['rows', 3] }]);
    await other.close();
  });

  test('Half-precision numbers cross in both directions as their bits', async () => {
    const session = await openSession(conversions(), CPU);
    // 1.5 and -2 in half precision.
    const results = await session.run({
      x: float32Tensor(Float32Array.of(1.5, -2), [2]),
      h: float16Tensor(Uint16Array.of(0x3e00, 0xc000), [2]),
    });
    const { half, back, doubled, wide, truth } = results;
    assert.ok(
      half !== undefined && back !== undefined && doubled !== undefined && wide !== undefined && truth !== undefined,
    );
    assert.equal(half.type, 'float16');
    const { buffer, byteOffset, byteLength } = half.data as Uint16Array;
    assert.deepEqual([...new Uint16Array(buffer, byteOffset, byteLength / 2)], [0x3e00, 0xc000]);
    assert.deepEqual([...(back.data as Float32Array)], [1.5, -2]);
    assert.deepEqual([...(doubled.data as Float32Array)], [1.5, -2]);
    assert.deepEqual([...(wide.data as BigInt64Array)], [1n, -2n]);
    assert.deepEqual([...(truth.data as Uint8Array)], [1, 1]);
    await session.close();
  });

  test('Only the outputs asked for are given', async () => {
    const session = await openSession(conversions(), CPU);
    const results = await session.run({ x: float32Tensor(Float32Array.of(1), [1]), h: zerosTensor('float16', [1]) }, [
      'wide',
    ]);
    assert.deepEqual(Object.keys(results), ['wide']);
    await session.close();
  });

  test('A tensor over part of an array sends that part', async () => {
    const session = await openSession(doubling(), CPU);
    const data = Float32Array.of(9, 9, 9, 1, 2, 3, 9);
    const { y } = await session.run({ x: float32Tensor(data.subarray(3, 6), [1, 3]) });
    assert.deepEqual([...(y?.data as Float32Array)], [2, 4, 6]);
    await session.close();
  });

  test('Results outlive their session, and a closed session says so', async () => {
    const session = await openSession(doubling(), CPU);
    const { y } = await session.run({ x: float32Tensor(Float32Array.of(1, 2, 3), [1, 3]) });
    await session.close();
    await session.close();
    assert.deepEqual([...(y?.data as Float32Array)], [2, 4, 6]);
    await assert.rejects(
      session.run({ x: float32Tensor(Float32Array.of(1, 2, 3), [1, 3]) }),
      (error) => error instanceof OnnxError && error.code === 'closed' && error.message === 'the session is closed',
    );
  });

  test('A run whose signal is aborted before it begins is cancelled', async () => {
    const session = await openSession(doubling(), CPU);
    const x = float32Tensor(Float32Array.of(1, 2, 3), [1, 3]);
    await assert.rejects(
      session.run({ x }, undefined, { signal: AbortSignal.abort() }),
      (error) => error instanceof OnnxError && error.code === 'cancelled',
    );
    const { y } = await session.run({ x }, undefined, { signal: new AbortController().signal });
    assert.deepEqual([...(y?.data as Float32Array)], [2, 4, 6]);
    await session.close();
  });

  test('Empty tensors cross in both directions', async () => {
    const session = await openSession(doubling(), CPU);
    const { y } = await session.run({ x: zerosTensor('float32', [0, 3]) });
    assert.deepEqual([y?.dims, y?.data.length, y?.place], [[0, 3], 0, 'host']);
    await session.close();
  });

  test('An input that is missing, of another type or too short is an error', async () => {
    const session = await openSession(doubling(), CPU);
    await assert.rejects(session.run({}), /x/);
    await assert.rejects(session.run({ x: int64Tensor(BigInt64Array.of(1n, 2n, 3n), [1, 3]) }), /int64|type/i);
    await assert.rejects(session.run({ x: float32Tensor(Float32Array.of(1), [1, 3]) }));
    await session.close();
  });

  test('A device that cannot be had is named', async () => {
    await assert.rejects(openSession(doubling(), { ...CPU, device: 'tpu' as 'cuda' }), /no device tpu; it has cpu/);
  });

  test('Bytes that are no graph and a missing file are errors', async () => {
    await assert.rejects(openSession(Uint8Array.of(1, 2, 3), CPU));
    await assert.rejects(openSession('no-such-file.onnx', CPU), /no-such-file\.onnx/);
  });

  test('Running out of memory is told apart from other errors', async () => {
    const session = await openSession(zerosOfShape(), CPU);
    const tooMuch = session.run({ shape: int64Tensor(BigInt64Array.of(1_000_000_000n, 100_000n), [2]) });
    await assert.rejects(tooMuch, (error) => isOutOfMemory(error));
    const wrongType = session.run({ shape: boolTensor(true) });
    await assert.rejects(wrongType, (error) => !isOutOfMemory(error));
    const { y } = await session.run({ shape: int64Tensor(BigInt64Array.of(2n, 2n), [2]) });
    assert.deepEqual([...(y?.data as Float32Array)], [0, 0, 0, 0]);
    await session.close();
  });

  test('Several threads run sessions at once and end without a crash', async () => {
    const threads = Array.from(
      { length: 4 },
      (_, seed) =>
        new Promise<{ sum: number; code: number }>((resolve, reject) => {
          let sum = NaN;
          const worker = new Worker(new URL('testing/session-thread.js', import.meta.url), {
            workerData: { seed, runs: 200, binding },
          });
          worker.on('message', (value: number) => {
            sum = value;
          });
          worker.on('error', reject);
          worker.on('exit', (code) => {
            resolve({ sum, code });
          });
        }),
    );
    const results = await Promise.all(threads);
    assert.deepEqual(
      results,
      [0, 1, 2, 3].map((seed) => ({ sum: 200 * 6 * seed, code: 0 })),
    );
  });
}
