import assert from 'node:assert/strict';
import { test } from 'node:test';
import { awaitedLater, leaveAlone, leftAloneCounts } from './left-alone.js';

test('A failure that is left alone is counted by its reason and answered', async () => {
  const before = leftAloneCounts().get('closing') ?? 0;
  assert.equal(await Promise.reject<number>(new Error('gone')).catch(leaveAlone('closing')), undefined);
  assert.equal(await Promise.reject<number>(new Error('gone')).catch(leaveAlone('closing', 7)), 7);
  assert.equal(await Promise.resolve(3).catch(leaveAlone('closing', 7)), 3);
  assert.equal(leftAloneCounts().get('closing'), before + 2);
});

test('A promise that is awaited later keeps its failure', async () => {
  const failed = Promise.reject(new Error('told later'));
  awaitedLater(failed);
  await new Promise(setImmediate);
  await assert.rejects(failed, /told later/);
});
