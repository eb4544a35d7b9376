import assert from 'node:assert/strict';
import { test } from 'node:test';
import { workMs } from './work-clock.js';

test('Work counts and waiting does not', { skip: process.platform !== 'linux' }, async () => {
  const began = workMs();
  let sum = 0;
  for (let at = 0; at < 20_000_000; at++) sum = (sum + at) % 1_000_003;
  assert.ok(sum >= 0);
  const workedMs = workMs() - began;
  assert.ok(workedMs > 1, 'twenty million steps take more than a millisecond of any processor');
  const before = workMs();
  const waitedFromMs = performance.now();
  await new Promise((resolve) => {
    setTimeout(resolve, 200);
  });
  assert.ok(workMs() - before < (performance.now() - waitedFromMs) / 2);
});
