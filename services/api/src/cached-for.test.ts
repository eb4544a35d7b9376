import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cachedFor } from './figures/recent-answers.js';

test('An answer is given again while it is young, and asked for anew when it is old.', async () => {
  let asked = 0;
  const ask = (): Promise<number> => Promise.resolve(++asked);
  const young = cachedFor(1e9, ask);
  assert.deepEqual([await young(), await young()], [1, 1]);
  const old = cachedFor(-1, ask);
  assert.deepEqual([await old(), await old()], [2, 3]);
});
