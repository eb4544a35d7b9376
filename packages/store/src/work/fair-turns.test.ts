import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { decodeOptionsSchema, type ChunkResult } from '@murmuration/contracts';
import type { JobIdentity } from '../job-store.js';
import { testChunk, testResult } from '../testing/fixtures.js';
import { TicketWorker } from './ticket-worker.js';
import { WorkItems } from './work-items.js';
import { QUIET, until, WorkStore } from '../testing/work-store.js';

let store: WorkStore;

before(async () => {
  store = await WorkStore.start();
});

after(() => store.close());

function segment(text: string): ChunkResult['segments'][number] {
  return {
    startMs: 0,
    endMs: 10,
    text,
    channel: 0,
    confidence: 1,
    avgLogprob: 0,
    noSpeechProb: 0,
    compressionRatio: 1,
    temperature: 0,
    tokens: [],
  };
}

test('goes item by item until the language is found, and tells it to the items after', async () => {
  const job: JobIdentity = { ...(await store.newJob()), id: 'language', awaitsLanguage: true };
  await store.jobs.create(job);
  await store.add(job, 3);
  const [first, none] = await store.take(job, 1);
  assert.ok(first !== undefined && none === undefined);
  assert.deepEqual(await store.queued(job), [1], 'no ticket while the first item decides');
  await store.give(job, first);
  assert.deepEqual(
    await store.queued(job),
    [1, 2],
    'an item without text decides nothing, and the next has its ticket',
  );
  const second = await store.takeOne(job, 2);
  assert.equal(second.decode.language, null);
  await store
    .itemsOf(job)
    .give([{ item: second, result: { ...testResult(1), language: 'de', segments: [segment('guten Tag')] } }]);
  assert.equal((await store.takeOne(job, 3)).decode.language, 'de');
  await store.jobs.remove(job);
});

test('leaves the language to the next item where it is unsure, but not for ever', async () => {
  const job: JobIdentity = { ...(await store.newJob()), id: 'unsure', awaitsLanguage: true };
  await store.jobs.create(job);
  await store.add(job, 5);
  for (const index of [0, 1, 2, 3]) {
    const item = await store.takeOne(job, index + 1);
    assert.equal(item.decode.language, null, `item ${String(index)}`);
    await store
      .itemsOf(job)
      .give([
        { item, result: { ...testResult(index), language: 'nn', languageProbability: 0.3, segments: [segment('hm')] } },
      ]);
  }
  assert.equal((await store.takeOne(job, 5)).decode.language, 'nn');
  await store.jobs.remove(job);
});

test('goes item by item where each continues the text before', async () => {
  const job: JobIdentity = {
    ...(await store.newJob()),
    id: 'continued',
    decode: decodeOptionsSchema.parse({ conditionOnPreviousText: true }),
  };
  await store.jobs.create(job);
  await store.add(job, 3);
  const first = await store.takeOne(job, 1);
  assert.equal(first.textBefore, '');
  await store
    .itemsOf(job)
    .give([{ item: first, result: { ...testResult(0), segments: [segment('one'), segment('two')] } }]);
  assert.equal((await store.takeOne(job, 2)).textBefore, 'one two');
  await store.jobs.remove(job);
});

test('shares the queue among jobs by rotation, a batch of each in turn', async () => {
  const slug = 'rotation';
  const made: JobIdentity[] = [];
  for (const count of [30, 10, 20]) {
    const job = await store.newJob(null, 'batch', slug);
    await store.add(job, count);
    made.push(job);
  }
  const order: string[] = [];
  const items = new WorkItems(store.redis, store.queues, slug);
  let free = true;
  const worker: TicketWorker = new TicketWorker(
    slug,
    store.redis,
    {
      ticket: async (entry) => {
        free = false;
        const taken = await items.take(entry, 5);
        order.push(...taken.map((item) => item.job));
        await items.give(taken.map((item) => ({ item, result: testResult(item.index) })));
        free = true;
        worker.roomChanged();
      },
      partial: () => Promise.resolve(),
      hasRoom: () => free,
    },
    QUIET,
  );
  await until(() => Promise.resolve(order.length === 60));
  await worker.close();
  const ids = made.map(({ id }) => id);
  const rounds = order.filter((_job, at) => at % 5 === 0);
  assert.deepEqual(rounds.slice(0, 6).sort(), [...ids, ...ids].sort(), 'two rounds, each job twice');
  assert.deepEqual(
    rounds.slice(6).filter((job) => job === ids[1]),
    [],
    'the shortest is done after two rounds',
  );
  for (const job of made) await store.jobs.remove(job);
});

test('shares by the length of the audio: jobs of long items and jobs of short ones progress alike', async () => {
  const slug = 'seconds';
  const made: { readonly job: JobIdentity; readonly itemMs: number }[] = [];
  for (const [at, itemMs] of [14_000, 1_700, 6_300, 9_100, 14_000, 2_000, 4_400, 14_000, 3_000, 7_000].entries()) {
    const job = await store.newJob(null, 'batch', slug);
    // Of unequal length, too: from 200 s to 650 s.
    const count = Math.ceil(((200 + 50 * at) * 1_000) / itemMs);
    await store.jobs.addItems(
      job,
      Array.from({ length: count }, (_, index) => ({ ...testChunk(index), samples: itemMs * 16 })),
    );
    made.push({ job, itemMs });
  }
  const doneMs = new Map(made.map(({ job }) => [job.id, 0]));
  const items = new WorkItems(store.redis, store.queues, slug);
  let free = true;
  let enough = false;
  const worker: TicketWorker = new TicketWorker(
    slug,
    store.redis,
    {
      ticket: async (entry) => {
        free = false;
        const taken = await items.take(entry, 32, 28_000);
        const itemMs = made.find(({ job }) => job.id === entry.job)?.itemMs ?? 0;
        doneMs.set(entry.job, (doneMs.get(entry.job) ?? 0) + itemMs * taken.length);
        await items.give(taken.map((item) => ({ item, result: testResult(item.index) })));
        // The shortest is nearly done.
        enough ||= Math.max(...doneMs.values()) >= 195_000;
        free = !enough;
        worker.roomChanged();
      },
      partial: () => Promise.resolve(),
      hasRoom: () => free,
    },
    QUIET,
  );
  await until(() => Promise.resolve(enough));
  await worker.close();
  const done = [...doneMs.values()];
  // Items are whole, and the round is not at its end.
  assert.ok(Math.max(...done) - Math.min(...done) <= 28_000 + 14_000, done.join(' '));
  for (const { job } of made) await store.jobs.remove(job);
});
