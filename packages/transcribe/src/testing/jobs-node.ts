import { NO_TRACING } from '@murmuration/runtime';
import { setTimeout as pause } from 'node:timers/promises';
import { AsrError, transcribeOptionsSchema, type JobEvent } from '@murmuration/contracts';
import type { RecordingEvent, RecordingInput } from '@murmuration/audio';
import {
  JobEvents,
  JobStore,
  TicketQueues,
  UsageStore,
  WakeChannels,
  impatientConnection,
  openAudioStore,
  patientConnection,
  subscriberConnection,
  whenReady,
  type AudioStore,
  type Redis,
} from '@murmuration/store';
import type { Logger } from '@murmuration/runtime';
import type { OnJobEnd } from '../active-transcription.js';
import type { JobSubmission } from '../job-service.js';
import type { Jobs } from '../jobs/jobs.js';
import { JobsRuntime, type JobsOptions } from '../jobs/jobs-runtime.js';
import { RECONCILER_TIMES } from '../jobs/reconciler.js';
import { ModelRegistry } from '../model-registry.js';
import { Usage } from '../usage.js';

/** The jobs of one API node, with a reader that takes every piece of the source for one chunk's PCM. */
export interface JobsNode {
  readonly jobs: Jobs;
  readonly redis: Redis;
  readonly store: JobStore;
  readonly queues: TicketQueues;
  readonly audio: AudioStore;
  readonly usage: Usage;
  close(): Promise<void>;
  /** Ends it as a crash does: nothing is finished, nothing is told. */
  crash(): void;
}

export async function startNode(
  redisUrl: string,
  logger: Logger,
  options: Partial<JobsOptions> & {
    readonly leaseMs?: number;
    readonly roomWaitMs?: number;
    readonly countEveryMs?: number;
    readonly onJobEnd?: OnJobEnd;
  } = {},
): Promise<JobsNode> {
  const redis = impatientConnection(redisUrl, logger);
  const subscriber = subscriberConnection(redisUrl, logger);
  const patient = patientConnection(redisUrl, logger);
  await whenReady(redis, 5_000);
  const queues = new TicketQueues(redis);
  const audio = await openAudioStore({ kind: 'redis', url: redisUrl, budgetBytes: 100_000_000 }, redis, (url) =>
    impatientConnection(url, logger),
  );
  const leaseMs = options.leaseMs ?? 30_000;
  const store = new JobStore(redis, queues, audio, leaseMs);
  const usage = new Usage(new UsageStore(redis), options.monthlyAudioSeconds ?? (() => null));
  const runtime = new JobsRuntime(
    {
      jobs: store,
      audio,
      queues,
      redis,
      subscriber,
      patient,
      logger,
      budgetBytes: 100_000_000,
      leaseMs,
      events: new JobEvents(redis, new WakeChannels(subscriber)),
      registry: new ModelRegistry(redis, null),
      read: readPieces,
      limits: { maxDurationMs: 1e9, maxChannels: 1 },
      workerWaitMs: 5_000,
      maxAheadMs: 1e9,
      roomWaitMs: options.roomWaitMs ?? 60_000,
      tracing: NO_TRACING,
      usage,
      ...(options.countEveryMs === undefined ? {} : { countEveryMs: options.countEveryMs }),
      onJobEnd: options.onJobEnd ?? (() => undefined),
    },
    { reconciler: { ...RECONCILER_TIMES, everyMs: 50, quietMs: 100, webhookLateMs: 200 }, ...options },
  );
  return {
    jobs: runtime.jobs,
    redis,
    store,
    queues,
    audio,
    usage,
    close: async () => {
      await runtime.close();
      await usage.close();
      await queues.close();
      audio.close();
      subscriber.disconnect();
      patient.disconnect();
      await redis.quit().catch(() => undefined);
      // One that could not say goodbye would try to connect again for ever.
      redis.disconnect();
    },
    crash: () => {
      audio.close();
      for (const connection of [redis, subscriber, patient]) connection.disconnect();
      runtime.close().catch(() => undefined);
    },
  };
}

async function* readPieces({ source, signal }: RecordingInput): AsyncGenerator<RecordingEvent> {
  let index = 0;
  let samples = 0;
  for await (const piece of source) {
    if (signal.aborted) throw new AsrError('cancelled');
    if (piece.length === 1) throw new AsrError('unprocessable_audio');
    const length = piece.length / 2;
    yield {
      type: 'chunk',
      pcm: piece,
      chunk: {
        index,
        channel: 0,
        samples: length,
        spans: [{ chunkMs: 0, startMs: samples / 16, durationMs: length / 16 }],
        speech: [],
        overlapMs: 0,
      },
    };
    index++;
    samples += length;
  }
  yield {
    type: 'end',
    summary: {
      durationMs: samples / 16,
      channels: 1,
      format: 'pieces',
      accounting: { speechMs: samples / 16, nonSpeechMs: 0, skipped: [] },
      warnings: [],
      decodeMs: 1,
      detectMs: 1,
      chunks: index,
    },
  };
}

/** PCM of one chunk (100 ms) whose text is `w<word> x<word>`. */
export function piece(word: number): Buffer {
  const pcm = Buffer.alloc(3_200);
  pcm.writeInt16LE(word);
  return pcm;
}

/** A source of chunks; copies, since a reader may keep what it is given. */
export async function* pieces(...words: number[]): AsyncGenerator<Uint8Array> {
  for (const word of words) {
    await Promise.resolve();
    yield piece(word);
  }
}

export function submission(over: Partial<JobSubmission> = {}): JobSubmission {
  return {
    id: null,
    whose: 'everybody',
    source: pieces(1, 2, 3),
    contentType: null,
    extension: null,
    options: transcribeOptionsSchema.parse({}),
    priority: 'batch',
    owner: null,
    metadata: null,
    webhook: null,
    retentionSeconds: null,
    idempotencyKey: null,
    fingerprint: '{}',
    signal: new AbortController().signal,
    ...over,
  };
}

/** The text of chunks of these words. */
export function textOf(...words: number[]): string {
  return words.map((word) => `w${String(word)} x${String(word)}`).join(' ');
}

/** Longest wait for what must come: long for a busy machine, and short enough that the test which waits says so itself. */
const UNTIL_MS = 60_000;

/** Asks until the answer is not null. Throws when it does not come, so that the stack shows who waited. */
export async function until<T>(look: () => Promise<T | null>): Promise<T> {
  for (const sinceMs = performance.now(); performance.now() - sinceMs < UNTIL_MS;) {
    const found = await look();
    if (found !== null) return found;
    await pause(5);
  }
  throw new Error(`what was waited for did not come within ${String(UNTIL_MS / 1_000)} s`);
}

/** Asks again while the store does not answer, as a client is told to. */
export function served<T extends object>(ask: () => Promise<T>): Promise<T> {
  return until(() =>
    ask().catch((error: unknown) => {
      if (error instanceof AsrError && error.code === 'backend_unavailable') return null;
      throw error;
    }),
  );
}

/** Resolves with the transcript's text when the job is done, whatever becomes of the store in between. */
export async function untilText(jobs: Jobs, id: string): Promise<string> {
  await until(async () => ((await served(() => jobs.get(id, 'everybody'))).status === 'done' ? true : null));
  return (await served(() => jobs.transcript(id, 'everybody'))).text;
}

/** Resolves when the job has this status. */
export async function untilStatus(jobs: Jobs, id: string, status: string): Promise<void> {
  await until(async () => ((await jobs.get(id, 'everybody')).status === status ? true : null));
}

/** Everything that is heard after the id, to the end. */
export async function heard(jobs: Jobs, id: string, afterId = '0'): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  for await (const one of await jobs.follow(id, 'everybody', afterId, AbortSignal.timeout(20_000))) events.push(one);
  return events;
}
