import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterCrashes } from './transcribe-items.js';

test('An item runs with others until a worker dies over it, then alone twice, then fails', () => {
  assert.deepEqual([0, 1, 2, 3, 4].map(afterCrashes), ['batched', 'alone', 'alone', 'fails', 'fails']);
});
