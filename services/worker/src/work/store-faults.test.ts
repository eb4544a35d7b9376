import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { decodeOptionsSchema, liveSettingsSchema, type WorkTicket } from '@murmuration/contracts';
import {
  JobStore,
  LiveItems,
  LiveStore,
  TicketQueues,
  WorkItems,
  openAudioStore,
  patientConnection,
  type AudioStore,
  type JobIdentity,
  type NewLive,
  type Redis,
} from '@murmuration/store';
import { TEST_MODEL, startRedis, testChunk, type TestRedis } from '@murmuration/store/testing';
import { Metrics, createLogger } from '@murmuration/runtime';
import { BatchShare } from '../scheduler/batch-share.js';
import { Holdings } from '../scheduler/holdings.js';
import { CancelledJobs } from './cancelled-jobs.js';
import { LiveFinals } from './live-finals.js';
import { LatestFinals, PreflightTexts } from './live-utterances.js';
import { RecordingItems } from './recording-items.js';
import { ResultWriter, UntilStored } from './result-writer.js';
import { TranscribeItems } from './transcribe-items.js';

// Every call that a worker makes to the store goes wrong once, one place after another, on a real Redis: what the work comes to is the same.

const ITEMS = 3;
const logger = createLogger({ service: 'test', level: 'silent' });
let server: TestRedis;
let redis: Redis;
let queues: TicketQueues;
let jobs: JobStore;
let audio: AudioStore;
let sessions: LiveStore;
let worker: FaultyWorker;

/** How a call goes wrong: the server does not do it, the server does it and its answer is lost, or the connection sends it again by itself and it is done twice. */
type Fault = 'refused' | 'unanswered' | 'repeated';

/** What ioredis sends. */
interface Command {
  readonly name: string;
  readonly args: string[];
  readonly promise: Promise<unknown>;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

interface Sender {
  sendCommand(command: Command, stream?: unknown): unknown;
}

/** A worker whose connection does one call wrong. */
class FaultyWorker {
  readonly #redis: Redis;
  readonly #queues: TicketQueues;
  readonly #audio: AudioStore;
  readonly items: TranscribeItems;
  #calls = 0;
  #at = -1;
  #fault: Fault = 'refused';

  private constructor(connection: Redis, store: AudioStore) {
    this.#redis = connection;
    this.#queues = new TicketQueues(connection);
    this.#audio = store;
    const items = new WorkItems(connection, this.#queues, 'm');
    const parts = { untilStored: new UntilStored(logger), cancelled: new CancelledJobs(), metrics: new Metrics() };
    this.items = new TranscribeItems({
      ...parts,
      logger,
      batcher: {
        submit: (row) => {
          row.onRun();
          const text = `item ${String(row.pcm[0])}`;
          const segment = { startMs: 0, endMs: 900, text, channel: 0, confidence: 1, avgLogprob: 0 };
          const rest = { noSpeechProb: 0, compressionRatio: 1, temperature: 0, tokens: [] };
          const recognition = { segments: [{ ...segment, ...rest }], filtered: [], language: 'en' };
          return Promise.resolve({
            recognition: { ...recognition, languageProbability: 1 },
            startedAtMs: 1,
            inferenceMs: 1,
            batchSize: 1,
          });
        },
      },
      holdings: new Holdings(16),
      share: new BatchShare(() => Promise.resolve()),
      recordings: new RecordingItems({
        ...parts,
        workerId: 'w',
        items,
        audio: store,
        batchItems: 8,
        // Two of the items fit into a turn.
        turnMs: testChunk(0).samples / 16 + 1,
        writer: new ResultWriter(items, parts.untilStored),
      }),
      sessions: new LiveFinals({
        ...parts,
        items: new LiveItems(connection, this.#queues, TEST_MODEL.slug),
        finals: new LatestFinals(),
        preflights: new PreflightTexts(),
      }),
    });
    const sender = connection as unknown as Sender;
    const send = sender.sendCommand.bind(sender);
    sender.sendCommand = (command, stream) => {
      if (this.#calls++ !== this.#at) return send(command, stream);
      if (this.#fault === 'refused') {
        command.reject(new Error("OOM command not allowed when used memory > 'maxmemory'."));
        return command.promise;
      }
      if (this.#fault === 'unanswered') {
        command.resolve = () => {
          command.reject(new Error('Connection is closed.'));
        };
        return send(command, stream);
      }
      redis
        .call(command.name, ...command.args)
        .catch(() => undefined)
        .finally(() => {
          send(command, stream);
        });
      return command.promise;
    };
  }

  static async open(url: string): Promise<FaultyWorker> {
    const connection = patientConnection(url, logger);
    const store = await openAudioStore({ kind: 'redis', url, budgetBytes: 100_000_000 }, connection, () => connection);
    return new FaultyWorker(connection, store);
  }

  /** The call of that number goes wrong from now on. */
  spoil(at: number, fault: Fault): void {
    this.#calls = 0;
    this.#at = at;
    this.#fault = fault;
  }

  get calls(): number {
    return this.#calls;
  }

  async close(): Promise<void> {
    this.#at = -1;
    await this.#queues.close();
    this.#audio.close();
    this.#redis.disconnect();
  }
}

before(async () => {
  server = await startRedis();
  redis = patientConnection(server.url, logger);
  queues = new TicketQueues(redis);
  audio = await openAudioStore({ kind: 'redis', url: server.url, budgetBytes: 100_000_000 }, redis, () =>
    patientConnection(server.url, logger),
  );
  jobs = new JobStore(redis, queues, audio, 30_000);
  sessions = new LiveStore(redis, { keepMs: 60_000, closedKeepMs: 60_000, leaseMs: 60_000 });
  worker = await FaultyWorker.open(server.url);
});

after(async () => {
  await worker.close();
  await queues.close();
  audio.close();
  await redis.quit();
  await server.close();
});

/** Audio whose first sample names its item. */
function pcmOf(index: number, samples: number): Uint8Array {
  return new Uint8Array(new Int16Array(samples).fill(index).buffer);
}

async function recording(id: string): Promise<JobIdentity> {
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
  for (let index = 0; index < ITEMS; index++) {
    const chunk = testChunk(index);
    await jobs.addChunk(job, chunk, pcmOf(index, chunk.samples));
  }
  await jobs.endOfChunks(job);
  return job;
}

async function speech(id: string): Promise<void> {
  const session: NewLive = {
    id,
    tokenHash: 'h',
    owner: null,
    relay: 'a',
    holder: 'h',
    settings: liveSettingsSchema.parse({}),
    model: TEST_MODEL,
    decode: decodeOptionsSchema.parse({}),
  };
  await sessions.create(session);
  for (let utterance = 0; utterance < ITEMS; utterance++) {
    const [startSamples, samples] = [utterance * 16_000, 16_000];
    const times = { startMs: utterance * 1_000, endMs: utterance * 1_000 + 1_000, by: 'silence' } as const;
    const answer = await sessions.change(
      { ...session, epoch: 1 },
      {
        op: `h.${String(utterance)}`,
        after: utterance === 0 ? '' : `h.${String(utterance - 1)}`,
        fromSamples: startSamples,
        toSamples: startSamples + samples,
        pcm: pcmOf(utterance, samples),
        sourceSamples: startSamples + samples,
        decoder: null,
        snapshot: null,
        snapshotAtSamples: 0,
        keepFromSamples: startSamples + samples,
        open: null,
        partialAfterSamples: 0,
        cleared: false,
        finish: utterance === ITEMS - 1 ? 'finished' : null,
        renew: true,
        events: [{ type: 'ended', planned: { utterance, startSamples, samples, ...times } }],
      },
    );
    assert.equal(answer.outcome, 'ok');
  }
}

/** Works on the tickets that the store names until there are none, as worker and owner do together. */
async function work(
  job: string,
  lane: WorkTicket['lane'],
  tickets: () => Promise<{ ticket: number }[]>,
): Promise<void> {
  for (let round = 0; round < 20; round++) {
    const due = await tickets();
    if (due.length === 0) return;
    await Promise.all(due.map(({ ticket }) => worker.items.handle({ job, ticket, lane })));
  }
  assert.fail('the work does not end');
}

const USERS = {
  async recording(id: string): Promise<unknown> {
    const job = await recording(id);
    await work(id, 'interactive', () => jobs.tickets(job));
    const entries = await redis.xrange(`murm:{j.${id}}:events`, '-', '+');
    const [state, held] = await redis.hmget(`murm:{j.${id}}:job`, 'state', 'held');
    const told = entries.map(([, [, type, , result]]) =>
      type === 'result' ? (JSON.parse(result ?? '') as { segments: { text: string }[] }).segments[0]?.text : type,
    );
    return { told, state, held };
  },
  async speech(id: string): Promise<unknown> {
    await speech(id);
    await work(id, 'live', () => sessions.tickets(id));
    const entries = await redis.xrange(`murm:{s.${id}}:events`, '-', '+');
    const [state, held] = await redis.hmget(`murm:{s.${id}}:session`, 'state', 'held');
    const told = entries.flatMap(([, [, type, , body]]) =>
      type === 'final' ? [(JSON.parse(body ?? '') as { text: string }).text] : type === 'speech_ended' ? [] : [type],
    );
    return { told, state, held };
  },
};

const RIGHT = {
  recording: { told: ['item 0', 'item 1', 'item 2', 'assembling'], state: 'assembling', held: '0' },
  speech: { told: ['item 0', 'item 1', 'item 2', 'closed'], state: 'closed', held: '0' },
};

for (const user of ['recording', 'speech'] as const)
  for (const fault of ['refused', 'unanswered', 'repeated'] as const)
    test(
      `a ${user} comes to the same text whichever call of its worker to the store is ${fault}`,
      { timeout: 120_000 },
      async () => {
        worker.spoil(-1, fault);
        assert.deepEqual(await USERS[user](`${user}-${fault}`), RIGHT[user]);
        const { calls } = worker;
        assert.ok(calls > 8, String(calls));
        for (let at = 0; at < calls; at++) {
          worker.spoil(at, fault);
          assert.deepEqual(await USERS[user](`${user}-${fault}-${String(at)}`), RIGHT[user], `call ${String(at)}`);
        }
      },
    );
