import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CACHE_DIR, DECODE, NO_RECORDINGS, plainWords, recording } from '../testing/material.js';
import { resolveModel } from '../models/resolve-model.js';
import type { ModelDescription } from '@murmuration/contracts';
import { SimulatedRecognizer } from '../families/simulated/simulated-recognizer.js';
import type { Pipeline } from '../recognizer.js';
import { RecognizerPool } from './recognizer-pool.js';
import { ThreadSession, type PoolSession } from './pool-session.js';
import type { Rehearsal, SessionAnswer, SessionBatch } from './session-methods.js';

const SIMULATED = {
  model: { id: 'simulated', slug: 'simulated', family: 'simulated', folder: '' },
  dtype: 'auto',
  device: 'simulated',
} as const;

test(
  'Two threads run two batches at once; a third finds none idle; texts are right',
  { skip: NO_RECORDINGS },
  async () => {
    const model = await resolveModel('moonshine-tiny', { cacheDir: CACHE_DIR });
    const progress: number[] = [];
    const pool = await RecognizerPool.load(
      { model, dtype: 'auto', device: 'cpu', sessions: 2, maxBatch: 2 },
      (fraction, text) => {
        assert.notEqual(text, '');
        progress.push(fraction);
      },
    );
    assert.deepEqual([pool.sessions, pool.idleSessions, pool.maxBatch], [2, 2, 2]);
    assert.deepEqual([progress[0], progress.at(-1)], [0, 1]);
    assert.deepEqual(
      progress,
      progress.toSorted((a, b) => a - b),
    );
    assert.deepEqual(
      [pool.description.id, pool.description.dtype, pool.description.family],
      ['moonshine-tiny', 'int8', 'moonshine'],
    );
    assert.ok(pool.speed > 0);
    assert.ok(pool.predictMs(pool.paddedSamples(16_000), 2) > 0);

    const jfk = recording('jfk.wav');
    const pcm = jfk.slice();
    const first = pool.run([{ pcm, options: DECODE }]);
    const second = pool.run([
      { pcm, options: DECODE },
      { pcm, options: DECODE, cancelled: () => true },
    ]);
    assert.equal(pool.idleSessions, 0);
    await assert.rejects(pool.run([{ pcm, options: DECODE }]), /no session is idle/);
    const [one, two] = await Promise.all([first, second]);
    assert.equal(
      plainWords(one.recognitions[0]?.segments[0]?.text ?? ''),
      'and so my fellow americans ask not what your country can do for you ask what you can do for your country',
    );
    assert.deepEqual(two.recognitions[0], one.recognitions[0]);
    assert.deepEqual(two.recognitions[1]?.segments, []);
    assert.ok(one.inferenceMs > 0);
    assert.equal(pool.idleSessions, 2);
    assert.deepEqual(pcm, jfk);

    const last = pool.run([{ pcm, options: DECODE }]);
    await pool.close();
    assert.equal((await last).recognitions.length, 1);
  },
);

test('A model file that is no graph stops the load, and no thread is left', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'murmuration-pool-'));
  await writeFile(join(folder, 'encoder_model.onnx'), 'not a graph');
  await writeFile(join(folder, 'decoder_model_merged.onnx'), 'not a graph');
  const model = await resolveModel(folder, { cacheDir: folder });
  await assert.rejects(
    RecognizerPool.load({ model, dtype: 'auto', device: 'cpu', sessions: 2 }),
    /encoder_model\.onnx/,
  );
  await rm(folder, { recursive: true });
});

test('A thread that dies in a batch rejects that batch and is told of', async () => {
  const session = await ThreadSession.open(
    { ...SIMULATED, threads: 1 },
    new URL('../testing/dying-thread.js', import.meta.url),
  );
  const other = await ThreadSession.open({ ...SIMULATED, threads: 1 });
  const pool = await RecognizerPool.over([session, other], 1);
  const faults: string[] = [];
  pool.onFault((error) => {
    faults.push(error.message);
  });
  const pcm = new Int16Array(16_000);
  await assert.rejects(pool.run([{ pcm, options: DECODE }]), /an inference thread died in the middle of a batch/);
  assert.deepEqual(faults, ['an inference thread died: the thread ended with 9']);
  assert.equal(pool.idleSessions, 1);
  assert.equal((await pool.run([{ pcm, options: DECODE }])).recognitions.length, 1);
  const late: string[] = [];
  pool.onFault((error) => {
    late.push(error.message);
  });
  assert.deepEqual(late, faults);
  await pool.close();
});

test('A simulated device runs without threads, at its stated cost', async () => {
  const pool = await RecognizerPool.load({
    ...SIMULATED,
    sessions: 3,
    maxBatch: 4,
    simulatedCost: { batchMs: 1, audioSecondMs: 0, rowMs: 2 },
  });
  assert.equal(pool.predictMs(64_000, 4), 9);
  const results = await Promise.all([1, 2, 3].map(() => pool.run([{ pcm: new Int16Array(8_000), options: DECODE }])));
  assert.equal(new Set(results.map((result) => result.recognitions[0]?.segments[0]?.text)).size, 1);
  await pool.close();
});

test('Impossible sizes are refused', async () => {
  await assert.rejects(RecognizerPool.load({ ...SIMULATED, sessions: 0 }), /sessions must be/);
  await assert.rejects(RecognizerPool.load({ ...SIMULATED, sessions: 1, maxBatch: 0.5 }), /maxBatch must be/);
  const pool = await RecognizerPool.load({ ...SIMULATED, sessions: 1, maxBatch: 1 });
  await assert.rejects(pool.run([]), /1 to 1 rows/);
  await pool.close();
});

/** A session of the test's own: batches end in their order, when the test says so. */
class HeldSession implements PoolSession {
  readonly alive = true;
  readonly rehearsed: number[] = [];
  readonly #batches: { readonly rows: number; end(answer: SessionAnswer): void }[] = [];
  readonly #fits: number;

  /** @param fits largest batch that there is memory for */
  constructor(fits = Infinity) {
    this.#fits = fits;
  }

  describe(): Promise<ModelDescription> {
    return Promise.resolve(new SimulatedRecognizer({ id: 'held', slug: 'held' }).description);
  }

  pipeline(): Promise<Pipeline> {
    return Promise.resolve({ depth: 2, preparationShare: 0.25 });
  }

  rehearse({ rows }: Rehearsal): Promise<number[]> {
    const most = Math.max(...rows);
    this.rehearsed.push(most);
    return most > this.#fits
      ? Promise.reject(new Error('Failed to allocate memory for requested buffer of size 1'))
      : Promise.resolve(rows.map(() => 1));
  }

  recognize({ rows }: SessionBatch): Promise<SessionAnswer> {
    return new Promise((end) => this.#batches.push({ rows: rows.length, end }));
  }

  async end(): Promise<void> {
    const batch = this.#batches.shift();
    const recognitions = Array.from({ length: batch?.rows ?? 0 }, () => ({
      segments: [],
      filtered: [],
      language: null,
      languageProbability: null,
    }));
    batch?.end({ recognitions, inferenceMs: 1, deviceMs: 1 });
    await new Promise((resolve) => setImmediate(resolve));
  }

  onDeath(): void {
    // It does not die.
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

test('A session with a pipeline takes one more batch while one runs, and no third', async () => {
  const session = new HeldSession();
  const pool = await RecognizerPool.over([session], 4);
  assert.deepEqual([pool.depth, pool.preparationShare], [2, 0.25]);
  const room = (): number[] => [pool.idleSessions, pool.roomAhead];
  const run = (rows: number) =>
    pool.run(Array.from({ length: rows }, () => ({ pcm: new Int16Array(800), options: DECODE })));
  assert.deepEqual(room(), [1, 0]);
  const first = run(1);
  assert.deepEqual(room(), [0, 1]);
  const second = run(2);
  assert.deepEqual(room(), [0, 0]);
  await assert.rejects(run(1), /no session is idle/);
  await session.end();
  assert.equal((await first).recognitions.length, 1);
  assert.deepEqual(room(), [0, 1]);
  await session.end();
  assert.equal((await second).recognitions.length, 2);
  assert.deepEqual(room(), [1, 0]);
  await pool.close();
});

test('Where memory does not suffice for the largest batch the next smaller is the largest, and without memory for one row nothing is served', async () => {
  const session = new HeldSession(3);
  const pool = await RecognizerPool.over([session], 8);
  assert.deepEqual([pool.maxBatch, pool.batchSizes], [2, [1, 2]]);
  assert.deepEqual(session.rehearsed.slice(0, 4), [8, 4, 2, 2]);
  await assert.rejects(
    pool.run(Array.from({ length: 3 }, () => ({ pcm: new Int16Array(1), options: DECODE }))),
    /1 to 2/,
  );
  await pool.close();
  await assert.rejects(RecognizerPool.over([new HeldSession(0)], 8), /Failed to allocate memory/);
});
