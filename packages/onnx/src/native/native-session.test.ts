import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { OnnxError } from '../onnx-error.js';
import { openSession } from '../open-session.js';
import { float32Tensor, int64Tensor } from '../tensor.js';
import { RowPicker } from '../row-picker.js';
import { doubling, manyProducts, summing, zerosOfShape } from '../testing/tiny-models.js';
import { liveHandles } from './owned-handle.js';

const CPU = { device: 'cpu', threads: 1, binding: 'native' } as const;

test('A kept output is handed from run to run and read only where it is asked for as a host output', async () => {
  const keeping = await openSession(doubling(), { ...CPU, keep: /^y$/ });
  const reading = await openSession(doubling(), CPU);
  let kept = (await keeping.run({ x: float32Tensor(Float32Array.of(1, 2, 3), [1, 3]) }))['y'];
  for (let step = 0; step < 3; step++) {
    assert.ok(kept !== undefined);
    const next = (await keeping.run({ x: kept }))['y'];
    kept.dispose();
    kept = next;
  }
  assert.ok(kept !== undefined);
  assert.deepEqual([kept.place, kept.type, kept.dims], ['device', 'float32', [1, 3]]);
  assert.throws(() => kept.data, /on a device/);
  const { y } = await reading.run({ x: kept });
  assert.deepEqual([...(y?.data as Float32Array)], [32, 64, 96]);
  kept.dispose();
  kept.dispose();
  await assert.rejects(reading.run({ x: kept }), (error) => error instanceof OnnxError && error.code === 'closed');
  await keeping.close();
  await reading.close();
});

test('A kept output outlives its session', async () => {
  const session = await openSession(doubling(), { ...CPU, keep: /^y$/ });
  const { y } = await session.run({ x: float32Tensor(Float32Array.of(1, 2, 3), [1, 3]) });
  await session.close();
  const reading = await openSession(doubling(), CPU);
  assert.ok(y !== undefined);
  const doubled = await reading.run({ x: y });
  assert.deepEqual([...(doubled['y']?.data as Float32Array)], [4, 8, 12]);
  y.dispose();
  await reading.close();
});

test('Rows of a kept output are moved where they lie, and its memory goes with the rest', async () => {
  const held = liveHandles();
  const session = await openSession(doubling(), { ...CPU, keep: /^y$/ });
  const reading = await openSession(doubling(), CPU);
  const x = float32Tensor(
    Float32Array.from({ length: 15 }, (_, at) => at),
    [5, 3],
  );
  const { y } = await session.run({ x });
  assert.ok(y?.keepsRows);
  const some = y.keepRows([0, 4, 3]);
  assert.deepEqual(some.dims, [3, 3]);
  const fewer = some.keepRows([2]);
  const results = await reading.run({ x: fewer });
  assert.deepEqual([...(results['y']?.data as Float32Array)], [36, 40, 44]);
  fewer.dispose();
  await session.close();
  await reading.close();
  assert.equal(liveHandles(), held);
});

test('A session takes constants that are given to it where they lie, and several share one copy', async () => {
  const held = liveHandles();
  const rows = 1_024;
  const width = 16_384;
  const other = float32Tensor(new Float32Array(rows * width).fill(2), [rows, width]);
  const picker = new RowPicker(CPU);
  const kept = await picker.pick(
    other,
    Array.from({ length: rows }, (_, row) => row),
  );
  await picker.close();
  const model = summing(rows, width);
  const x = float32Tensor(Float32Array.of(1), [1, 1]);
  const opened = [];
  const before = process.memoryUsage.rss();
  for (const constant of [kept, kept, kept, other])
    opened.push(
      await openSession(model, {
        ...CPU,
        constants: new Map([
          ['w', constant],
          ['none', kept],
        ]),
      }),
    );
  // Four copies of 64 MiB would be 256.
  const grownMiB = (process.memoryUsage.rss() - before) / 2 ** 20;
  assert.ok(grownMiB < 96, `${String(Math.round(grownMiB))} MiB more`);
  for (const session of opened) {
    // The file's constant is 1.
    const { y } = await session.run({ x });
    assert.deepEqual([y?.dims, y?.data[0], y?.data.at(-1)], [[rows, 1], 2 * width, 2 * width]);
    await session.close();
  }
  kept.dispose();
  assert.equal(liveHandles(), held);
  await assert.rejects(openSession(model, { ...CPU, constants: new Map([['w', kept]]) }), /given up/);
  assert.equal(liveHandles(), held);
});

test('Statuses of the runtime become errors with its code and words', async () => {
  await assert.rejects(
    openSession('no-such-file.onnx', CPU),
    (error) => error instanceof OnnxError && error.code === 'no_such_file' && error.message.includes('no-such-file'),
  );
  await assert.rejects(
    openSession(Uint8Array.of(1, 2, 3), CPU),
    (error) => error instanceof OnnxError && error.code === 'invalid_protobuf',
  );
  const session = await openSession(doubling(), CPU);
  await assert.rejects(
    session.run({ x: int64Tensor(BigInt64Array.of(1n, 2n, 3n), [1, 3]) }),
    (error) => error instanceof OnnxError && error.code === 'invalid_argument',
  );
  await session.close();
});

test('10,000 runs, and as many that fail, leave no handle and no memory behind', async () => {
  const handles = liveHandles();
  const session = await openSession(doubling(), { ...CPU });
  const keeping = await openSession(doubling(), { ...CPU, keep: /^y$/ });
  const rows = 2_000;
  const x = float32Tensor(new Float32Array(rows * 3).fill(1), [rows, 3]);
  const wrong = int64Tensor(new BigInt64Array(3), [1, 3]);
  const some = async (runs: number): Promise<void> => {
    for (let run = 0; run < runs; run++) {
      const { y } = await session.run({ x });
      assert.equal(y?.data.at(-1), 2);
      const kept = await keeping.run({ x });
      kept['y']?.dispose();
      await assert.rejects(session.run({ x: wrong }));
    }
  };
  await some(1_000);
  const open = liveHandles();
  const before = process.memoryUsage.rss();
  await some(10_000);
  assert.equal(liveHandles(), open);
  // Results of 24,000 bytes: each handle left behind would be 240 MB.
  const grownMiB = (process.memoryUsage.rss() - before) / 2 ** 20;
  assert.ok(grownMiB < 64, `${String(Math.round(grownMiB))} MiB more`);
  await session.close();
  await keeping.close();
  assert.equal(liveHandles(), handles);
});

test('A kept output that is forgotten is released with the garbage', async () => {
  const session = await openSession(doubling(), { ...CPU, keep: /^y$/ });
  const x = float32Tensor(new Float32Array(3), [1, 3]);
  await session.run({ x });
  const held = liveHandles();
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  for (let run = 0; run < 100; run++) await session.run({ x });
  for (let turn = 0; turn < 100 && liveHandles() > held; turn++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(liveHandles() <= held, `${String(liveHandles() - held)} left`);
  await session.close();
});

test('A run that is cancelled ends between two operators, and the session goes on', async () => {
  const session = await openSession(manyProducts(2_000), CPU);
  const x = float32Tensor(new Float32Array(256 * 256), [256, 256]);
  const whole = performance.now();
  await session.run({ x });
  const wholeMs = performance.now() - whole;
  const controller = new AbortController();
  const began = performance.now();
  const running = session.run({ x }, undefined, { signal: controller.signal });
  setTimeout(() => {
    controller.abort();
  }, wholeMs / 10);
  await assert.rejects(running, (error) => error instanceof OnnxError && error.code === 'cancelled');
  const tookMs = performance.now() - began;
  assert.ok(tookMs < wholeMs / 2, `${String(tookMs)} of ${String(wholeMs)} ms`);
  const { y } = await session.run({ x }, undefined, { signal: new AbortController().signal });
  assert.equal(y?.data.length, 256 * 256);
  await session.close();
});

test('Closing waits for runs in flight', async () => {
  const session = await openSession(manyProducts(50), CPU);
  const x = float32Tensor(new Float32Array(128 * 128), [128, 128]);
  const { signal } = new AbortController();
  const runs = [1, 2, 3].map(() => session.run({ x }, undefined, { signal }));
  await session.close();
  for (const { y } of await Promise.all(runs)) assert.equal(y?.dims[0], 128);
});

test('The memory of a large result goes back to the system once that is given up', async () => {
  const session = await openSession(zerosOfShape(), { ...CPU, keep: /^y$/ });
  const shape = int64Tensor(BigInt64Array.of(4_096n, 16_384n), [2]);
  const { y } = await session.run({ shape });
  const before = process.memoryUsage.rss();
  y?.dispose();
  const gaveMiB = (before - process.memoryUsage.rss()) / 2 ** 20;
  // It had 256 MiB.
  assert.ok(gaveMiB > 192, `${String(gaveMiB)} MiB`);
  const some = int64Tensor(BigInt64Array.of(1n, 1n), [2]);
  (await session.run({ shape: some }, undefined, { shrink: true }))['y']?.dispose();
  await session.close();
});
