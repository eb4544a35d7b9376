import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Queue } from 'bullmq';
import { AsrError, decodeOptionsSchema, type ChunkResult } from '@murmuration/contracts';
import { createLogger } from '@murmuration/runtime';
import type { AudioStore } from '../audio-store/audio-store.js';
import { openAudioStore } from '../audio-store/open-audio-store.js';
import { patientConnection, subscriberConnection, type Redis } from '../connections.js';
import { JobEvents, type StreamedEvent } from '../job-stream.js';
import { JobStore, type JobIdentity } from '../job-store.js';
import { jobKeys, queuePrefix } from '../keys.js';
import { WakeChannels } from '../live/wake-channels.js';
import { testChunk, testResult } from '../testing/fixtures.js';
import { startRedis, type TestRedis } from '../testing/start-redis.js';
import { TicketQueues } from './ticket-queue.js';
import { HandBack, TicketWorker } from './ticket-worker.js';
import type { Taken } from './held-items.js';
import { WorkItems, onCancelled, type WorkItem } from './work-items.js';

const logger = createLogger({ service: 'test', level: 'silent' });
let server: TestRedis;
let redis: Redis;
let subscriber: Redis;
let queues: TicketQueues;
let audio: AudioStore;
let jobs: JobStore;
let events: JobEvents;
let nextId = 1;

before(async () => {
  server = await startRedis();
  redis = patientConnection(server.url, logger);
  subscriber = subscriberConnection(server.url, logger);
  queues = new TicketQueues(redis);
  audio = await openAudioStore({ kind: 'redis', url: server.url, budgetBytes: 100_000_000 }, redis, (url) =>
    patientConnection(url, logger),
  );
  jobs = new JobStore(redis, queues, audio, 30_000);
  events = new JobEvents(redis, new WakeChannels(subscriber));
});

after(async () => {
  await queues.close();
  audio.close();
  subscriber.disconnect();
  await redis.quit();
  await server.close();
});

async function newJob(
  owner: string | null = null,
  lane: JobIdentity['lane'] = 'interactive',
  modelSlug?: string,
): Promise<JobIdentity> {
  const id = `t${String(nextId++)}`;
  const job: JobIdentity = {
    id,
    lane,
    modelId: id,
    modelSlug: modelSlug ?? `model-${id}`,
    decode: decodeOptionsSchema.parse({}),
    awaitsLanguage: false,
    owner,
  };
  await jobs.create(job);
  return job;
}

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

const PCM = new Uint8Array(320).fill(7);

async function add(job: JobIdentity, count: number, from = 0): Promise<void> {
  for (let i = from; i < from + count; i++) assert.equal(await jobs.addChunk(job, testChunk(i), PCM), true);
}

function itemsOf(job: JobIdentity): WorkItems {
  return new WorkItems(redis, queues, job.modelSlug);
}

function take(job: JobIdentity, ticket: number, limit = 100): Promise<WorkItem[]> {
  return itemsOf(job).take({ job: job.id, ticket }, limit);
}

async function takeOne(job: JobIdentity, ticket: number): Promise<WorkItem> {
  const [item] = await take(job, ticket, 1);
  assert.ok(item);
  return item;
}

function give(job: JobIdentity, ...items: WorkItem[]): Promise<Taken[]> {
  return itemsOf(job).give(items.map((item) => ({ item, result: testResult(item.index) })));
}

/** Numbers of the job's tickets that the queue knows. */
async function queued(job: JobIdentity): Promise<number[]> {
  const all = Array.from({ length: 20 }, (_, at) => ({ job: job.id, ticket: at + 1 }));
  const missing = new Set((await queues.missing(job.modelSlug, all)).map(({ ticket }) => ticket));
  return all.map(({ ticket }) => ticket).filter((ticket) => !missing.has(ticket));
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition()))
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
}

async function all(job: JobIdentity, afterId = '0'): Promise<StreamedEvent[]> {
  const list: StreamedEvent[] = [];
  for await (const event of events.follow(job.id, afterId, AbortSignal.timeout(10_000))) {
    list.push(event);
    if (event.type === 'assembling') break;
  }
  return list;
}

test('releases results that come out of order in order, each once, and ends the job with the last', async () => {
  const job = await newJob();
  await add(job, 3);
  await jobs.endOfChunks(job);
  const items = await take(job, 1);
  assert.deepEqual(
    items.map(({ index }) => index),
    [0, 1, 2],
  );
  for (const at of [2, 0, 1]) assert.deepEqual(await give(job, items[at] as WorkItem), ['ok']);
  const list = await all(job);
  assert.deepEqual(
    list.map((event) => (event.type === 'result' ? event.result.index : event.type)),
    [0, 1, 2, 'assembling'],
  );
  const rest = await all(job, list[1]?.id ?? '');
  assert.deepEqual(
    rest.map((event) => (event.type === 'result' ? event.result.index : event.type)),
    [2, 'assembling'],
    'a reader continues after the id it names',
  );
  await jobs.remove(job);
  assert.equal((await redis.keys(`murm:*${job.id}}*`)).length, 0, 'nothing of a removed job is left');
});

test('stores the results of one batch in one call, whatever their order', async () => {
  const job = await newJob();
  await add(job, 5);
  await jobs.endOfChunks(job);
  const items = await take(job, 1);
  const [first, second, third, fourth, fifth] = items as [WorkItem, WorkItem, WorkItem, WorkItem, WorkItem];
  assert.deepEqual(await give(job, fifth, third, second), ['ok', 'ok', 'ok']);
  assert.deepEqual(await give(job, fourth, first), ['ok', 'ok']);
  assert.deepEqual(
    (await all(job)).map((event) => (event.type === 'result' ? event.result.index : event.type)),
    [0, 1, 2, 3, 4, 'assembling'],
  );
  await jobs.remove(job);
});

test('ends a job whose items are all done before the planning ends', async () => {
  const job = await newJob();
  await add(job, 1);
  await give(job, await takeOne(job, 1));
  await jobs.endOfChunks(job);
  assert.deepEqual(
    (await all(job)).map((event) => event.type),
    ['result', 'assembling'],
  );
  await jobs.remove(job);
});

test('ends a recording without speech at once', async () => {
  const job = await newJob();
  await jobs.endOfChunks(job);
  assert.deepEqual(
    (await all(job)).map((event) => event.type),
    ['assembling'],
  );
  await jobs.remove(job);
});

test('has one ticket on the queue while items wait, and queues the next when it is taken', async () => {
  const job = await newJob();
  await add(job, 5);
  assert.deepEqual(await queued(job), [1], 'one ticket, however many items');
  const items = await take(job, 1, 2);
  assert.deepEqual(
    items.map(({ index }) => index),
    [0, 1],
  );
  await until(async () => (await queued(job)).includes(2));
  assert.deepEqual(
    (await take(job, 2, 2)).map(({ index }) => index),
    [2, 3],
  );
  await until(async () => (await queued(job)).includes(3));
  assert.deepEqual(
    (await take(job, 3, 2)).map(({ index }) => index),
    [4],
  );
  await add(job, 1, 5);
  assert.deepEqual(await queued(job), [1, 2, 3, 4], 'an item that comes later gets a ticket of its own');
  await jobs.remove(job);
});

test('rejects the result of a stale fence, and takes a result once', async () => {
  const job = await newJob();
  await add(job, 2);
  const [first] = await take(job, 1);
  const [second] = await take(job, 1);
  assert.ok(first !== undefined && second !== undefined);
  assert.equal(second.fence, first.fence + 1, 'a ticket that comes again brings its items under new fences');
  assert.deepEqual(await give(job, first), ['stale']);
  assert.deepEqual(await give(job, second), ['ok']);
  assert.deepEqual(await give(job, second), ['duplicate']);
  assert.deepEqual(
    (await take(job, 1)).map(({ index }) => index),
    [1],
    'an item that is done is not handed out again',
  );
  await jobs.remove(job);
});

test('rejects a failure with a stale fence, so that a worker that lost an item cannot fail its job', async () => {
  const job = await newJob();
  await add(job, 1);
  const lost = await takeOne(job, 1);
  const held = await takeOne(job, 1);
  const error = { code: 'transcription_failed', message: 'x', param: null, retryAfterSeconds: null } as const;
  assert.equal(await itemsOf(job).fail(lost, error), 'stale');
  assert.deepEqual(await give(job, held), ['ok']);
  assert.equal(await itemsOf(job).fail(held, error), 'duplicate');
  await jobs.remove(job);
});

test('counts a crash for an item whose batch had begun, none for one that only waited', async () => {
  const job = await newJob();
  await add(job, 2);
  const [running] = await take(job, 1);
  assert.ok(running);
  await itemsOf(job).begin([running]);
  await itemsOf(job).begin([running]);
  const again = await take(job, 1);
  assert.deepEqual(
    again.map(({ index, crashes }) => [index, crashes]).sort(),
    [
      [0, 1],
      [1, 0],
    ],
    'a batch that is begun twice is one crash',
  );
  assert.deepEqual((await take(job, 1)).map(({ crashes }) => crashes).sort(), [0, 1], 'being handed out is no crash');
  await jobs.remove(job);
});

test('goes item by item until the language is found, and tells it to the items after', async () => {
  const job: JobIdentity = { ...(await newJob()), id: 'language', awaitsLanguage: true };
  await jobs.create(job);
  await add(job, 3);
  const [first, none] = await take(job, 1);
  assert.ok(first !== undefined && none === undefined);
  assert.deepEqual(await queued(job), [1], 'no ticket while the first item decides');
  await give(job, first);
  assert.deepEqual(await queued(job), [1, 2], 'an item without text decides nothing, and the next has its ticket');
  const second = await takeOne(job, 2);
  assert.equal(second.decode.language, null);
  await itemsOf(job).give([
    { item: second, result: { ...testResult(1), language: 'de', segments: [segment('guten Tag')] } },
  ]);
  assert.equal((await takeOne(job, 3)).decode.language, 'de');
  await jobs.remove(job);
});

test('leaves the language to the next item where it is unsure, but not for ever', async () => {
  const job: JobIdentity = { ...(await newJob()), id: 'unsure', awaitsLanguage: true };
  await jobs.create(job);
  await add(job, 5);
  for (const index of [0, 1, 2, 3]) {
    const item = await takeOne(job, index + 1);
    assert.equal(item.decode.language, null, `item ${String(index)}`);
    await itemsOf(job).give([
      { item, result: { ...testResult(index), language: 'nn', languageProbability: 0.3, segments: [segment('hm')] } },
    ]);
  }
  assert.equal((await takeOne(job, 5)).decode.language, 'nn');
  await jobs.remove(job);
});

test('goes item by item where each continues the text before', async () => {
  const job: JobIdentity = {
    ...(await newJob()),
    id: 'continued',
    decode: decodeOptionsSchema.parse({ conditionOnPreviousText: true }),
  };
  await jobs.create(job);
  await add(job, 3);
  const first = await takeOne(job, 1);
  assert.equal(first.textBefore, '');
  await itemsOf(job).give([{ item: first, result: { ...testResult(0), segments: [segment('one'), segment('two')] } }]);
  assert.equal((await takeOne(job, 2)).textBefore, 'one two');
  await jobs.remove(job);
});

test('queues lost tickets again, the open one and those of held items, and leaves what is there', async () => {
  const job = await newJob();
  await add(job, 3);
  await take(job, 1, 1);
  await until(async () => (await queued(job)).includes(2));
  await queues.remove(job.modelSlug, job.id, [{ ticket: 1 }, { ticket: 2 }]);
  assert.deepEqual(await queued(job), []);
  await jobs.queueTickets(job);
  await jobs.queueTickets(job);
  assert.deepEqual(await queued(job), [1, 2]);
  assert.equal((await queues.counts(job.modelSlug)).waiting, 2);
  assert.deepEqual(
    (await take(job, 1)).map(({ index, fence }) => [index, fence]),
    [[0, 2]],
    'the held item comes again under a new fence',
  );
  await jobs.remove(job);
});

test('keeps an item that a failover took back apart from one that is done: its result is stale, its audio is still needed', async () => {
  const job = await newJob();
  await add(job, 1);
  const keys = jobKeys(job.id);
  const before = await Promise.all([keys.job, keys.pending].map((key) => redis.dumpBuffer(key)));
  const item = await takeOne(job, 1);
  // A replica that had not heard of the taking has become the master.
  await redis.del(keys.tries);
  await redis.restore(keys.job, 30_000, before[0] as Buffer, 'REPLACE');
  await redis.restore(keys.pending, 30_000, before[1] as Buffer, 'REPLACE');
  assert.deepEqual(await give(job, item), ['stale']);
  assert.equal(await itemsOf(job).fail(item, new AsrError('internal').toRecord()), 'stale');
  assert.deepEqual(await give(job, await takeOne(job, 1)), ['ok']);
});

test('repeats the next ticket where the reply that named it was lost', async () => {
  const job = await newJob();
  await add(job, 4);
  const items = await take(job, 1, 2);
  await until(async () => (await queued(job)).includes(2));
  await queues.remove(job.modelSlug, job.id, [{ ticket: 2 }]);
  assert.deepEqual(await give(job, ...items), ['ok', 'ok']);
  assert.deepEqual(await give(job, ...items), ['duplicate', 'duplicate']);
  assert.deepEqual(await queued(job), [1, 2]);
  await jobs.remove(job);
});

test('takes an item that is added twice once', async () => {
  const job = await newJob();
  await add(job, 1);
  await add(job, 1);
  assert.equal((await take(job, 1)).length, 1);
  await jobs.remove(job);
});

test('adds several items at once, those that are there already a second time without effect', async () => {
  const job = await newJob();
  for (let i = 0; i < 5; i++) await jobs.storeAudio(job, testChunk(i), PCM);
  assert.equal(await jobs.addItems(job, [testChunk(0), testChunk(1)]), true);
  assert.equal(await jobs.addItems(job, [testChunk(1), testChunk(2), testChunk(3), testChunk(4)]), true);
  assert.equal(await jobs.addItems(job, [testChunk(3), testChunk(4)]), true);
  assert.equal(await jobs.addItems(job, []), true);
  assert.equal(await redis.hget(`murm:{j.${job.id}}:job`, 'planned'), '5');
  assert.deepEqual(
    (await take(job, 1)).map((item) => item.index),
    [0, 1, 2, 3, 4],
  );
  await jobs.end(job, 'cancelled', null);
  assert.equal(await jobs.addItems(job, [testChunk(5)]), false);
  await jobs.remove(job);
});

test('takes no item of a cancelled job, hands none out, and tells the workers', async () => {
  const job = await newJob();
  const heard: string[] = [];
  const listener = subscriberConnection(server.url, logger);
  await onCancelled(listener, (id) => heard.push(id));
  await add(job, 1);
  const item = await takeOne(job, 1);
  await jobs.end(job, 'cancelled', null);
  await jobs.end(job, 'cancelled', null);
  assert.equal(await jobs.addChunk(job, testChunk(1), PCM), false);
  assert.deepEqual(await take(job, 1), []);
  assert.deepEqual(await give(job, item), ['gone']);
  assert.deepEqual(
    (await all(job)).map((event) => event.type),
    ['cancelled'],
  );
  await jobs.remove(job);
  await until(() => Promise.resolve(heard.length > 0));
  assert.deepEqual(heard, [job.id]);
  listener.disconnect();
});

test('gives every key of a job a time to live, so that a job whose API node died expires', async () => {
  const job = await newJob();
  await add(job, 4);
  const items = await take(job, 1, 3);
  await give(job, items[0] as WorkItem);
  await give(job, items[2] as WorkItem);
  const named = jobKeys(job.id);
  const keys = [named.job, named.chunks, named.pending, named.tries, named.results, named.events, named.pcm];
  const found = await redis.keys(`murm:*${job.id}}*`);
  assert.equal(found.length, keys.length);
  for (const key of found) {
    assert.ok(keys.includes(key), key);
    assert.ok((await redis.pttl(key)) > 0, `${key} has no time to live`);
  }
  assert.equal(await jobs.renew(job), true);
  await jobs.remove(job);
  assert.equal(await jobs.renew(job), false);
});

test('takes results and failures while Redis is at its memory limit', async () => {
  const [done, failed] = [await newJob(), await newJob()];
  for (const job of [done, failed]) await add(job, 1);
  await jobs.endOfChunks(done);
  const [item, poison] = [await takeOne(done, 1), await takeOne(failed, 1)];
  await redis.config('SET', 'maxmemory', '1000000');
  try {
    await assert.rejects(redis.set('any', 'thing'), /OOM/);
    assert.deepEqual(await give(done, item), ['ok']);
    assert.equal(
      await itemsOf(failed).fail(poison, {
        code: 'transcription_failed',
        message: 'x',
        param: null,
        retryAfterSeconds: null,
      }),
      'ok',
    );
  } finally {
    await redis.config('SET', 'maxmemory', '512mb');
  }
  assert.deepEqual(
    (await all(done)).map((event) => event.type),
    ['result', 'assembling'],
  );
  for (const job of [done, failed]) await jobs.remove(job);
});

const QUIET = { onFetch: () => undefined, onStalled: () => undefined, onError: () => undefined };

test('hands a ticket that is handed back to another worker, with the items held under it', async () => {
  const job = await newJob();
  await add(job, 2);
  const seen: string[] = [];
  let closing: Promise<void> | undefined;
  const first = new TicketWorker(
    job.modelSlug,
    redis,
    {
      ticket: async (entry) => {
        assert.equal((await take(job, entry.ticket)).length, 2);
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
      redis,
      {
        ticket: async (entry) => {
          seen.push('second');
          const items = await take(job, entry.ticket);
          await give(job, ...items);
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
  await jobs.remove(job);
});

test('goes on where the store takes neither that a run begins nor the next ticket, and tells of both and of their end', async () => {
  const job = await newJob();
  await add(job, 3);
  const told: string[] = [];
  const trouble = { met: (error: Error) => told.push(error.message), over: () => told.push('over') };
  const gone = patientConnection(server.url, logger);
  gone.disconnect();
  const unqueued = new TicketQueues(gone);
  const cut = new WorkItems(redis, unqueued, job.modelSlug, trouble);
  const [first] = await cut.take({ job: job.id, ticket: 1 }, 1);
  assert.ok(first);
  await until(() => Promise.resolve(told.length === 1));
  assert.match(told.splice(0).join(), /closed/);
  assert.equal((await queued(job)).includes(2), false, 'the ticket is lost, …');
  await jobs.queueTickets(job);
  assert.ok((await queued(job)).includes(2), '… and is found by the owner of the job');
  await redis.config('SET', 'min-replicas-to-write', '1');
  try {
    await cut.begin([first]);
  } finally {
    await redis.config('SET', 'min-replicas-to-write', '0');
  }
  assert.match(told.splice(0).join(), /NOREPLICAS/);
  await cut.begin([first]);
  assert.deepEqual(told, ['over']);
  assert.deepEqual(await give(job, first), ['ok']);
  await unqueued.close().catch(() => undefined);
  await jobs.remove(job);
});

test('hands an entry of another version back, and drops it, which is told, once it was fetched too often', async () => {
  const slug = 'versions';
  const queue = new Queue(slug, { connection: redis, prefix: queuePrefix(slug) });
  const unread = ['an-utterance', 'a-ticket'].map((id) => queue.toKey(id));
  await queue.add('live', { session: 's', utterance: 0, revision: null, queuedAtMs: 0 }, { jobId: 'an-utterance' });
  await queue.add('ticket', { job: 'j', number: 1 }, { jobId: 'a-ticket' });
  for (const key of unread) await redis.hset(key, 'ats', 58);
  const told: string[] = [];
  let fetches = 0;
  const worker = new TicketWorker(
    slug,
    redis,
    { ticket: () => Promise.reject(new Error('read')), partial: () => Promise.resolve(), hasRoom: () => true },
    {
      ...QUIET,
      onFetch: () => {
        fetches++;
      },
      onError: (error) => told.push(error.message),
    },
  );
  await until(async () => (await redis.exists(...unread)) === 0);
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
    const job = await newJob();
    await add(job, 1);
    const dead = patientConnection(server.url, logger);
    let late: WorkItem | undefined;
    let goOn: () => void = () => undefined;
    const still = new TicketWorker(
      job.modelSlug,
      dead,
      {
        ticket: async (entry) => {
          late = await takeOne(job, entry.ticket);
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
      redis,
      {
        ticket: async (entry) => {
          items = await take(job, entry.ticket);
          await give(job, ...items);
        },
        partial: () => Promise.resolve(),
        hasRoom: () => true,
      },
      QUIET,
    );
    await until(() => Promise.resolve(items.length > 0));
    await other.close();
    assert.deepEqual(await give(job, late as WorkItem), ['duplicate']);
    goOn();
    await still.close();
    await jobs.remove(job);
  },
);

test('shares the queue among jobs by rotation, a batch of each in turn', async () => {
  const slug = 'rotation';
  const made: JobIdentity[] = [];
  for (const count of [30, 10, 20]) {
    const job = await newJob(null, 'batch', slug);
    await add(job, count);
    made.push(job);
  }
  const order: string[] = [];
  const items = new WorkItems(redis, queues, slug);
  let free = true;
  const worker: TicketWorker = new TicketWorker(
    slug,
    redis,
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
  for (const job of made) await jobs.remove(job);
});

test('shares by the length of the audio: jobs of long items and jobs of short ones progress alike', async () => {
  const slug = 'seconds';
  const made: { readonly job: JobIdentity; readonly itemMs: number }[] = [];
  for (const [at, itemMs] of [14_000, 1_700, 6_300, 9_100, 14_000, 2_000, 4_400, 14_000, 3_000, 7_000].entries()) {
    const job = await newJob(null, 'batch', slug);
    // Of unequal length, too: from 200 s to 650 s.
    const count = Math.ceil(((200 + 50 * at) * 1_000) / itemMs);
    await jobs.addItems(
      job,
      Array.from({ length: count }, (_, index) => ({ ...testChunk(index), samples: itemMs * 16 })),
    );
    made.push({ job, itemMs });
  }
  const doneMs = new Map(made.map(({ job }) => [job.id, 0]));
  const items = new WorkItems(redis, queues, slug);
  let free = true;
  let enough = false;
  const worker: TicketWorker = new TicketWorker(
    slug,
    redis,
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
  for (const { job } of made) await jobs.remove(job);
});

test('Jobs in progress are listed for everybody or for one owner, whose things are never cut off by those of others', async () => {
  const before = await jobs.active(1_000, 'everybody');
  const made = [];
  for (const owner of ['acme', 'bolt', 'acme', null]) made.push(await newJob(owner));
  const ids = (list: readonly { readonly id: string }[]): string[] => list.map((job) => job.id).sort();
  assert.deepEqual(ids(await jobs.active(1_000, 'everybody')), [...ids(before), ...ids(made)].sort());
  assert.deepEqual(ids(await jobs.active(2, { owner: 'acme' })), ids(made.filter((job) => job.owner === 'acme')));
  assert.deepEqual(
    (await jobs.active(1_000, { owner: 'bolt' })).map((job) => job.owner),
    ['bolt'],
  );
  assert.deepEqual(await jobs.active(1_000, { owner: '' }), []);
  assert.equal((await jobs.active(1, 'everybody')).length, 1);
  for (const job of made) await jobs.remove(job);
});
