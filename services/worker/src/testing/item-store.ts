import assert from 'node:assert/strict';
import { decodeOptionsSchema, liveSettingsSchema } from '@murmuration/contracts';
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
  type LiveChange,
  type NewLive,
  type Redis,
} from '@murmuration/store';
import { TEST_MODEL, startRedis, testChunk, type TestRedis } from '@murmuration/store/testing';
import { Metrics, createLogger, NO_TRACING } from '@murmuration/runtime';
import type { BatcherRow, RowResult } from '../scheduler/batcher.js';
import { BatchShare, Holdings } from '../scheduler/holdings.js';
import { CancelledJobs } from '../work/cancelled-jobs.js';
import { LiveFinals } from '../work/live-finals.js';
import { LatestFinals, PreflightTexts } from '../work/live-partials.js';
import { RecordingItems } from '../work/recording-items.js';
import { ResultWriter, UntilStored } from '../work/result-writer.js';
import { TranscribeItems } from '../work/transcribe-items.js';

export const silentLogger = createLogger({ service: 'test', level: 'silent' });

/** Samples of an utterance of an `ItemStore`'s session: a second. */
const UTTERANCE_SAMPLES = 16_000;

/** A connection with what stands on it. */
interface Connected {
  readonly redis: Redis;
  readonly queues: TicketQueues;
  readonly audio: AudioStore;
}

export async function connect(url: string): Promise<Connected> {
  const redis = patientConnection(url, silentLogger);
  const audio = await openAudioStore({ kind: 'redis', url, budgetBytes: 100_000_000 }, redis, () => redis);
  return { redis, queues: new TicketQueues(redis), audio };
}

export async function disconnect({ redis, queues, audio }: Connected): Promise<void> {
  await queues.close();
  audio.close();
  redis.disconnect();
}

/** A Redis of its own, with jobs and live sessions whose items a worker is to work on. */
export class ItemStore implements Connected {
  readonly #server: TestRedis;
  readonly redis: Redis;
  readonly queues: TicketQueues;
  readonly audio: AudioStore;
  readonly jobs: JobStore;
  readonly sessions: LiveStore;

  private constructor(server: TestRedis, { redis, queues, audio }: Connected) {
    this.#server = server;
    this.redis = redis;
    this.queues = queues;
    this.audio = audio;
    this.jobs = new JobStore(redis, queues, audio, 30_000, () => 0);
    this.sessions = new LiveStore(redis, { keepMs: 60_000, closedKeepMs: 60_000, leaseMs: 60_000 });
  }

  static async start(): Promise<ItemStore> {
    const server = await startRedis();
    return new ItemStore(server, await connect(server.url));
  }

  get url(): string {
    return this.#server.url;
  }

  async close(): Promise<void> {
    await disconnect(this);
    await this.#server.close();
  }

  /** A job that is planned to its end. */
  async newJob(id: string, items: number): Promise<JobIdentity> {
    const job: JobIdentity = {
      id,
      lane: 'interactive',
      modelId: 'm',
      modelSlug: 'm',
      decode: decodeOptionsSchema.parse({}),
      awaitsLanguage: false,
      owner: null,
    };
    await this.jobs.create(job);
    for (let index = 0; index < items; index++) {
      const chunk = testChunk(index);
      await this.jobs.addChunk(job, chunk, pcmOf(index, chunk.samples));
    }
    await this.jobs.endOfChunks(job);
    return job;
  }

  /** A session of so many utterances that follow each other. @param more of the change that each utterance is */
  async newSession(
    id: string,
    utterances: number,
    more: (utterance: number) => Partial<LiveChange> = () => ({}),
  ): Promise<void> {
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
    await this.sessions.create(session);
    for (let utterance = 0; utterance < utterances; utterance++) {
      const fromSamples = utterance * UTTERANCE_SAMPLES;
      const toSamples = fromSamples + UTTERANCE_SAMPLES;
      const [startMs, endMs] = [fromSamples / 16, toSamples / 16];
      const answer = await this.sessions.change(
        { ...session, epoch: 1 },
        {
          op: `h.${String(utterance)}`,
          after: utterance === 0 ? '' : `h.${String(utterance - 1)}`,
          fromSamples,
          toSamples,
          pcm: pcmOf(utterance, UTTERANCE_SAMPLES),
          sourceSamples: toSamples,
          decoder: null,
          snapshot: null,
          snapshotAtSamples: 0,
          keepFromSamples: toSamples,
          open: null,
          partialAfterSamples: 0,
          cleared: false,
          finish: null,
          renew: true,
          events: [
            { type: 'started', utterance, atMs: startMs },
            {
              type: 'ended',
              planned: {
                utterance,
                startSamples: fromSamples,
                samples: UTTERANCE_SAMPLES,
                startMs,
                endMs,
                by: 'silence',
              },
            },
          ],
          ...more(utterance),
        },
      );
      assert.equal(answer.outcome, 'ok');
    }
  }

  /** Events of a session, in order: type and body. */
  async told(session: string): Promise<(readonly [type: string, body: { readonly text?: string }])[]> {
    const entries = await this.redis.xrange(`murm:{s.${session}}:events`, '-', '+');
    return entries.map(([, [, type = '', , body = '{}']]) => [type, JSON.parse(body) as { readonly text?: string }]);
  }
}

/** Audio whose first sample names its item. */
function pcmOf(index: number, samples: number): Uint8Array {
  return new Uint8Array(new Int16Array(samples).fill(index).buffer);
}

/** What a model says that said this. */
export function rowOf(text: string): RowResult {
  const segment = { startMs: 0, endMs: 900, text, channel: 0, confidence: 1, avgLogprob: 0 };
  return {
    recognition: {
      segments: [{ ...segment, noSpeechProb: 0, compressionRatio: 1, temperature: 0, tokens: [] }],
      filtered: [],
      language: 'en',
      languageProbability: 1,
    },
    startedAtMs: 1,
    inferenceMs: 1,
    batchSize: 1,
  };
}

/** All of a worker that stands between its queue and its model. Two items of a job fit into a turn. */
export function itemWorker(
  { redis, queues, audio }: Connected,
  recognize: (row: BatcherRow) => Promise<RowResult>,
  untilStored = new UntilStored(silentLogger),
  cancelled = new CancelledJobs(),
): TranscribeItems {
  const items = new WorkItems(redis, queues, 'm');
  const parts = { untilStored, cancelled, metrics: new Metrics() };
  return new TranscribeItems({
    tracing: NO_TRACING,
    model: 'm',
    ...parts,
    logger: silentLogger,
    batcher: { submit: recognize },
    holdings: new Holdings(16),
    share: new BatchShare(() => Promise.resolve()),
    recordings: new RecordingItems({
      ...parts,
      workerId: 'w',
      items,
      audio,
      batchItems: 8,
      turnMs: testChunk(0).samples / 16 + 1,
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
