import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSession } from './open-session.js';
import { RowPicker } from './row-picker.js';
import { float16Tensor, float32Tensor } from './tensor.js';
import { doubling } from './testing/tiny-models.js';

const CPU = { device: 'cpu', threads: 1, binding: 'native' } as const;

test('Rows of a kept output are taken out by a graph, and stay where they lie', async () => {
  const session = await openSession(doubling(), { ...CPU, keep: /^y$/ });
  const reading = await openSession(doubling(), CPU);
  const picker = new RowPicker(CPU);
  const { y } = await session.run({
    x: float32Tensor(
      Float32Array.from({ length: 12 }, (_, at) => at),
      [4, 3],
    ),
  });
  assert.ok(y !== undefined);
  const picked = await picker.pick(y, [3, 1]);
  assert.deepEqual([picked.place, picked.dims], ['device', [2, 3]]);
  const results = await reading.run({ x: picked });
  assert.deepEqual([...(results['y']?.data as Float32Array)], [36, 40, 44, 12, 16, 20]);
  for (const tensor of [y, picked]) tensor.dispose();
  await picker.close();
  await session.close();
  await reading.close();
});

test('Parts of another dimension are picked as often as they are named, and in another type', async () => {
  const picker = new RowPicker({ ...CPU, binding: 'node' });
  const data = float32Tensor(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), [2, 4, 1]);
  const parts = await picker.pick(data, [1, 2, 1], { axis: 1 });
  assert.deepEqual([parts.type, parts.dims, [...parts.data]], ['float32', [2, 3, 1], [2, 3, 2, 6, 7, 6]]);
  const half = await picker.pick(data, [1], { type: 'float16' });
  // 5 to 8 in half precision.
  assert.deepEqual([half.type, half.dims, [...half.data]], ['float16', [1, 4, 1], [0x4500, 0x4600, 0x4700, 0x4800]]);
  await picker.close();
});

test('Host tensors of any element type and number of dimensions are brought to the device', async () => {
  const picker = new RowPicker({ ...CPU, binding: 'node' });
  const picked = await picker.pick(float16Tensor(Uint16Array.of(1, 2, 3, 4), [4, 1, 1, 1]), [2, 0]);
  assert.deepEqual([picked.type, picked.dims, [...picked.data]], ['float16', [2, 1, 1, 1], [3, 1]]);
  await picker.close();
});
