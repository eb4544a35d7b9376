import assert from 'node:assert/strict';
import { test } from 'node:test';
import { padToGrid } from '@murmuration/contracts';
import { MOONSHINE_CHUNK_POLICY } from '../families/moonshine/moonshine-family.js';
import { lengthsToWarm, rowsToWarm, ShapeTimes } from './warm-up.js';

test('Every step of a coarse grid is warmed, and both ends of a fine one', () => {
  assert.deepEqual(lengthsToWarm({ ...MOONSHINE_CHUNK_POLICY, gridMs: 30_000, maxChunkMs: 30_000 }), [480_000]);
  assert.deepEqual(
    lengthsToWarm({ ...MOONSHINE_CHUNK_POLICY, gridMs: 5_000, maxChunkMs: 20_000 }),
    [80_000, 160_000, 240_000, 320_000],
  );
  const fine = lengthsToWarm({ ...MOONSHINE_CHUNK_POLICY, gridMs: 100, maxChunkMs: 20_000 });
  assert.equal(fine.length, 8);
  assert.deepEqual([fine[0], fine.at(-1)], [1_600, 320_000]);
});

test('Batch sizes double up to the largest', () => {
  assert.deepEqual(rowsToWarm(1), [1]);
  assert.deepEqual(rowsToWarm(8), [1, 2, 4, 8]);
  assert.deepEqual(rowsToWarm(12), [1, 2, 4, 8, 12]);
});

test('A chunk is padded to the next step of the grid, an empty one to the first', () => {
  const policy = { ...MOONSHINE_CHUNK_POLICY, gridMs: 1_000 };
  assert.deepEqual(
    [0, 1, 16_000, 16_001].map((samples) => padToGrid(samples, policy.gridMs)),
    [16_000, 16_000, 16_000, 32_000],
  );
});

test('Times between measured shapes are in proportion, outside them by the nearest', () => {
  const times = new ShapeTimes();
  assert.equal(times.predictMs(16_000, 1), 0);
  times.record(16_000, 1, 10);
  times.record(16_000, 4, 40);
  times.record(32_000, 1, 30);
  times.record(32_000, 4, 60);
  assert.equal(times.predictMs(16_000, 2), 20);
  assert.equal(times.predictMs(24_000, 1), 20);
  assert.equal(times.predictMs(16_000, 8), 80);
  assert.equal(times.predictMs(8_000, 1), 10);
  times.record(16_000, 1, 5);
  assert.equal(times.predictMs(16_000, 1), 10);
});

test('The first batches count more: the warm-up saw the machine only for a moment, or its own processor time', () => {
  const times = new ShapeTimes();
  times.record(16_000, 1, 100);
  times.observe(16_000, 1, 300);
  assert.equal(times.predictMs(16_000, 1), 200);
  for (let batch = 0; batch < 8; batch++) times.observe(16_000, 1, 300);
  assert.ok(times.predictMs(16_000, 1) > 279);
});

test('Predictions follow what batches really took, and one odd batch moves them little', () => {
  const times = new ShapeTimes();
  times.record(16_000, 1, 100);
  for (let batch = 0; batch < 60; batch++) times.observe(16_000, 1, 50);
  assert.ok(Math.abs(times.predictMs(16_000, 1) - 50) < 1);
  times.observe(16_000, 1, 1_000_000);
  assert.ok(times.predictMs(16_000, 1) < 160);
});
