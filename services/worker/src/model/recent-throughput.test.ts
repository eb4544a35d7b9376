import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentThroughput } from './recent-throughput.js';

test('Time in which sessions ran side by side counts once', () => {
  let nowMs = 0;
  const throughput = new RecentThroughput(() => nowMs);
  assert.equal(throughput.speed, null, 'nothing ran yet');
  nowMs = 1_000;
  throughput.add(10_000, 1_000);
  nowMs = 1_500;
  throughput.add(10_000, 1_000);
  assert.equal(throughput.speed, 20_000 / 1_500);
  nowMs = 10_000;
  throughput.add(10_000, 500);
  assert.equal(throughput.speed, 30_000 / 2_000, 'idle time does not count');
});

test('What was done more than a minute ago is forgotten', () => {
  let nowMs = 0;
  const throughput = new RecentThroughput(() => nowMs);
  throughput.add(99_000, 1_000);
  nowMs = 50_000;
  throughput.add(4_000, 1_000);
  nowMs = 61_000;
  assert.equal(throughput.speed, 4);
  nowMs = 200_000;
  assert.equal(throughput.speed, null);
});
