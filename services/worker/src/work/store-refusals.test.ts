import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { decodeOptionsSchema, liveSettingsSchema, type Recognition } from '@murmuration/contracts';
import {
  JobEvents,
  JobStore,
  LiveItems,
  LiveStore,
  TicketQueues,
  WakeChannels,
  WorkItems,
  openAudioStore,
  patientConnection,
  subscriberConnection,
  type AudioStore,
  type JobIdentity,
  type NewLive,
  type Redis,
} from '@murmuration/store';
import { TEST_MODEL, startRedis, type TestRedis } from '@murmuration/store/testing';
import { Metrics, createLogger } from '@murmuration/runtime';
import { BatchShare } from '../scheduler/batch-share.js';
import type { BatcherRow, RowResult } from '../scheduler/batcher.js';
import { CancelledJobs } from './cancelled-jobs.js';
import { Holdings } from '../scheduler/holdings.js';
import { ResultWriter, UntilStored } from './result-writer.js';
import { LiveFinals } from './live-finals.js';
import { LatestFinals, PreflightTexts } from './live-utterances.js';
import { RecordingItems } from './recording-items.js';
import { TranscribeItems } from './transcribe-items.js';

const logger = createLogger({ service: 'test', level: 'silent' });
const RECOGNITION: Recognition = {
  segments: [
    {
      startMs: 0,
      endMs: 900,
      text: 'the words that were said',
      channel: 0,
      confidence: 1,
      avgLogprob: 0,
      noSpeechProb: 0,
      compressionRatio: 1,
      temperature: 0,
      tokens: [],
    },
  ],
  filtered: [],
  language: 'en',
  languageProbability: 1,
};
const ROW: RowResult = { recognition: RECOGNITION, startedAtMs: 1, inferenceMs: 1, batchSize: 1 };
let server: TestRedis;
let redis: Redis;
let queues: TicketQueues;
let audio: AudioStore;
let jobs: JobStore;

before(async () => {
  server = await startRedis();
  redis = patientConnection(server.url, logger);
  queues = new TicketQueues(redis);
  audio = await openAudioStore({ kind: 'redis', url: server.url, budgetBytes: 100_000_000 }, redis, (url) =>
    patientConnection(url, logger),
  );
  jobs = new JobStore(redis, queues, audio, 30_000);
});

after(async () => {
  await queues.close();
  audio.close();
  await redis.quit();
  await server.close();
});

/** Refuses every write from the end of a recognition on, for as long as a look every few milliseconds lasts. */
class Refusal {
  #left = 0;

  async begin(looks: number): Promise<void> {
    this.#left = looks;
    await redis.config('SET', 'min-replicas-to-write', '1');
  }

  /** Counts a refusal that was told; the last ends it. */
  told(): void {
    if (--this.#left === 0) void redis.config('SET', 'min-replicas-to-write', '0');
  }
}

/** Calls back with each refusal that the worker meets. */
function told(onRefused: () => void): UntilStored {
  const untilStored = new UntilStored(logger);
  const call = untilStored.call.bind(untilStored);
  untilStored.call = (inner) =>
    call(async () =>
      inner().catch((error: unknown) => {
        onRefused();
        throw error;
      }),
    );
  return untilStored;
}

function itemWorker(recognize: (row: BatcherRow) => Promise<RowResult>, untilStored: UntilStored): TranscribeItems {
  const items = new WorkItems(redis, queues, 'm');
  const parts = { untilStored, cancelled: new CancelledJobs(), metrics: new Metrics() };
  return new TranscribeItems({
    ...parts,
    logger,
    batcher: { submit: recognize },
    holdings: new Holdings(16),
    share: new BatchShare(() => Promise.resolve()),
    recordings: new RecordingItems({
      ...parts,
      workerId: 'w',
      items,
      audio,
      batchItems: 8,
      turnMs: 100_000,
      writer: new ResultWriter(items, untilStored),
    }),
    sessions: new LiveFinals({
      ...parts,
      items: new LiveItems(redis, queues, TEST_MODEL.slug),
      finals: new LatestFinals(),
      preflights: new PreflightTexts(),
    }),
  });
}

async function newJob(id: string): Promise<JobIdentity> {
  const job: JobIdentity = {
    id,
    lane: 'interactive',
    modelId: 'm',
    modelSlug: 'm',
    decode: decodeOptionsSchema.parse({}),
    awaitsLanguage: false,
    owner: null,
  };
  await jobs.create(job);
  await jobs.addChunk(
    job,
    {
      index: 0,
      channel: 0,
      samples: 16_000,
      spans: [{ chunkMs: 0, startMs: 0, durationMs: 1_000 }],
      speech: [],
      overlapMs: 0,
    },
    new Uint8Array(32_000),
  );
  await jobs.endOfChunks(job);
  return job;
}

async function typesOf(job: JobIdentity): Promise<string[]> {
  const subscriber = subscriberConnection(server.url, logger);
  const types: string[] = [];
  for await (const event of new JobEvents(redis, new WakeChannels(subscriber)).follow(
    job.id,
    '0',
    AbortSignal.timeout(20_000),
  )) {
    types.push(event.type);
    if (event.type === 'assembling') break;
  }
  subscriber.disconnect();
  return types;
}

test('keeps a result that the store refuses until it takes it, and fails no job for that', async () => {
  const job = await newJob('refused-result');
  const refusal = new Refusal();
  const worker = itemWorker(
    async () => {
      await refusal.begin(3);
      return ROW;
    },
    told(() => {
      refusal.told();
    }),
  );
  await worker.handle({ job: job.id, ticket: 1, lane: 'interactive' });
  assert.deepEqual(await typesOf(job), ['result', 'assembling']);
  await jobs.remove(job);
});

test('keeps the failure of a model until the store takes it', async () => {
  const job = await newJob('refused-failure');
  const refusal = new Refusal();
  const worker = itemWorker(
    async () => {
      await refusal.begin(2);
      throw new Error('the model broke');
    },
    told(() => {
      refusal.told();
    }),
  );
  await worker.handle({ job: job.id, ticket: 1, lane: 'interactive' });
  assert.deepEqual(await typesOf(job), ['failed']);
  await jobs.remove(job);
});

test('publishes a live final whole after the store has refused it', async () => {
  const store = new LiveStore(redis, { keepMs: 60_000, closedKeepMs: 60_000, leaseMs: 60_000 });
  const session: NewLive = {
    id: 's1',
    tokenHash: 'h',
    owner: null,
    relay: 'a',
    holder: 'h',
    settings: liveSettingsSchema.parse({}),
    model: TEST_MODEL,
    decode: decodeOptionsSchema.parse({}),
  };
  await store.create(session);
  await store.change(
    { ...session, epoch: 1 },
    {
      op: 'h.0',
      after: '',
      fromSamples: 0,
      toSamples: 16_000,
      pcm: Buffer.alloc(32_000),
      sourceSamples: 16_000,
      decoder: null,
      snapshot: '{}',
      snapshotAtSamples: 16_000,
      keepFromSamples: 16_000,
      open: null,
      partialAfterSamples: 8_000,
      cleared: false,
      finish: null,
      renew: true,
      events: [
        { type: 'started', utterance: 0, atMs: 0 },
        {
          type: 'ended',
          planned: { utterance: 0, startSamples: 0, samples: 16_000, startMs: 0, endMs: 1_000, by: 'silence' },
        },
      ],
    },
  );
  const refusal = new Refusal();
  const worker = itemWorker(
    async () => {
      await refusal.begin(3);
      return ROW;
    },
    told(() => {
      refusal.told();
    }),
  );
  await worker.handle({ job: 's1', ticket: 1, lane: 'live' });
  const events = (await redis.xrange('murm:{s.s1}:events', '-', '+')).map(
    ([, fields]) => [fields[1], JSON.parse(fields[3] ?? '{}') as { readonly text?: string }] as const,
  );
  assert.deepEqual(
    events.map(([type]) => type),
    ['speech_started', 'speech_ended', 'final'],
  );
  assert.equal(events.at(-1)?.[1].text, 'the words that were said');
});

test('tells what the store has lost of an utterance’s audio before the final of the rest', async () => {
  const store = new LiveStore(redis, { keepMs: 60_000, closedKeepMs: 60_000, leaseMs: 60_000 });
  const session: NewLive = {
    id: 's2',
    tokenHash: 'h',
    owner: null,
    relay: 'a',
    holder: 'h',
    settings: liveSettingsSchema.parse({}),
    model: TEST_MODEL,
    decode: decodeOptionsSchema.parse({}),
  };
  await store.create(session);
  const planned = { utterance: 0, startSamples: 0, samples: 16_000, startMs: 0, endMs: 1_000, by: 'silence' } as const;
  const change = {
    op: '1',
    after: '',
    fromSamples: 0,
    toSamples: 8_000,
    pcm: Buffer.alloc(16_000),
    sourceSamples: 8_000,
    decoder: null,
    snapshot: null,
    snapshotAtSamples: 0,
    keepFromSamples: 0,
    open: null,
    partialAfterSamples: 0,
    cleared: false,
    finish: null,
    renew: true,
    events: [],
  };
  await store.change({ ...session, epoch: 1 }, change);
  await store.change(
    { ...session, epoch: 1 },
    { ...change, op: '2', after: '1', fromSamples: 8_000, toSamples: 16_000, events: [{ type: 'ended', planned }] },
  );
  await redis.xdel('murm:{s.s2}:pcm', '8000-0');
  const rows: BatcherRow[] = [];
  const worker = itemWorker((row) => {
    rows.push(row);
    return Promise.resolve(ROW);
  }, new UntilStored(logger));
  await worker.handle({ job: 's2', ticket: 1, lane: 'live' });
  assert.deepEqual(
    rows.map(({ pcm }) => pcm.length),
    [16_000],
  );
  const events = (await redis.xrange('murm:{s.s2}:events', '-', '+')).map(
    ([, fields]) => [fields[1], fields[3]] as const,
  );
  assert.deepEqual(
    events.map(([type]) => type),
    ['speech_ended', 'error', 'final'],
  );
  assert.match(events[1]?.[1] ?? '', /500 ms of the audio of utterance 0 was lost/);
});
