import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeOptionsSchema, type ChunkResult, type PlannedChunk } from '@murmuration/contracts';
import { createLogger } from '@murmuration/runtime';
import {
  JobStore,
  TicketQueues,
  TicketWorker,
  WorkItems,
  openAudioStore,
  patientConnection,
  type JobIdentity,
  type Redis,
  type WorkItem,
} from '@murmuration/store';
import { startRedis } from '@murmuration/store/testing';

export const SLUG = 'bench';
/** A job has this many chunks. */
export const JOB_CHUNKS = 500;
/** A batch's worth. */
export const ITEMS_A_TICKET = 8;
/** Audio of a turn: a batch's worth of chunks of four seconds. */
export const TURN_MS = ITEMS_A_TICKET * 4_000;
/** Chunks that are added at once, as an upload adds those of a long recording. */
export const ADDED = 8;

export function planned(index: number): PlannedChunk {
  return {
    index,
    channel: 0,
    samples: 64_000,
    spans: [{ chunkMs: 0, startMs: index * 4_000, durationMs: 4_000 }],
    speech: [{ startMs: index * 4_000, endMs: index * 4_000 + 3_900 }],
    overlapMs: 0,
  };
}

export function result(index: number): ChunkResult {
  const text = 'and so my fellow citizens the reason';
  return {
    index,
    channel: 0,
    overlapMs: 0,
    audioMs: 4_000,
    queueMs: 1,
    inferenceMs: 1,
    batchSize: 8,
    worker: 'bench',
    language: 'en',
    languageProbability: null,
    filtered: [],
    segments: [
      {
        startMs: index * 4_000,
        endMs: index * 4_000 + 3_900,
        text,
        channel: 0,
        confidence: 0.9,
        avgLogprob: -0.1,
        noSpeechProb: 0,
        compressionRatio: 1,
        temperature: 0,
        tokens: [1, 2, 3, 4, 5, 6, 7, 8],
      },
    ],
  };
}

export function newJob(): JobIdentity {
  return {
    id: randomUUID(),
    lane: 'batch',
    modelId: SLUG,
    modelSlug: SLUG,
    decode: decodeOptionsSchema.parse({}),
    awaitsLanguage: false,
    owner: null,
  };
}

/** Redis' counters: commands run, microseconds of its thread, bytes in and out. */
export async function counters(redis: Redis): Promise<{ commands: number; microseconds: number; bytes: number }> {
  const text = (await Promise.all([redis.info('stats'), redis.info('cpu')])).join('\n');
  const of = (name: string): number => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(text)?.[1] ?? Number.NaN);
  return {
    commands: of('total_commands_processed'),
    // Time by command would count what scripts run twice.
    microseconds: (of('used_cpu_user_main_thread') + of('used_cpu_sys_main_thread')) * 1e6,
    bytes: of('total_net_input_bytes') + of('total_net_output_bytes'),
  };
}

/** Begins to time commands, a script as one; the answer reads how long they have taken since then, microseconds. Sockets are left out. By the clock: on a busy machine it says too much. Makes Redis' thread about a tenth dearer. */
export async function timeCommands(redis: Redis): Promise<() => Promise<number>> {
  // Redis' log of slow commands, with every command in it: times by command name would count what scripts run twice.
  await redis.config('SET', 'slowlog-max-len', '10000000');
  await redis.config('SET', 'slowlog-log-slower-than', '0');
  await redis.slowlog('RESET');
  return async () => {
    await redis.config('SET', 'slowlog-log-slower-than', '-1');
    const entries = (await redis.slowlog('GET', '-1')) as (readonly [number, number, number])[];
    await redis.slowlog('RESET');
    return entries.reduce((sum, [, , microseconds]) => sum + microseconds, 0);
  };
}

/** A worker without a model: takes tickets while it holds fewer than two batches' worth, and runs batches that take `batchMs`. */
class SimulatedWorker {
  readonly #items: WorkItems;
  readonly #tickets: TicketWorker;
  readonly #batchMs: number;
  readonly #onDone: (items: number) => void;
  readonly #waiting: { readonly item: WorkItem; readonly end: () => void }[] = [];
  #held = 0;
  #running = false;
  /** Time with a batch that ran, milliseconds. */
  busyMs = 0;

  constructor(redis: Redis, queues: TicketQueues, batchMs: number, onDone: (items: number) => void) {
    this.#items = new WorkItems(redis, queues, SLUG);
    this.#batchMs = batchMs;
    this.#onDone = onDone;
    this.#tickets = new TicketWorker(
      SLUG,
      redis,
      {
        ticket: async (ticket) => {
          this.#held += ITEMS_A_TICKET;
          const taken = await this.#items.take(ticket, 4 * ITEMS_A_TICKET, TURN_MS);
          this.#held -= ITEMS_A_TICKET - taken.length;
          await Promise.all(
            taken.map(
              (item) =>
                new Promise<void>((end) => {
                  this.#waiting.push({ item, end });
                  this.#run();
                }),
            ),
          );
        },
        partial: () => Promise.resolve(),
        hasRoom: () => this.#held < 2 * ITEMS_A_TICKET,
      },
      {
        onFetch: () => undefined,
        onStalled: () => undefined,
        onError: (error) => {
          throw error;
        },
      },
    );
  }

  #run(): void {
    if (this.#running) return;
    const batch = this.#waiting.splice(0, ITEMS_A_TICKET);
    if (batch.length === 0) return;
    this.#running = true;
    const began = performance.now();
    setTimeout(() => {
      this.busyMs += performance.now() - began;
      this.#running = false;
      this.#give(batch).catch((error: unknown) => {
        throw error;
      });
      this.#run();
    }, this.#batchMs);
    for (const items of byJob(batch.map(({ item }) => item))) this.#items.begin(items).catch(() => undefined);
  }

  async #give(batch: readonly { readonly item: WorkItem; readonly end: () => void }[]): Promise<void> {
    for (const items of byJob(batch.map(({ item }) => item)))
      await this.#items.give(items.map((item) => ({ item, result: result(item.index) })));
    for (const { end } of batch) end();
    this.#held -= batch.length;
    this.#tickets.roomChanged();
    this.#onDone(batch.length);
  }

  close(): Promise<void> {
    return this.#tickets.close();
  }
}

function byJob(items: readonly WorkItem[]): WorkItem[][] {
  return [...new Set(items.map((item) => item.job))].map((job) => items.filter((item) => item.job === job));
}

/** What many workers on one Redis were seen to do. */
export interface Measured {
  readonly chunksPerSecond: number;
  /** Of the workers' time, 0 to 1. */
  readonly busyShare: number;
  /** Of one core, 0 to 1. */
  readonly redisShare: number;
  /** Processor time of Redis a chunk. */
  readonly redisMicroseconds: number;
  /** Of that, what commands take. */
  readonly commandMicroseconds: number;
  /** Commands a chunk, those that scripts run among them. */
  readonly commands: number;
  readonly redisMegabytes: number;
}

/**
 * Long jobs on one Redis and many workers, all of this process, without audio. Ends once as many chunks are done as the workers take together in `batches`
 * batches each; `waiting` more chunks wait all the while.
 */
export async function manyWorkers({
  workers,
  batchMs,
  batches,
  waiting = 0,
}: {
  readonly workers: number;
  readonly batchMs: number;
  readonly batches: number;
  readonly waiting?: number;
}): Promise<Measured> {
  const server = await startRedis(['--appendfsync', 'no', '--maxmemory', '4gb']);
  const logger = createLogger({ service: 'bench', level: 'silent' });
  const redis = patientConnection(server.url, logger);
  const queues = new TicketQueues(redis);
  const dir = await mkdtemp(join(tmpdir(), 'murmuration-bench-'));
  const jobs = new JobStore(
    redis,
    queues,
    await openAudioStore({ kind: 'directory', dir, budgetBytes: 4e9 }, redis, (url) => patientConnection(url, logger)),
    3_600_000,
  );
  const chunks = workers * batches * ITEMS_A_TICKET;
  // Two batches a worker more: what is measured ends before the work does.
  const total = chunks + workers * 2 * ITEMS_A_TICKET + waiting;
  for (let at = 0; at < total; at += JOB_CHUNKS) {
    const job = newJob();
    await jobs.create(job);
    const ofJob = Math.min(JOB_CHUNKS, total - at);
    for (let index = 0; index < ofJob; index += ADDED)
      await jobs.addItems(
        job,
        Array.from({ length: Math.min(ADDED, ofJob - index) }, (_, i) => planned(index + i)),
      );
    await jobs.endOfChunks(job);
  }
  const connections = Array.from({ length: workers }, () => patientConnection(server.url, logger));
  const inCommands = await timeCommands(redis);
  const before = await counters(redis);
  const started = performance.now();
  let done = 0;
  const running: SimulatedWorker[] = [];
  await new Promise<void>((resolve) => {
    running.push(
      ...connections.map(
        (connection) =>
          new SimulatedWorker(connection, queues, batchMs, (items) => {
            done += items;
            if (done >= chunks) resolve();
          }),
      ),
    );
  });
  // Workers go on while Redis is asked.
  const ms = performance.now() - started;
  const busyMs = running.reduce((sum, worker) => sum + worker.busyMs, 0);
  const after = await counters(redis);
  const finished = done;
  const commandMicroseconds = await inCommands();
  const memory = Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1] ?? Number.NaN);
  const measured = {
    chunksPerSecond: (finished / ms) * 1_000,
    busyShare: busyMs / (ms * workers),
    redisShare: (after.microseconds - before.microseconds) / (ms * 1_000),
    redisMicroseconds: (after.microseconds - before.microseconds) / finished,
    commandMicroseconds: commandMicroseconds / finished,
    commands: (after.commands - before.commands) / finished,
    redisMegabytes: memory / 1e6,
  };
  await Promise.all(running.map((worker) => worker.close()));
  await queues.close();
  for (const connection of [redis, ...connections]) connection.disconnect();
  await server.close();
  await rm(dir, { recursive: true });
  return measured;
}
