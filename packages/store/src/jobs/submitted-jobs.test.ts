import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { decodeOptionsSchema, type RecordingSummary } from '@murmuration/contracts';
import { createLogger } from '@murmuration/runtime';
import { type AudioStore, OrphanSweep } from '../audio-store/audio-store.js';
import { DirectoryAudioStore } from '../audio-store/directory-audio-store.js';
import { openAudioStore } from '../audio-store/open-audio-store.js';
import { RedisMemory } from '../redis-health.js';
import { patientConnection, subscriberConnection, type Redis } from '../connections.js';
import { JobEvents } from '../job-stream.js';
import { JobStore, type JobIdentity, type JobTerms } from '../job-store.js';
import { JOB_INDEX_KEYS, jobKeys } from '../keys.js';
import { WakeChannels } from '../live/wake-channels.js';
import { testChunk, testResult } from '../testing/fixtures.js';
import { startRedis, type TestRedis } from '../testing/start-redis.js';
import { Turn } from '../turn.js';
import { TicketQueues } from '../work/ticket-queue.js';
import { WorkItems } from '../work/work-items.js';
import { IdempotencyClaims } from './idempotency-claims.js';
import { JobArchive } from './job-archive.js';
import { JobIndex } from './job-index.js';
import { ResultBudget } from './job-memory.js';

const logger = createLogger({ service: 'test', level: 'silent' });
const TERMS: JobTerms = {
  priority: 'batch',
  retentionSeconds: 60,
  metadata: null,
  webhook: null,
  holdFromMs: 15_000,
  fallbackLanguage: 'en',
};
const PCM = new Uint8Array(320).fill(7);
let server: TestRedis;
let redis: Redis;
let subscriber: Redis;
let queues: TicketQueues;
let audio: AudioStore;
let jobs: JobStore;
let archive: JobArchive;
let jobIndex: JobIndex;
let nextId = 1;

before(async () => {
  server = await startRedis();
  redis = patientConnection(server.url, logger);
  subscriber = subscriberConnection(server.url, logger);
  queues = new TicketQueues(redis);
  audio = await openAudioStore({ kind: 'redis', url: server.url, budgetBytes: 100_000_000 }, redis, (url) =>
    patientConnection(url, logger),
  );
  jobs = new JobStore(redis, queues, audio, 30_000, () => 0);
  archive = new JobArchive(redis);
  jobIndex = new JobIndex(redis);
});

after(async () => {
  await queues.close();
  audio.close();
  subscriber.disconnect();
  await redis.quit();
  await server.close();
});

async function received(chunks: number, slug?: string): Promise<JobIdentity> {
  const id = `s${String(nextId++)}`;
  const job: JobIdentity = {
    id,
    lane: 'batch',
    modelId: id,
    modelSlug: slug ?? `model-${id}`,
    decode: decodeOptionsSchema.parse({}),
    awaitsLanguage: false,
    owner: null,
  };
  assert.ok(await jobs.create(job, TERMS));
  for (let index = 0; index < chunks; index++) assert.equal(await jobs.addChunk(job, testChunk(index), PCM), true);
  return job;
}

function summary(chunks: number): RecordingSummary {
  return {
    durationMs: chunks * 10,
    channels: 1,
    format: 'wav',
    accounting: { speechMs: chunks * 10, nonSpeechMs: 0, skipped: [] },
    warnings: [],
    decodeMs: 1,
    detectMs: 1,
    chunks,
  };
}

async function takeAll(job: JobIdentity, chunks: number): Promise<void> {
  const items = new WorkItems(redis, queues, job.modelSlug);
  const taken = await items.take({ job: job.id, ticket: 1 }, chunks);
  assert.equal(taken.length, chunks);
  for (const item of taken) assert.deepEqual(await items.give([{ item, result: testResult(item.index) }]), ['ok']);
}

async function typesOf(job: JobIdentity): Promise<string[]> {
  const types: string[] = [];
  for await (const event of new JobEvents(redis, new WakeChannels(subscriber)).follow(
    job.id,
    '0',
    AbortSignal.timeout(10_000),
  ))
    types.push(event.type);
  return types;
}

async function finish(job: JobIdentity): Promise<string> {
  return archive.finish(
    job.id,
    {
      id: job.id,
      text: '',
      model: job.modelId,
      task: 'transcribe',
      language: 'en',
      languageProbability: 1,
      durationMs: 20,
      channels: 1,
      segments: [],
      filtered: [],
      accounting: { speechMs: 20, nonSpeechMs: 0, skipped: [] },
      warnings: [],
      timings: { decodeMs: 1, detectMs: 1, queueMs: 1, inferenceMs: 1, totalMs: 1 },
    },
    [],
  );
}

test('An id is taken while its job is there, also as a tombstone, and free after it was withdrawn', async () => {
  const job = await received(1);
  assert.equal(await jobs.create(job, TERMS), null);
  assert.equal(
    await jobs.withdraw(job, { code: 'unprocessable_audio', message: 'bad', param: null, retryAfterSeconds: null }),
    true,
  );
  assert.deepEqual(await typesOf(job), ['failed'], 'the reason can be read for a moment');
  assert.ok(await jobs.create(job, TERMS));
  assert.equal(await redis.exists(jobKeys(job.id).events), 0, 'the new job has its own stream');
  await archive.purge(job.id, 1_000);
  assert.equal(await jobs.create(job, TERMS), null);
  assert.equal(
    await jobs.withdraw(job, { code: 'cancelled', message: '', param: null, retryAfterSeconds: null }),
    false,
    'a tombstone stays',
  );
});

test('An id is taken until nothing of the job that had it is left, its audio and its place on the lists too', async () => {
  const job = await received(1);
  const order: string[] = [];
  const tried = async (what: string): Promise<void> => {
    order.push(`${what}: ${(await jobs.create(job, TERMS)) === null ? 'taken' : 'free'}`);
  };
  const guarded = Object.assign(Object.create(audio) as typeof audio, {
    deleteAll: async (id: string) => {
      await tried('audio');
      await audio.deleteAll(id);
    },
  });
  await new JobStore(redis, queues, guarded, 60_000).withdraw(
    job,
    { code: 'cancelled', message: '', param: null, retryAfterSeconds: null },
    () => tried('lists'),
  );
  await tried('all');
  assert.deepEqual(order, ['audio: taken', 'lists: taken', 'all: free']);
});

test('Accepting twice is accepting once, and a late renewal of the lease gives an accepted job no end', async () => {
  const job = await received(2);
  assert.equal(await jobs.renew(job), true);
  assert.equal(await jobs.accept(job, summary(2)), true);
  assert.equal(await jobs.accept(job, summary(2)), true);
  assert.equal(await jobs.renew(job), false);
  const keys = await redis.keys(`*{j.${job.id}}*`);
  assert.ok(keys.length >= 4);
  for (const key of keys) {
    const lifeMs = await redis.pttl(key);
    assert.ok(lifeMs === -1 || (key === jobKeys(job.id).pcm && lifeMs > 24 * 3_600_000), key);
  }
  await takeAll(job, 2);
  for (const key of await redis.keys(`*{j.${job.id}}*`))
    assert.ok((await redis.pttl(key)) === -1 || key.endsWith(':pcm'), key);
  assert.equal(await finish(job), 'done');
  assert.equal(await finish(job), 'done', 'a second time changes nothing');
  assert.deepEqual(await typesOf(job), ['accepted', 'result', 'result', 'assembling', 'done']);
});

test('Entries of a stream are numbered, so that what is derived from them has room for ids of its own', async () => {
  const job = await received(1);
  await jobs.accept(job, summary(1));
  await takeAll(job, 1);
  assert.deepEqual(
    (await redis.xrange(jobKeys(job.id).events, '-', '+')).map(([id]) => id),
    ['1-1000000', '2-1000000', '3-1000000'],
  );
  await archive.purge(job.id, 1_000);
});

test('A job that was cancelled can no longer be accepted, and of one that has ended only the contents go', async () => {
  const early = await received(1);
  assert.equal(await archive.purge(early.id, 1_000), 'receiving');
  assert.equal(await jobs.accept(early, summary(1)), false);
  const late = await received(1);
  await jobs.accept(late, summary(1));
  await takeAll(late, 1);
  await finish(late);
  assert.equal(await archive.purge(late.id, 1_000), 'done');
  assert.equal((await jobIndex.read(late.id))?.state, 'done');
  assert.equal(await archive.transcript(late.id), null);
});

test('A Redis that is full still lets a job be deleted, and one that has its results be finished', async () => {
  const [deleted, finished] = [await received(3), await received(2)];
  await jobs.accept(deleted, summary(3));
  await jobs.accept(finished, summary(2));
  await takeAll(finished, 2);
  await redis.config('SET', 'maxmemory', '1000000');
  try {
    await assert.rejects(redis.set('any', 'thing'), /OOM/);
    assert.equal(await archive.purge(deleted.id, 1_000), 'running');
    assert.equal(await finish(finished), 'done');
  } finally {
    await redis.config('SET', 'maxmemory', '512mb');
  }
  assert.notEqual(await archive.transcript(finished.id), null);
});

test('An accepted job counts as unfinished work of its own model only', async () => {
  const [first, second] = [await received(1, 'shared'), await received(1, 'shared')];
  const elsewhere = await received(1);
  for (const job of [first, second, elsewhere]) await jobs.accept(job, summary(1));
  assert.deepEqual(
    (await jobs.inProgress.unfinished('shared')).map(({ lane, leftMs }) => [lane, leftMs]),
    [
      ['batch', 10],
      ['batch', 10],
    ],
  );
  await jobs.endWork(first);
  assert.equal((await jobs.inProgress.unfinished('shared')).length, 1);
});

test('A sweep leaves the audio of accepted jobs, however old, and takes that of ended ones', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'murmuration-sweep-'));
  const store = new DirectoryAudioStore(
    { folder: () => Promise.resolve(dir), close: () => undefined },
    new RedisMemory(redis, 1e9),
  );
  const [accepted, ended] = [await received(1), await received(1)];
  for (const job of [accepted, ended]) {
    await jobs.accept(job, summary(1));
    await store.put(job.id, 0, PCM, 1);
  }
  await archive.purge(ended.id, 1_000);
  const sweep = new OrphanSweep(store, redis, logger, { everyMs: 5, idleMs: 0 });
  while ((await store.get(ended.id, 0)) !== null)
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  await sweep.close();
  assert.notEqual(await store.get(accepted.id, 0), null);
  await rm(dir, { recursive: true });
});

test('A key is taken by one of many, and taken over only from the claim that was seen', async () => {
  const claims = new IdempotencyClaims(redis);
  const winners = await Promise.all(
    Array.from({ length: 10 }, (_value, i) => claims.take('acme', 'k', { job: String(i), hash: 'h' })),
  );
  assert.equal(new Set(winners.map((claim) => claim.job)).size, 1);
  const [gone] = winners;
  assert.ok(gone !== undefined);
  assert.equal(await claims.replace('acme', 'k', { job: 'other', hash: 'h' }, { job: 'x', hash: 'h' }), false);
  assert.equal(await claims.replace('acme', 'k', gone, { job: 'x', hash: 'h' }), true);
  assert.equal(await claims.replace('acme', 'k', gone, { job: 'y', hash: 'h' }), false);
  await claims.release('acme', 'k', gone);
  assert.deepEqual(await claims.read('acme', 'k'), { job: 'x', hash: 'h' });
  assert.equal(await claims.read(null, 'k'), null);
});

test('One node at a time looks after the jobs', async () => {
  const turns = [new Turn(redis, JOB_INDEX_KEYS.reconciling), new Turn(redis, JOB_INDEX_KEYS.reconciling)];
  const [first, second] = turns;
  assert.ok(first !== undefined && second !== undefined);
  assert.deepEqual([await first.take(), await second.take()], [true, false]);
  await assert.rejects(second.hold());
  await first.hold();
  await first.pass(1);
  while (!(await second.take()));
  await assert.rejects(first.hold());
});

test('Transcripts that exceed their share of the memory are dropped, those first whose time is over first, and tell that they expired', async () => {
  const finished: JobIdentity[] = [];
  for (let i = 0; i < 4; i++) {
    const job = await received(1);
    const place = { id: job.id, modelSlug: job.modelSlug, priority: 'batch' as const };
    await jobIndex.watch(place);
    assert.equal(await jobs.accept(job, summary(1)), true);
    await takeAll(job, 1);
    assert.equal(await finish(job), 'done');
    // The later they were finished, the later their time is over.
    await jobIndex.unwatch(place, Date.now() + 3_600_000 + i * 1_000);
    finished.push(job);
  }
  const kept = async (): Promise<boolean[]> =>
    Promise.all(finished.map(async ({ id }) => (await archive.transcript(id)) !== null));
  const size = (await redis.strlen(jobKeys(finished[0]?.id ?? '').transcript)) + 2_000;
  const budgetOf = (results: number): ResultBudget =>
    new ResultBudget(redis, { look: () => Promise.resolve({ usedBytes: 0, capacityBytes: 2 * size * results }) });
  assert.equal(await budgetOf(4.5).enforce(), 0);
  assert.deepEqual(await kept(), [true, true, true, true]);
  assert.equal(await budgetOf(2.5).enforce(), 2);
  assert.deepEqual(await kept(), [false, false, true, true]);
  assert.equal(await budgetOf(2.5).enforce(), 0);
  const manifest = await jobIndex.read(finished[0]?.id ?? '');
  assert.ok(manifest?.state === 'done' && (manifest.expiresAtMs ?? Infinity) <= Date.now() + 1_000);
  for (const job of finished) await archive.purge(job.id, 1_000);
  assert.equal(await budgetOf(0).enforce(), 0, 'what a client has deleted is no result');
  assert.equal(await redis.zcard(JOB_INDEX_KEYS.results), 0);
});
