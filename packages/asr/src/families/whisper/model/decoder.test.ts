import assert from 'node:assert/strict';
import { test } from 'node:test';
import { float32Tensor, RowPicker } from '@murmuration/onnx';
import { CacheRows, survivingRows, type DecoderState } from './decoder.js';

function cache(rows: number): DecoderState {
  const tensor = () =>
    float32Tensor(
      Float32Array.from({ length: rows * 2 }, (_, at) => Math.floor(at / 2)),
      [rows, 1, 2, 1],
    );
  return { rows, hidden: null, encoder: { key: tensor() }, decoder: { key: tensor() } };
}

test('The last rows that still write take the places of those that are done', () => {
  assert.deepEqual(survivingRows([false, false]), [0, 1]);
  assert.deepEqual(survivingRows([true, false, true, false]), [3, 1]);
  assert.deepEqual(survivingRows([true, true, false, false, false]), [4, 3, 2]);
  assert.deepEqual(survivingRows([false, true, true]), [0]);
  assert.deepEqual(survivingRows([true]), []);
});

test('Rows are taken out of all caches, at once in memory and by halves on a graphics card', async () => {
  const state = cache(5);
  const rows = new CacheRows({ device: 'cpu', threads: 1 });
  assert.equal(rows.compactAt, 1);
  await rows.keep(state, survivingRows([true, false, true, false, false]));
  assert.equal(state.rows, 3);
  for (const tensor of [state.encoder['key'], state.decoder['key']])
    assert.deepEqual(
      [tensor?.dims, [...(tensor?.data ?? [])]],
      [
        [3, 1, 2, 1],
        [4, 4, 1, 1, 3, 3],
      ],
    );
  await rows.close();
  assert.equal(new CacheRows({ device: 'cuda', threads: 1 }).compactAt, 0.5);
});

test('A graph takes the same rows out where memory cannot be reached', async () => {
  const options = { device: 'cpu', threads: 1, binding: 'native' } as const;
  // Tensors that the runtime keeps, treated as if they lay on a card.
  const bring = new RowPicker(options);
  const rows = new CacheRows(options, new RowPicker(options));
  const { encoder } = cache(4);
  const { key } = encoder;
  assert.ok(key !== undefined);
  const state: DecoderState = {
    rows: 4,
    hidden: null,
    encoder: { key: await bring.pick(key, [0, 1, 2, 3]) },
    decoder: {},
  };
  await rows.keep(state, [3, 1]);
  assert.deepEqual(state.encoder['key']?.dims, [2, 1, 2, 1]);
  const back = new RowPicker({ ...options, binding: 'node' });
  await assert.rejects(back.pick(state.encoder['key'] ?? key, [0]), /place|device|memory/);
  for (const one of [bring, rows, back]) await one.close();
});
