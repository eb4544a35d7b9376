import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AsrError } from '@murmuration/contracts';
import { subscriberConnection } from '../connections.js';
import { jobKeys } from '../keys.js';
import { testChunk } from '../testing/fixtures.js';
import { JobStore } from '../job-store.js';
import { attemptOf } from './held-items.js';
import { onCancelled, type WorkItem } from './work-items.js';
import { logger, PCM, until, WorkStore } from '../testing/work-store.js';

let store: WorkStore;

before(async () => {
  store = await WorkStore.start();
});

after(() => store.close());

test('releases results that come out of order in order, each once, and ends the job with the last', async () => {
  const job = await store.newJob();
  await store.add(job, 3);
  await store.jobs.endOfChunks(job);
  const items = await store.take(job, 1);
  assert.deepEqual(
    items.map(({ index }) => index),
    [0, 1, 2],
  );
  for (const at of [2, 0, 1]) assert.deepEqual(await store.give(job, items[at] as WorkItem), ['ok']);
  const list = await store.told(job);
  assert.deepEqual(
    list.map((event) => (event.type === 'result' ? event.result.index : event.type)),
    [0, 1, 2, 'assembling'],
  );
  const rest = await store.told(job, list[1]?.id ?? '');
  assert.deepEqual(
    rest.map((event) => (event.type === 'result' ? event.result.index : event.type)),
    [2, 'assembling'],
    'a reader continues after the id it names',
  );
  await store.jobs.remove(job);
  assert.equal((await store.redis.keys(`murm:*${job.id}}*`)).length, 0, 'nothing of a removed job is left');
});

test('stores the results of one batch in one call, whatever their order', async () => {
  const job = await store.newJob();
  await store.add(job, 5);
  await store.jobs.endOfChunks(job);
  const items = await store.take(job, 1);
  const [first, second, third, fourth, fifth] = items as [WorkItem, WorkItem, WorkItem, WorkItem, WorkItem];
  assert.deepEqual(await store.give(job, fifth, third, second), ['ok', 'ok', 'ok']);
  assert.deepEqual(await store.give(job, fourth, first), ['ok', 'ok']);
  assert.deepEqual(
    (await store.told(job)).map((event) => (event.type === 'result' ? event.result.index : event.type)),
    [0, 1, 2, 3, 4, 'assembling'],
  );
  await store.jobs.remove(job);
});

test('ends a job whose items are all done before the planning ends', async () => {
  const job = await store.newJob();
  await store.add(job, 1);
  await store.give(job, await store.takeOne(job, 1));
  await store.jobs.endOfChunks(job);
  assert.deepEqual(
    (await store.told(job)).map((event) => event.type),
    ['result', 'assembling'],
  );
  await store.jobs.remove(job);
});

test('ends a recording without speech at once', async () => {
  const job = await store.newJob();
  await store.jobs.endOfChunks(job);
  assert.deepEqual(
    (await store.told(job)).map((event) => event.type),
    ['assembling'],
  );
  await store.jobs.remove(job);
});

test('rejects the result of a stale fence, and takes a result once', async () => {
  const job = await store.newJob();
  await store.add(job, 2);
  const [first] = await store.take(job, 1);
  const [second] = await store.take(job, 1);
  assert.ok(first !== undefined && second !== undefined);
  assert.equal(second.fence, first.fence + 1, 'a ticket that comes again brings its items under new fences');
  assert.deepEqual(await store.give(job, first), ['stale']);
  assert.deepEqual(await store.give(job, second), ['ok']);
  assert.deepEqual(await store.give(job, second), ['duplicate']);
  assert.deepEqual(
    (await store.take(job, 1)).map(({ index }) => index),
    [1],
    'an item that is done is not handed out again',
  );
  await store.jobs.remove(job);
});

test('rejects what is given of a job that had the id before, as a result, as a failure and as a sign that audio may go', async () => {
  const first = await store.newJob();
  await store.add(first, 2);
  const old = await store.take(first, 1);
  await store.jobs.withdraw(first, { code: 'cancelled', message: '', param: null, retryAfterSeconds: null });
  const jobs = new JobStore(store.redis, store.queues, store.audio, 30_000);
  assert.ok(await jobs.create(first));
  await jobs.storeAudio(first, testChunk(1), PCM);
  assert.equal(await jobs.addChunk(first, testChunk(0), PCM), true);
  const [place] = await jobs.tickets(first);
  assert.ok(place);
  assert.ok(!(await store.queued(first)).includes(place.ticket), 'its tickets are none of the first job’s');
  const items = store.itemsOf(first);
  const [taken] = await items.take({ job: first.id, ticket: place.ticket }, 100);
  assert.ok(taken);
  assert.deepEqual(await store.give(first, ...old), ['stale', 'stale']);
  assert.equal(
    await items.fail(old[0] ?? taken, { code: 'internal', message: '', param: null, retryAfterSeconds: null }),
    'stale',
  );
  assert.deepEqual([attemptOf(taken), taken.crashes], [1, 0]);
  assert.deepEqual(await store.give(first, taken), ['ok']);
  await jobs.remove(first);
});

test('rejects a failure with a stale fence, so that a worker that lost an item cannot fail its job', async () => {
  const job = await store.newJob();
  await store.add(job, 1);
  const lost = await store.takeOne(job, 1);
  const held = await store.takeOne(job, 1);
  const error = { code: 'transcription_failed', message: 'x', param: null, retryAfterSeconds: null } as const;
  assert.equal(await store.itemsOf(job).fail(lost, error), 'stale');
  assert.deepEqual(await store.give(job, held), ['ok']);
  assert.equal(await store.itemsOf(job).fail(held, error), 'duplicate');
  await store.jobs.remove(job);
});

test('counts a crash for an item whose batch had begun, none for one that only waited', async () => {
  const job = await store.newJob();
  await store.add(job, 2);
  const [running] = await store.take(job, 1);
  assert.ok(running);
  await store.itemsOf(job).begin([running]);
  await store.itemsOf(job).begin([running]);
  const again = await store.take(job, 1);
  assert.deepEqual(
    again.map(({ index, crashes }) => [index, crashes]).sort(),
    [
      [0, 1],
      [1, 0],
    ],
    'a batch that is begun twice is one crash',
  );
  assert.deepEqual(
    (await store.take(job, 1)).map(({ crashes }) => crashes).sort(),
    [0, 1],
    'being handed out is no crash',
  );
  await store.jobs.remove(job);
});

test('keeps an item that a failover took back apart from one that is done: its result is stale, its audio is still needed', async () => {
  const job = await store.newJob();
  await store.add(job, 1);
  const keys = jobKeys(job.id);
  const before = await Promise.all([keys.job, keys.pending].map((key) => store.redis.dumpBuffer(key)));
  const item = await store.takeOne(job, 1);
  // A replica that had not heard of the taking has become the master.
  await store.redis.del(keys.tries);
  await store.redis.restore(keys.job, 30_000, before[0] as Buffer, 'REPLACE');
  await store.redis.restore(keys.pending, 30_000, before[1] as Buffer, 'REPLACE');
  assert.deepEqual(await store.give(job, item), ['stale']);
  assert.equal(await store.itemsOf(job).fail(item, new AsrError('internal').toRecord()), 'stale');
  assert.deepEqual(await store.give(job, await store.takeOne(job, 1)), ['ok']);
});

test('takes an item that is added twice once', async () => {
  const job = await store.newJob();
  await store.add(job, 1);
  await store.add(job, 1);
  assert.equal((await store.take(job, 1)).length, 1);
  await store.jobs.remove(job);
});

test('adds several items at once, those that are there already a second time without effect', async () => {
  const job = await store.newJob();
  for (let i = 0; i < 5; i++) await store.jobs.storeAudio(job, testChunk(i), PCM);
  assert.equal(await store.jobs.addItems(job, [testChunk(0), testChunk(1)]), true);
  assert.equal(await store.jobs.addItems(job, [testChunk(1), testChunk(2), testChunk(3), testChunk(4)]), true);
  assert.equal(await store.jobs.addItems(job, [testChunk(3), testChunk(4)]), true);
  assert.equal(await store.jobs.addItems(job, []), true);
  assert.equal(await store.redis.hget(`murm:{j.${job.id}}:job`, 'planned'), '5');
  assert.deepEqual(
    (await store.take(job, 1)).map((item) => item.index),
    [0, 1, 2, 3, 4],
  );
  await store.jobs.end(job, 'cancelled', null);
  assert.equal(await store.jobs.addItems(job, [testChunk(5)]), false);
  await store.jobs.remove(job);
});

test('takes no item of a cancelled job, hands none out, and tells the workers', async () => {
  const job = await store.newJob();
  const heard: string[] = [];
  const listener = subscriberConnection(store.url, logger);
  await onCancelled(listener, (id) => heard.push(id));
  await store.add(job, 1);
  const item = await store.takeOne(job, 1);
  await store.jobs.end(job, 'cancelled', null);
  await store.jobs.end(job, 'cancelled', null);
  assert.equal(await store.jobs.addChunk(job, testChunk(1), PCM), false);
  assert.deepEqual(await store.take(job, 1), []);
  assert.deepEqual(await store.give(job, item), ['gone']);
  assert.deepEqual(
    (await store.told(job)).map((event) => event.type),
    ['cancelled'],
  );
  await store.jobs.remove(job);
  await until(() => Promise.resolve(heard.length > 0));
  assert.deepEqual(heard, [job.id]);
  listener.disconnect();
});

test('gives every key of a job a time to live, so that a job whose API node died expires', async () => {
  const job = await store.newJob();
  await store.add(job, 4);
  const items = await store.take(job, 1, 3);
  await store.give(job, items[0] as WorkItem);
  await store.give(job, items[2] as WorkItem);
  const named = jobKeys(job.id);
  const keys = [named.job, named.chunks, named.pending, named.tries, named.results, named.events, named.pcm];
  const found = await store.redis.keys(`murm:*${job.id}}*`);
  assert.equal(found.length, keys.length);
  for (const key of found) {
    assert.ok(keys.includes(key), key);
    assert.ok((await store.redis.pttl(key)) > 0, `${key} has no time to live`);
  }
  assert.equal(await store.jobs.renew(job), true);
  await store.jobs.remove(job);
  assert.equal(await store.jobs.renew(job), false);
});

test('takes results and failures while Redis is at its memory limit', async () => {
  const [done, failed] = [await store.newJob(), await store.newJob()];
  for (const job of [done, failed]) await store.add(job, 1);
  await store.jobs.endOfChunks(done);
  const [item, poison] = [await store.takeOne(done, 1), await store.takeOne(failed, 1)];
  await store.redis.config('SET', 'maxmemory', '1000000');
  try {
    await assert.rejects(store.redis.set('any', 'thing'), /OOM/);
    assert.deepEqual(await store.give(done, item), ['ok']);
    assert.equal(
      await store.itemsOf(failed).fail(poison, {
        code: 'transcription_failed',
        message: 'x',
        param: null,
        retryAfterSeconds: null,
      }),
      'ok',
    );
  } finally {
    await store.redis.config('SET', 'maxmemory', '512mb');
  }
  assert.deepEqual(
    (await store.told(done)).map((event) => event.type),
    ['result', 'assembling'],
  );
  for (const job of [done, failed]) await store.jobs.remove(job);
});

test('Jobs in progress are listed for everybody or for one owner, whose things are never cut off by those of others', async () => {
  const before = await store.jobs.inProgress.list(1_000, 'everybody');
  const made = [];
  for (const owner of ['acme', 'bolt', 'acme', null]) made.push(await store.newJob(owner));
  const ids = (list: readonly { readonly id: string }[]): string[] => list.map((job) => job.id).sort();
  assert.deepEqual(ids(await store.jobs.inProgress.list(1_000, 'everybody')), [...ids(before), ...ids(made)].sort());
  assert.deepEqual(
    ids(await store.jobs.inProgress.list(2, { owner: 'acme' })),
    ids(made.filter((job) => job.owner === 'acme')),
  );
  assert.deepEqual(
    (await store.jobs.inProgress.list(1_000, { owner: 'bolt' })).map((job) => job.owner),
    ['bolt'],
  );
  assert.deepEqual(await store.jobs.inProgress.list(1_000, { owner: '' }), []);
  assert.equal((await store.jobs.inProgress.list(1, 'everybody')).length, 1);
  for (const job of made) await store.jobs.remove(job);
});
