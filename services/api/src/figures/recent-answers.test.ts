import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentAnswers, cachedFor } from './recent-answers.js';

test('Tells the median and the 95th percentile of each route by nearest rank', () => {
  const answers = new RecentAnswers(() => 0);
  for (let i = 1; i <= 100; i++) answers.add('/b', i);
  answers.add('/a', 7);
  assert.deepEqual(answers.times(), [
    { route: '/a', count: 1, p50Ms: 7, p95Ms: 7 },
    { route: '/b', count: 100, p50Ms: 50, p95Ms: 95 },
  ]);
});

test('Forgets what is older than 15 minutes or than the latest 512 of a route', () => {
  let nowMs = 0;
  const answers = new RecentAnswers(() => nowMs);
  for (let i = 0; i < 600; i++) answers.add('/a', i < 88 ? 1_000 : 5);
  assert.deepEqual(answers.times(), [{ route: '/a', count: 512, p50Ms: 5, p95Ms: 5 }]);
  nowMs = 15 * 60_000 + 1;
  answers.add('/b', 3);
  assert.deepEqual(
    answers.times().map(({ route }) => route),
    ['/b'],
  );
});

test('An answer is given again while it is young, and asked for anew when it is old.', async () => {
  let asked = 0;
  const ask = (): Promise<number> => Promise.resolve(++asked);
  const young = cachedFor(1e9, ask);
  assert.deepEqual([await young(), await young()], [1, 1]);
  const old = cachedFor(-1, ask);
  assert.deepEqual([await old(), await old()], [2, 3]);
});
