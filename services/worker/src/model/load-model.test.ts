import assert from 'node:assert/strict';
import { test, after, before, describe } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ModelProgress, RecognizerPool, type PoolOptions } from '@murmuration/asr';
import type { Logger } from '@murmuration/runtime';
import { decodeOptionsSchema } from '@murmuration/contracts';
import { findingLog, openEngines, takeOver } from './load-model.js';

function lines(): { readonly told: unknown[]; readonly logger: Logger } {
  const told: unknown[] = [];
  return {
    told,
    logger: {
      info: (facts: object, message: string) => {
        told.push([message, facts]);
      },
    } as unknown as Logger,
  };
}

const at = (step: ModelProgress['step'], doneBytes: number, totalBytes = 1_000_000_000): ModelProgress => ({
  step,
  reason: '',
  file: step === 'waiting' ? '' : 'a.onnx',
  doneBytes,
  totalBytes,
});

test('A step is told when it begins, then every two seconds, and the end of fetching in any case', () => {
  const { told, logger } = lines();
  let nowMs = 0;
  const tell = findingLog(logger, () => nowMs);
  tell(at('waiting', 0, 0));
  tell(at('downloading', 0));
  nowMs = 1_999;
  tell(at('downloading', 400_000_000));
  nowMs = 2_000;
  tell(at('downloading', 505_000_000));
  tell(at('downloading', 1_000_000_000));
  tell(at('downloading', 1_000_000_000));
  assert.deepEqual(told, [
    ['another process fetches the model', { step: 'waiting' }],
    ['fetching the model', { step: 'downloading', file: 'a.onnx', percent: 0, megabytes: 1_000 }],
    ['fetching the model', { step: 'downloading', file: 'a.onnx', percent: 50, megabytes: 1_000 }],
    ['fetching the model', { step: 'downloading', file: 'a.onnx', percent: 100, megabytes: 1_000 }],
  ]);
});

test('Verifying is told of large models only', () => {
  const { told, logger } = lines();
  const tell = findingLog(logger, () => 0);
  tell(at('verifying', 10, 28_000_000));
  tell(at('verifying', 10));
  assert.deepEqual(told, [
    ['verifying the model', { step: 'verifying', file: 'a.onnx', percent: 0, megabytes: 1_000 }],
  ]);
});

const SIMULATED: Omit<PoolOptions, 'maxBatch'> = {
  model: { id: 'simulated', slug: 'simulated', family: 'simulated', folder: '' },
  dtype: 'auto',
  device: 'simulated',
  sessions: 1,
  simulatedCost: { batchMs: 20, rowMs: 0, audioSecondMs: 0 },
};
const ROW = { pcm: new Int16Array(16_000), options: decodeOptionsSchema.parse({}) };

/** A log that is kept. */
function log() {
  const said: string[] = [];
  const say = (...given: readonly unknown[]): void => {
    said.push(String(given[1]));
  };
  return { said, info: say, warn: say };
}

describe('engines of TensorRT', () => {
  let root = '';
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'engines-'));
  });
  after(() => rm(root, { recursive: true }));

  test('are complete for the model, type and batch that they were built for, until they are forgotten', async () => {
    const folder = join(root, 'card', 'driver');
    const base = { slug: 'base', dtype: 'fp16', maxBatch: 32 };
    const engines = await openEngines(folder, base);
    assert.equal(engines.complete, false);
    await engines.markComplete();
    assert.equal((await openEngines(folder, base)).complete, true);
    for (const other of [{ slug: 'tiny' }, { dtype: 'fp32' }, { maxBatch: 16 }, { maxBatch: undefined }])
      assert.equal((await openEngines(folder, { ...base, ...other })).complete, false);
    await engines.forget();
    assert.equal((await openEngines(folder, base)).complete, false);
  });

  test('are built while others serve: batches go on, and new sessions take over', async () => {
    const pool = await RecognizerPool.load({ ...SIMULATED, maxBatch: 2 });
    const running = pool.run([ROW]);
    const engines = await openEngines(join(root, 'a'), { slug: 'simulated', dtype: 'auto', maxBatch: 2 });
    const { said, ...logger } = log();
    const faster = { ...SIMULATED, simulatedCost: { batchMs: 1, rowMs: 0, audioSecondMs: 0 } };
    assert.equal(await takeOver(pool, faster, engines, logger), true);
    assert.equal((await running).recognitions.length, 1);
    assert.equal(pool.idleSessions, 1);
    assert.ok(pool.predictMs(16_000, 1) < 20);
    assert.equal((await pool.run([ROW, ROW])).recognitions.length, 2);
    assert.equal(said[0], 'CUDA serves while TensorRT builds its engines, which takes minutes, once');
    assert.equal(said.at(-1), 'TensorRT serves from here on');
    assert.equal(
      (await openEngines(join(root, 'a'), { slug: 'simulated', dtype: 'auto', maxBatch: 2 })).complete,
      true,
    );
    await pool.close();
  });

  test('that cannot be built leave the sessions that serve', async () => {
    const pool = await RecognizerPool.load({ ...SIMULATED, maxBatch: 2 });
    const engines = await openEngines(join(root, 'b'), { slug: 'simulated', dtype: 'auto', maxBatch: 2 });
    const { said, ...logger } = log();
    const missing = { ...SIMULATED, device: 'tensorrt' as const, model: { ...SIMULATED.model, family: 'whisper' } };
    assert.equal(await takeOver(pool, missing, engines, logger), false);
    assert.equal(said.at(-1), 'TensorRT cannot take over; CUDA goes on serving');
    assert.equal((await pool.run([ROW])).recognitions.length, 1);
    assert.equal(engines.complete, false);
    await pool.close();
  });

  test('are given up where the pool was closed meanwhile', async () => {
    const pool = await RecognizerPool.load({ ...SIMULATED, maxBatch: 2 });
    const replacing = pool.replaceSessions(SIMULATED);
    await pool.close();
    await replacing;
    assert.equal(pool.idleSessions, 0);
  });
});
