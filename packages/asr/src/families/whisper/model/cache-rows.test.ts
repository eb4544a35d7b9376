import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  float16Tensor,
  float32Tensor,
  intField,
  onnxNode,
  openSession,
  RowPicker,
  serializeModel,
  stringField,
  valueInfo,
  type OnnxTensor,
} from '@murmuration/onnx';
import { CacheRows, type DecoderState, disposeState, survivingRows } from './cache-rows.js';
import { pickPositions, pickRows } from './graph-tensors.js';

function cache(rows: number): DecoderState {
  const tensor = () =>
    float32Tensor(
      Float32Array.from({ length: rows * 2 }, (_, at) => Math.floor(at / 2)),
      [rows, 1, 2, 1],
    );
  return { rows, hidden: null, ownsHidden: false, encoder: { key: tensor() }, decoder: { key: tensor() } };
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
    ownsHidden: false,
    encoder: { key: await bring.pick(key, [0, 1, 2, 3]) },
    decoder: {},
  };
  await rows.keep(state, [3, 1]);
  assert.deepEqual(state.encoder['key']?.dims, [2, 1, 2, 1]);
  const back = new RowPicker({ ...options, binding: 'node' });
  await assert.rejects(back.pick(state.encoder['key'] ?? key, [0]), /place|device|memory/);
  for (const one of [bring, rows, back]) await one.close();
});

const NATIVE = { device: 'cpu', threads: 1, binding: 'native' } as const;

/** Three rows of four positions of two values. */
const HIDDEN = float32Tensor(
  Float32Array.from({ length: 24 }, (_, at) => at),
  [3, 4, 2],
);

/** The encoder's states as if they lay on a card, and those values in memory again. */
async function onCard<T>(
  work: (hidden: OnnxTensor, rows: CacheRows, read: (tensor: OnnxTensor) => Promise<OnnxTensor>) => Promise<T>,
): Promise<void> {
  const [bring, back] = [new RowPicker(NATIVE), await openSession(copying(), NATIVE)];
  const rows = new CacheRows(NATIVE, new RowPicker(NATIVE));
  const hidden = await bring.pick(HIDDEN, [0, 1, 2]);
  await work(hidden, rows, async (tensor) => {
    assert.equal(tensor.place, 'device');
    const { there } = await back.run({ here: tensor });
    assert.ok(there !== undefined);
    return there;
  });
  hidden.dispose();
  for (const one of [bring, rows, back]) await one.close();
}

test('Parts of what the encoder gave are made where it lies, and are the same as in memory', () =>
  onCard(async (hidden, rows, read) => {
    const some = await rows.part(hidden, [2, 0]);
    assert.deepEqual(await read(some), pickRows(HIDDEN, [2, 0]));
    for (const length of [null, 4, 7]) {
      const stretch = await rows.stretch(hidden, 1, 1, 3, length);
      assert.deepEqual(await read(stretch), pickPositions(HIDDEN, 1, 1, 3, length));
      stretch.dispose();
    }
    assert.equal(await rows.typed(hidden, 'float32'), hidden);
    const half = await rows.typed(hidden, 'float16');
    assert.deepEqual([half.place, half.type, half.dims], ['device', 'float16', [3, 4, 2]]);
    for (const one of [some, half]) one.dispose();
  }));

test('A state whose rows end leaves what the encoder gave to its owner, and gives up its own part of it', () =>
  onCard(async (hidden, rows, read) => {
    const state: DecoderState = { rows: 3, hidden, ownsHidden: false, encoder: {}, decoder: {} };
    await rows.keep(state, [2, 1]);
    const two = state.hidden;
    assert.deepEqual([two?.dims, state.ownsHidden], [[2, 4, 2], true]);
    await rows.keep(state, [1]);
    const { hidden: one } = state;
    assert.ok(one !== null && two !== null);
    await assert.rejects(read(two), /given up/);
    assert.deepEqual((await read(one)).dims, [1, 4, 2]);
    disposeState(state);
    await assert.rejects(read(one), /given up/);
    assert.deepEqual(await read(hidden), HIDDEN);
  }));

test('Without a card parts are made in memory', async () => {
  const rows = new CacheRows(NATIVE);
  assert.deepEqual(await rows.part(HIDDEN, [1]), pickRows(HIDDEN, [1]));
  assert.deepEqual(await rows.stretch(HIDDEN, 0, 2, 4, 5), pickPositions(HIDDEN, 0, 2, 4, 5));
  assert.equal((await rows.typed(float16Tensor(Uint16Array.of(0x3c00), [1, 1, 1]), 'float32')).data[0], 1);
  await rows.close();
});

/** The bytes of a model: there = here. */
function copying(): Uint8Array {
  const shape = ['rows', 'positions', 'width'];
  return serializeModel(
    {
      graph: {
        nodes: [onnxNode('Identity', ['here'], ['there'])],
        initializers: new Map(),
        inputs: [valueInfo('here', 'float32', shape)],
        outputs: [valueInfo('there', 'float32', shape)],
        rest: [stringField(2, 'copying')],
      },
      rest: [intField(1, 8)],
    },
    { '': 14 },
  );
}
