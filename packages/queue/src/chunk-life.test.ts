import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { decodeOptionsSchema, type ChunkResult, type PlannedChunk } from '@murmuration/contracts';
import { createLogger } from '@murmuration/runtime';
import { RedisAudioStore } from './audio-store/redis-audio-store.js';
import { ChunkDesk, onCancelled } from './chunk-desk.js';
import { ChunkQueues } from './chunk-queue.js';
import { ChunkWorker, HandBack } from './chunk-worker.js';
import { patientConnection, subscriberConnection, type Redis } from './connections.js';
import { JobEvents, type StreamedEvent } from './job-events.js';
import { JobStore, type JobIdentity } from './job-store.js';
import { jobKeys } from './keys.js';
import { startRedis, type TestRedis } from './testing/start-redis.js';

const logger = createLogger({ service: 'test', level: 'silent' });
let server: TestRedis;
let redis: Redis;
let subscriber: Redis;
let queues: ChunkQueues;
let audio: RedisAudioStore;
let jobs: JobStore;
let events: JobEvents;
let desk: ChunkDesk;
let nextId = 1;

before(async () => {
  server = await startRedis();
  redis = patientConnection(server.url, logger);
  subscriber = subscriberConnection(server.url, logger);
  queues = new ChunkQueues(redis);
  audio = new RedisAudioStore(redis, 100_000_000);
  jobs = new JobStore(redis, queues, audio, 30_000);
  events = new JobEvents(redis, subscriber);
  desk = new ChunkDesk(redis, queues, audio);
});

after(async () => {
  await queues.close();
  subscriber.disconnect();
  await redis.quit();
  await server.close();
});

async function newJob(owner: string | null = null): Promise<JobIdentity> {
  const id = `t${String(nextId++)}`;
  const job: JobIdentity = { id, lane: 'interactive', modelId: id, modelSlug: `model-${id}`, decode: decodeOptionsSchema.parse({}), awaitsLanguage: false, owner };
  await jobs.create(job);
  return job;
}

function planned(index: number): PlannedChunk {
  return { index, channel: 0, samples: 160, spans: [{ chunkMs: 0, startMs: index * 10, durationMs: 10 }], speech: [{ startMs: index * 10, endMs: index * 10 + 10 }], overlapMs: 0 };
}

function result(index: number): ChunkResult {
  return { segments: [], filtered: [], language: 'en', languageProbability: 1, index, channel: 0, overlapMs: 0, audioMs: 10, queueMs: 1, inferenceMs: 1, batchSize: 1, worker: 'w' };
}

function segment(text: string): ChunkResult['segments'][number] {
  return { startMs: 0, endMs: 10, text, channel: 0, confidence: 1, avgLogprob: 0, noSpeechProb: 0, compressionRatio: 1, temperature: 0, tokens: [] };
}

const PCM = new Uint8Array(320).fill(7);

async function add(job: JobIdentity, count: number, window = 100): Promise<void> {
  for (let i = 0; i < count; i++) assert.equal(await jobs.addChunk(job, planned(i), PCM, window), true);
}

async function take(job: JobIdentity, index: number, window = 100): Promise<string> {
  const picked = await desk.pickUp(job.id, index, job.lane);
  assert.ok(picked);
  return desk.finish(picked, result(index), job.modelSlug, window);
}

async function all(job: JobIdentity, afterId = '0'): Promise<StreamedEvent[]> {
  const list: StreamedEvent[] = [];
  for await (const event of events.follow(job.id, afterId, AbortSignal.timeout(10_000))) {
    list.push(event);
    if (event.type === 'assembling') break;
  }
  return list;
}

test('Results that come out of order leave in order, each once, and the last one ends the job', async () => {
  const job = await newJob();
  await add(job, 3);
  await jobs.endOfChunks(job);
  for (const index of [2, 0, 1]) assert.equal(await take(job, index), 'ok');
  const list = await all(job);
  assert.deepEqual(list.map((event) => event.type === 'result' ? event.result.index : event.type), [0, 1, 2, 'assembling']);
  assert.equal(await audio.get(job.id, 0), null, 'the audio of a finished chunk is gone');
  const rest = await all(job, list[1]?.id ?? '');
  assert.deepEqual(rest.map((event) => event.type === 'result' ? event.result.index : event.type), [2, 'assembling'], 'a reader continues after the id it names');
  await jobs.remove(job);
  assert.equal((await redis.keys(`*${job.id}}*`)).length, 0, 'nothing of a removed job is left');
});

test('A job whose chunks are all done before the planning ends is finished by the end of planning', async () => {
  const job = await newJob();
  await add(job, 1);
  await take(job, 0);
  await jobs.endOfChunks(job);
  assert.deepEqual((await all(job)).map((event) => event.type), ['result', 'assembling']);
  await jobs.remove(job);
});

test('A recording without speech ends at once', async () => {
  const job = await newJob();
  await jobs.endOfChunks(job);
  assert.deepEqual((await all(job)).map((event) => event.type), ['assembling']);
  await jobs.remove(job);
});

test('Only the newest pick-up of a chunk may write, and only once', async () => {
  const job = await newJob();
  await add(job, 2);
  const first = await desk.pickUp(job.id, 0, job.lane);
  const second = await desk.pickUp(job.id, 0, job.lane);
  assert.ok(first !== null && second !== null);
  assert.equal(second.fence, first.fence + 1);
  assert.equal(await desk.finish(first, result(0), job.modelSlug, 9), 'stale');
  assert.ok(await audio.get(job.id, 0), 'a stale result takes no audio away');
  assert.equal(await desk.finish(second, result(0), job.modelSlug, 9), 'ok');
  assert.equal(await desk.finish(second, result(0), job.modelSlug, 9), 'duplicate');
  assert.equal(await desk.pickUp(job.id, 0, job.lane), null, 'a chunk that is done needs no work');
  await jobs.remove(job);
});

test('A chunk whose batch never ended is told by its crashes, and a result clears them', async () => {
  const job = await newJob();
  await add(job, 1);
  const first = await desk.pickUp(job.id, 0, job.lane);
  assert.ok(first !== null);
  desk.beginRun(first);
  const again = await desk.pickUp(job.id, 0, job.lane);
  assert.equal(again?.crashes, 1);
  const third = await desk.pickUp(job.id, 0, job.lane);
  assert.equal(third?.crashes, 1, 'being picked up is no crash');
  await jobs.remove(job);
});

test('A job queues no more than its window, and every result queues the next', async () => {
  const job = await newJob();
  await add(job, 5, 2);
  assert.equal((await queues.counts(job.modelSlug)).waiting, 2);
  const picked = await desk.pickUp(job.id, 0, job.lane);
  assert.ok(picked);
  await queues.remove(job.modelSlug, job.id, [0]);
  await desk.finish(picked, result(0), job.modelSlug, 2);
  assert.equal((await queues.counts(job.modelSlug)).waiting, 2, 'chunk 2 took the place of chunk 0');
  await jobs.remove(job);
  assert.equal((await queues.counts(job.modelSlug)).waiting, 0);
});

test('Until its language is found a job goes chunk by chunk, and the later chunks are told the language', async () => {
  const job: JobIdentity = { ...await newJob(), id: 'language', awaitsLanguage: true };
  await jobs.create(job);
  await add(job, 3);
  assert.equal((await queues.counts(job.modelSlug)).waiting, 1);
  await queues.remove(job.modelSlug, job.id, [0]);
  await take(job, 0);
  assert.equal((await queues.counts(job.modelSlug)).waiting, 1, 'a chunk without text decides nothing');
  await queues.remove(job.modelSlug, job.id, [1]);
  const second = await desk.pickUp(job.id, 1, job.lane);
  assert.equal(second?.decode.language, null);
  await desk.finish(second, { ...result(1), language: 'de', segments: [segment('guten Tag')] }, job.modelSlug, 100);
  assert.equal((await desk.pickUp(job.id, 2, job.lane))?.decode.language, 'de');
  await jobs.remove(job);
});

test('A chunk whose language is unsure leaves it to the next, but not for ever', async () => {
  const job: JobIdentity = { ...await newJob(), id: 'unsure', awaitsLanguage: true };
  await jobs.create(job);
  await add(job, 5);
  for (const index of [0, 1, 2, 3]) {
    const picked = await desk.pickUp(job.id, index, job.lane);
    assert.ok(picked !== null);
    assert.equal(picked.decode.language, null, `chunk ${String(index)}`);
    await desk.finish(picked, { ...result(index), language: 'nn', languageProbability: 0.3, segments: [segment('hm')] }, job.modelSlug, 100);
  }
  assert.equal((await desk.pickUp(job.id, 4, job.lane))?.decode.language, 'nn');
  await jobs.remove(job);
});

test('A job that continues its text goes chunk by chunk, each told the text before', async () => {
  const job: JobIdentity = { ...await newJob(), id: 'continued', decode: decodeOptionsSchema.parse({ conditionOnPreviousText: true }) };
  await jobs.create(job);
  await add(job, 3);
  assert.equal((await queues.counts(job.modelSlug)).waiting, 1);
  const first = await desk.pickUp(job.id, 0, job.lane);
  assert.equal(first?.textBefore, '');
  await desk.finish(first, { ...result(0), segments: [segment('one'), segment('two')] }, job.modelSlug, 100);
  assert.equal((await desk.pickUp(job.id, 1, job.lane))?.textBefore, 'one two');
  await jobs.remove(job);
});

test('Entries lost between two writes are queued again, those that are there stay', async () => {
  const job = await newJob();
  await add(job, 3);
  await queues.remove(job.modelSlug, job.id, [1]);
  assert.equal((await queues.counts(job.modelSlug)).waiting, 2);
  await jobs.requeueLost(job);
  assert.equal((await queues.counts(job.modelSlug)).waiting, 3);
  await jobs.remove(job);
});

test('A cancelled job takes no chunk, gives none out, and workers hear of it', async () => {
  const job = await newJob();
  const heard: string[] = [];
  const listener = subscriberConnection(server.url, logger);
  await onCancelled(listener, (id) => heard.push(id));
  await add(job, 1);
  const picked = await desk.pickUp(job.id, 0, job.lane);
  assert.ok(picked);
  await jobs.end(job, 'cancelled', null);
  await jobs.end(job, 'cancelled', null);
  assert.equal(await jobs.addChunk(job, planned(1), PCM, 9), false);
  assert.equal(await desk.pickUp(job.id, 0, job.lane), null);
  assert.equal(await desk.finish(picked, result(0), job.modelSlug, 9), 'gone');
  assert.deepEqual((await all(job)).map((event) => event.type), ['cancelled']);
  await jobs.remove(job);
  while (heard.length === 0) await new Promise((resolve) => { setTimeout(resolve, 5); });
  assert.deepEqual(heard, [job.id]);
  listener.disconnect();
});

test('Every key of a job has a time to live, so that a job whose door died goes by itself', async () => {
  const job = await newJob();
  await add(job, 3, 1);
  await take(job, 0, 1);
  const picked = await desk.pickUp(job.id, 2, job.lane);
  assert.ok(picked);
  await desk.finish(picked, result(2), job.modelSlug, 1);
  const named = jobKeys(job.id);
  const keys = [named.job, named.chunks, named.pending, named.tries, named.results, named.events, named.pcm];
  for (const key of await redis.keys(`*${job.id}}*`)) {
    assert.ok(keys.includes(key), key);
    assert.ok(await redis.pttl(key) > 0, `${key} has no time to live`);
  }
  assert.equal(await jobs.renew(job), true);
  await jobs.remove(job);
  assert.equal(await jobs.renew(job), false);
});

test('A chunk that is handed back goes to another worker', async () => {
  const job = await newJob();
  await add(job, 1);
  const seen: string[] = [];
  const quiet = { onFetch: () => undefined, onStalled: () => undefined, onError: () => undefined };
  const first = new ChunkWorker(job.modelSlug, redis, 1, {
    chunk: () => {
      seen.push('first');
      closing = first.close();
      return Promise.reject(new HandBack('stopping'));
    },
    live: () => Promise.resolve(),
  }, quiet);
  let closing: Promise<void> | undefined;
  while (closing === undefined) await new Promise((resolve) => { setTimeout(resolve, 5); });
  await closing;
  await new Promise<void>((resolve) => {
    const second = new ChunkWorker(job.modelSlug, redis, 1, {
      chunk: async (entry) => {
        seen.push('second');
        assert.equal(entry.job, job.id);
        await take(job, 0);
        setImmediate(() => { void second.close().then(resolve); });
      },
      live: () => Promise.resolve(),
    }, quiet);
  });
  assert.deepEqual(seen, ['first', 'second']);
  await jobs.remove(job);
});

test('Jobs in progress are listed for everybody or for one owner, whose things are never cut off by those of others', async () => {
  const before = await jobs.active(1_000, 'everybody');
  const made = [];
  for (const owner of ['acme', 'bolt', 'acme', null]) made.push(await newJob(owner));
  const ids = (list: readonly { readonly id: string }[]): string[] => list.map((job) => job.id).sort();
  assert.deepEqual(ids(await jobs.active(1_000, 'everybody')), [...ids(before), ...ids(made)].sort());
  assert.deepEqual(ids(await jobs.active(2, { owner: 'acme' })), ids(made.filter((job) => job.owner === 'acme')));
  assert.deepEqual((await jobs.active(1_000, { owner: 'bolt' })).map((job) => job.owner), ['bolt']);
  assert.deepEqual(await jobs.active(1_000, { owner: '' }), []);
  assert.equal((await jobs.active(1, 'everybody')).length, 1);
  for (const job of made) await jobs.remove(job);
});
