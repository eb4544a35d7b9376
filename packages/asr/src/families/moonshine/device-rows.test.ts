import assert from 'node:assert/strict';
import { test } from 'node:test';
import { float32Tensor, int64Tensor, type OnnxSession, type OnnxTensor } from '@murmuration/onnx';
import { DECODER } from './decoder-graphs.js';
import { DeviceRows } from './device-rows.js';
import { RowBuffers } from './host-rows.js';

const ENCODER = { past: 'past_key_values.0.encoder.key', present: 'present.0.encoder.key', heads: 1, width: 1 };
const DECODER_KEYS = { past: 'past_key_values.0.decoder.key', present: 'present.0.decoder.key', heads: 1, width: 1 };
const POSITIONS = 4;

/** Tensors as if they lay on a card, those alive of them, and a decoder of them whose token counts the steps: 10 at first. */
class Card {
  readonly alive = new Set<OnnxTensor>();
  readonly fed: Readonly<Record<string, OnnxTensor>>[] = [];
  failsAt: 'first' | 'next' | 'pick' | null = null;
  #picks = 0;
  #token = 10n;

  tensor(data: Float32Array, dims: readonly number[]): OnnxTensor {
    const tensor: OnnxTensor = {
      ...float32Tensor(data, dims),
      place: 'device',
      dispose: () => this.alive.delete(tensor),
    };
    this.alive.add(tensor);
    return tensor;
  }

  pick(tensor: OnnxTensor, rows: readonly number[]): Promise<OnnxTensor> {
    // Of several caches the first is done by then.
    if (this.failsAt === 'pick' && ++this.#picks > 1) return Promise.reject(new Error('out of memory'));
    const size = tensor.data.length / (tensor.dims[0] ?? 1);
    const data = rows.flatMap((row) => [...(tensor.data as Float32Array).subarray(row * size, (row + 1) * size)]);
    return Promise.resolve(this.tensor(Float32Array.from(data), [rows.length, ...tensor.dims.slice(1)]));
  }

  session(step: 'first' | 'next'): OnnxSession {
    return {
      inputs: [],
      outputs: [],
      hostBytes: 0,
      close: () => Promise.resolve(),
      run: (feeds) => {
        if (this.failsAt === step) return Promise.reject(new Error('out of memory'));
        this.fed.push(feeds);
        const rows = feeds['input_ids']?.dims[0] ?? 0;
        const cache = () =>
          this.tensor(
            Float32Array.from({ length: rows }, (_, row) => row),
            [rows, 1, 1, 1],
          );
        return Promise.resolve({
          [DECODER.nextToken]: int64Tensor(new BigInt64Array(rows).fill(this.#token++), [rows, 1]),
          [DECODER.logprob]: float32Tensor(new Float32Array(rows), [rows, 1]),
          [DECODER.alignment]: float32Tensor(
            Float32Array.from({ length: rows * POSITIONS }, (_, at) => at),
            [rows, POSITIONS],
          ),
          ...(step === 'first' ? { [ENCODER.present]: cache() } : {}),
          [DECODER_KEYS.present]: cache(),
        });
      },
    };
  }

  async rows(...frames: readonly number[]): Promise<DeviceRows> {
    const names = { inputIds: 'input_ids', encoder: [ENCODER], decoder: [DECODER_KEYS] };
    const steps = { first: this.session('first'), next: this.session('next'), names };
    const rows = new DeviceRows(steps, POSITIONS, frames.length, new RowBuffers(), this);
    for (const count of frames) await rows.add(float32Tensor(new Float32Array(count * 2).fill(count), [1, count, 2]));
    return rows;
  }
}

test('The first step is one for all chunks, padded and masked; later ones take what it left on the card', async () => {
  const card = new Card();
  const rows = await card.rows(1, 4, 2);
  const starts = await rows.start();
  assert.deepEqual(
    starts.map(({ token, alignment }) => [token, alignment[0]]),
    [
      [10, 0],
      [10, 4],
      [10, 8],
    ],
  );
  const [first = {}] = card.fed;
  const far = -1e9;
  const valuesOf = (tensor: OnnxTensor | undefined): unknown[] => [...(tensor?.data ?? [])];
  assert.deepEqual(first['encoder_hidden_states']?.dims, [3, 4, 2]);
  assert.deepEqual(
    valuesOf(first['encoder_hidden_states']),
    [1, 1, 0, 0, 0, 0, 0, 0, 4, 4, 4, 4, 4, 4, 4, 4, 2, 2, 2, 2, 0, 0, 0, 0],
  );
  assert.deepEqual(valuesOf(first[DECODER.encoderMask]), [0, far, far, far, 0, 0, 0, 0, 0, 0, far, far]);
  assert.deepEqual(
    await rows.next(),
    starts.map((start) => ({ ...start, token: 11 })),
  );
  await rows.keep([0, 2]);
  assert.equal((await rows.next()).length, 2);
  const last = card.fed.at(-1) ?? {};
  assert.deepEqual(valuesOf(last[ENCODER.past]), [0, 2]);
  assert.deepEqual(valuesOf(last['input_ids']), [11n, 11n]);
  assert.deepEqual(valuesOf(last[DECODER.encoderMask]), [0, far, far, far, 0, 0, far, far]);
  for (const name of [ENCODER.past, DECODER_KEYS.past, DECODER.encoderMask]) assert.equal(last[name]?.place, 'device');
  // Mask, the encoder's keys, the decoder's.
  assert.equal(card.alive.size, 3);
  rows.dispose();
  assert.equal(card.alive.size, 0);
});

test('Whatever fails is thrown, and all that lay on the card is given up', async () => {
  for (const failsAt of ['first', 'next', 'pick'] as const) {
    const card = new Card();
    const rows = await card.rows(3, 4);
    if (failsAt === 'first') card.failsAt = failsAt;
    const failing = async (): Promise<void> => {
      await rows.start();
      card.failsAt = failsAt;
      await rows.keep([1]);
      await rows.next();
    };
    await assert.rejects(failing(), /out of memory/);
    rows.dispose();
    assert.equal(card.alive.size, 0, failsAt);
  }
});

test('Without a row there is no step', async () => {
  const card = new Card();
  assert.deepEqual(await (await card.rows()).start(), []);
  assert.equal(card.fed.length, 0);
});
