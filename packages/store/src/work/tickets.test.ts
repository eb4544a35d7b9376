import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Queue } from 'bullmq';
import { patientConnection } from '../connections.js';
import { queuePrefix } from '../keys.js';
import { TicketQueues } from './ticket-queue.js';
import { HandBack, TicketWorker } from './ticket-worker.js';
import { WorkItems, type WorkItem } from './work-items.js';
import { logger, QUIET, until, WorkStore } from '../testing/work-store.js';

let store: WorkStore;

before(async () => {
  store = await WorkStore.start();
});

after(() => store.close());

test('has one ticket on the queue while items wait, and queues the next when it is taken', async () => {
  const job = await store.newJob();
  await store.add(job, 5);
  assert.deepEqual(await store.queued(job), [1], 'one ticket, however many items');
  const items = await store.take(job, 1, 2);
  assert.deepEqual(
    items.map(({ index }) => index),
    [0, 1],
  );
  await until(async () => (await store.queued(job)).includes(2));
  assert.deepEqual(
    (await store.take(job, 2, 2)).map(({ index }) => index),
    [2, 3],
  );
  await until(async () => (await store.queued(job)).includes(3));
  assert.deepEqual(
    (await store.take(job, 3, 2)).map(({ index }) => index),
    [4],
  );
  await store.add(job, 1, 5);
  assert.deepEqual(await store.queued(job), [1, 2, 3, 4], 'an item that comes later gets a ticket of its own');
  await store.jobs.remove(job);
});

test('queues lost tickets again, the open one and those of held items, and leaves what is there', async () => {
  const job = await store.newJob();
  await store.add(job, 3);
  await store.take(job, 1, 1);
  await until(async () => (await store.queued(job)).includes(2));
  await store.queues.remove(job.modelSlug, job.id, [{ ticket: 1 }, { ticket: 2 }]);
  assert.deepEqual(await store.queued(job), []);
  await store.jobs.queueTickets(job);
  await store.jobs.queueTickets(job);
  assert.deepEqual(await store.queued(job), [1, 2]);
  assert.equal((await store.queues.counts(job.modelSlug)).waiting, 2);
  assert.deepEqual(
    (await store.take(job, 1)).map(({ index, fence }) => [index, fence]),
    [[0, 2]],
    'the held item comes again under a new fence',
  );
  await store.jobs.remove(job);
});

test('repeats the next ticket where the reply that named it was lost', async () => {
  const job = await store.newJob();
  await store.add(job, 4);
  const items = await store.take(job, 1, 2);
  await until(async () => (await store.queued(job)).includes(2));
  await store.queues.remove(job.modelSlug, job.id, [{ ticket: 2 }]);
  assert.deepEqual(await store.give(job, ...items), ['ok', 'ok']);
  assert.deepEqual(await store.give(job, ...items), ['duplicate', 'duplicate']);
  assert.deepEqual(await store.queued(job), [1, 2]);
  await store.jobs.remove(job);
});

test('hands a ticket that is handed back to another worker, with the items held under it', async () => {
  const job = await store.newJob();
  await store.add(job, 2);
  const seen: string[] = [];
  let closing: Promise<void> | undefined;
  const first = new TicketWorker(
    job.modelSlug,
    store.redis,
    {
      ticket: async (entry) => {
        assert.equal((await store.take(job, entry.ticket)).length, 2);
        seen.push('first');
        closing = first.close();
        throw new HandBack('stopping');
      },
      partial: () => Promise.resolve(),
      hasRoom: () => true,
    },
    QUIET,
  );
  await until(() => Promise.resolve(closing !== undefined));
  await closing;
  await new Promise<void>((resolve, reject) => {
    const second = new TicketWorker(
      job.modelSlug,
      store.redis,
      {
        ticket: async (entry) => {
          seen.push('second');
          const items = await store.take(job, entry.ticket);
          await store.give(job, ...items);
          if (items.length !== 2) reject(new Error(`${String(items.length)} items`));
          setImmediate(() => {
            void second.close().then(resolve);
          });
        },
        partial: () => Promise.resolve(),
        hasRoom: () => true,
      },
      QUIET,
    );
  });
  assert.deepEqual(seen, ['first', 'second']);
  await store.jobs.remove(job);
});

test('goes on where the store takes neither that a run begins nor the next ticket, and tells of both and of their end', async () => {
  const job = await store.newJob();
  await store.add(job, 3);
  const told: string[] = [];
  const trouble = { met: (error: Error) => told.push(error.message), over: () => told.push('over') };
  const gone = patientConnection(store.url, logger);
  gone.disconnect();
  const unqueued = new TicketQueues(gone);
  const cut = new WorkItems(store.redis, unqueued, job.modelSlug, trouble);
  const [first] = await cut.take({ job: job.id, ticket: 1 }, 1);
  assert.ok(first);
  await until(() => Promise.resolve(told.length === 1));
  assert.match(told.splice(0).join(), /closed/);
  assert.equal((await store.queued(job)).includes(2), false, 'the ticket is lost, …');
  await store.jobs.queueTickets(job);
  assert.ok((await store.queued(job)).includes(2), '… and is found by the owner of the job');
  await store.redis.config('SET', 'min-replicas-to-write', '1');
  try {
    await cut.begin([first]);
  } finally {
    await store.redis.config('SET', 'min-replicas-to-write', '0');
  }
  assert.match(told.splice(0).join(), /NOREPLICAS/);
  await cut.begin([first]);
  assert.deepEqual(told, ['over']);
  assert.deepEqual(await store.give(job, first), ['ok']);
  await unqueued.close().catch(() => undefined);
  await store.jobs.remove(job);
});

test('hands an entry of another version back, and drops it, which is told, once it was fetched too often', async () => {
  const slug = 'versions';
  const queue = new Queue(slug, { connection: store.redis, prefix: queuePrefix(slug) });
  const unread = ['an-utterance', 'a-ticket'].map((id) => queue.toKey(id));
  await queue.add('live', { session: 's', utterance: 0, revision: null, queuedAtMs: 0 }, { jobId: 'an-utterance' });
  await queue.add('ticket', { job: 'j', number: 1 }, { jobId: 'a-ticket' });
  for (const key of unread) await store.redis.hset(key, 'ats', 58);
  const told: string[] = [];
  let fetches = 0;
  const worker = new TicketWorker(
    slug,
    store.redis,
    { ticket: () => Promise.reject(new Error('read')), partial: () => Promise.resolve(), hasRoom: () => true },
    {
      ...QUIET,
      onFetch: () => {
        fetches++;
      },
      onError: (error) => told.push(error.message),
    },
  );
  await until(async () => (await store.redis.exists(...unread)) === 0);
  await worker.close();
  await queue.close();
  assert.ok(fetches >= 4, `${String(fetches)} fetches: each entry is handed back once more before it is dropped`);
  assert.deepEqual(told.map((message) => /^The entry \S+ \(\S+\)/.exec(message)?.[0]).sort(), [
    'The entry a-ticket (ticket)',
    'The entry an-utterance (live)',
  ]);
});

test(
  'hands a ticket to another worker when its worker stands still, and rejects what comes late',
  { timeout: 60_000 },
  async () => {
    const job = await store.newJob();
    await store.add(job, 1);
    const dead = patientConnection(store.url, logger);
    let late: WorkItem | undefined;
    let goOn: () => void = () => undefined;
    const still = new TicketWorker(
      job.modelSlug,
      dead,
      {
        ticket: async (entry) => {
          late = await store.takeOne(job, entry.ticket);
          // Its connection goes, so that no lock is extended: as with a process that was killed.
          dead.disconnect();
          await new Promise<void>((resolve) => {
            goOn = resolve;
          });
        },
        partial: () => Promise.resolve(),
        hasRoom: () => true,
      },
      QUIET,
    );
    await until(() => Promise.resolve(late !== undefined));
    let items: WorkItem[] = [];
    const other = new TicketWorker(
      job.modelSlug,
      store.redis,
      {
        ticket: async (entry) => {
          items = await store.take(job, entry.ticket);
          await store.give(job, ...items);
        },
        partial: () => Promise.resolve(),
        hasRoom: () => true,
      },
      QUIET,
    );
    await until(() => Promise.resolve(items.length > 0));
    await other.close();
    assert.deepEqual(await store.give(job, late as WorkItem), ['duplicate']);
    goOn();
    await still.close();
    await store.jobs.remove(job);
  },
);
