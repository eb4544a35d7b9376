import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { BatcherRow } from '../scheduler/batcher.js';
import { ItemStore, itemWorker, rowOf } from '../testing/item-store.js';
import { CancelledJobs } from './cancelled-jobs.js';

let store: ItemStore;

before(async () => {
  store = await ItemStore.start();
});

after(() => store.close());

test('works on a job that has the id of one that was taken back, and gives it nothing of that one', async () => {
  const cancelled = new CancelledJobs();
  const rows: BatcherRow[] = [];
  let release: () => void = () => undefined;
  let begun: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const running = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const worker = itemWorker(
    store,
    async (row) => {
      if (rows.push(row) > 1) return rowOf('of the second');
      begun();
      await held;
      return rowOf('of the first');
    },
    undefined,
    cancelled,
  );
  const ticket = { job: 'again', ticket: 1, lane: 'interactive' } as const;
  const first = await store.newJob('again', 1);
  const before = worker.handle(ticket);
  await running;
  await store.jobs.remove(first);
  cancelled.add('again');
  await worker.handle(ticket);
  assert.equal(rows.length, 1, 'a ticket of a job that is gone brings nothing');
  await store.newJob('again', 1);
  assert.equal(rows[0]?.cancelled(), true);
  release();
  await before;
  await worker.handle(ticket);
  assert.equal(rows[1]?.cancelled(), false);
  const results = await store.redis.xrange('murm:{j.again}:events', '-', '+');
  assert.deepEqual(
    results.flatMap(([, fields]) => fields.join(' ').match(/of the (first|second)/)?.[1] ?? []),
    ['second'],
  );
});

test('forgets the oldest of many cancelled jobs', () => {
  const cancelled = new CancelledJobs(2);
  for (const job of ['a', 'b', 'a', 'c']) cancelled.add(job);
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((job) => cancelled.has(job)),
    [true, false, true, false],
  );
  assert.equal(cancelled.has('a', 2), true);
  assert.equal(cancelled.has('a', 3), false);
});
