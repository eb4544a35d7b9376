import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manyWorkers } from './simulated-workers.js';

test('simulated workers take chunks off the real queue while others wait, and Redis is measured', async () => {
  const measured = await manyWorkers({ workers: 2, batchMs: 20, batches: 3, waiting: 700 });
  assert.ok(measured.chunksPerSecond > 0);
  assert.ok(measured.busyShare > 0 && measured.busyShare <= 1, String(measured.busyShare));
  assert.ok(measured.redisShare > 0 && measured.redisMicroseconds > 0);
  assert.ok(measured.commands > 1 && measured.redisMegabytes > 0.5);
});
