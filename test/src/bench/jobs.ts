import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeOptionsSchema, type ChunkResult, type PlannedChunk } from '@murmuration/contracts';
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
import { createLogger } from '@murmuration/runtime';
import { Cluster } from '../harness/cluster.js';
import { median, percentile, printFigures, type Figure } from '../harness/figures.js';
import { submit } from '../harness/jobs-client.js';
import { samples, wavFile } from '../harness/wav.js';

/*
 * What jobs cost. First how many short ones one API node accepts a second, with a simulated device behind it. Then what a chunk costs Redis on its
 * way (stored, queued, taken, run, result stored, gone), read from Redis' own counters, while other chunks wait: the cost must not grow with them.
 * Last, many workers on one Redis: how many chunks a second pass, and what part of the time the workers are busy.
 */

const SUBMISSIONS = 400;
const CLIENTS = 16;
const CHUNKS = 3_000;
const BACKLOGS = [0, 10_000, 100_000];
/** A job of the backlog has this many chunks. */
const JOB_CHUNKS = 500;
const SLUG = 'bench';
/** A batch's worth, and what a worker of two sessions holds. */
const ITEMS_A_TICKET = 8;
/** Audio of a turn: a batch's worth of the chunks below. */
const TURN_MS = ITEMS_A_TICKET * 4_000;
const HOLDS = 32;
const ADDED = 8;
/** Four seconds of speech, as Moonshine's chunks are on average; those of the backlog are small, so that memory is not what is measured. */
const PCM = new Uint8Array((await samples())[0]?.pcm.slice(0, 64_000).buffer ?? new ArrayBuffer(0));
const SMALL_PCM = new Uint8Array(64);

async function submitRate(): Promise<Figure[]> {
  const cluster = await Cluster.start({ worker: { DEVICE: 'simulated' } });
  const [short] = (await samples()).sort((a, b) => a.pcm.length - b.pcm.length);
  const file = wavFile(short?.pcm.slice(0, 3 * 16_000) ?? new Int16Array(48_000));
  const times: number[] = [];
  let left = SUBMISSIONS;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (left-- > 0) {
        const begin = performance.now();
        const response = await submit(cluster.url, file);
        await response.arrayBuffer();
        if (response.status !== 202) throw new Error(`refused with ${String(response.status)}`);
        times.push(performance.now() - begin);
      }
    }),
  );
  const seconds = (performance.now() - started) / 1_000;
  await cluster.close();
  return [
    {
      name: 'jobs accepted',
      value: SUBMISSIONS / seconds,
      unit: 'a second',
      note: `${String(CLIENTS)} clients, three seconds of wav each, detection included`,
    },
    { name: 'from first byte to 202, median', value: median(times), unit: 'ms' },
    { name: 'from first byte to 202, p95', value: percentile(times, 0.95), unit: 'ms' },
  ];
}

function planned(index: number): PlannedChunk {
  return {
    index,
    channel: 0,
    samples: 64_000,
    spans: [{ chunkMs: 0, startMs: index * 4_000, durationMs: 4_000 }],
    speech: [{ startMs: index * 4_000, endMs: index * 4_000 + 3_900 }],
    overlapMs: 0,
  };
}

function result(index: number): ChunkResult {
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

function newJob(): JobIdentity {
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
async function counters(redis: Redis): Promise<{ commands: number; microseconds: number; bytes: number }> {
  const text = (await Promise.all([redis.info('stats'), redis.info('cpu')])).join('\n');
  const of = (name: string): number => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(text)?.[1] ?? Number.NaN);
  return {
    commands: of('total_commands_processed'),
    // Time by command would count what scripts run twice.
    microseconds: (of('used_cpu_user_main_thread') + of('used_cpu_sys_main_thread')) * 1e6,
    bytes: of('total_net_input_bytes') + of('total_net_output_bytes'),
  };
}

async function costOfChunk(backlog: number): Promise<Figure[]> {
  const server = await startRedis(['--appendfsync', 'no', '--maxmemory', '4gb']);
  const logger = createLogger({ service: 'bench', level: 'silent' });
  const redis = patientConnection(server.url, logger);
  const workerRedis = patientConnection(server.url, logger);
  const queues = new TicketQueues(redis);
  const dir = await mkdtemp(join(tmpdir(), 'murmuration-audio-'));
  const audio = await openAudioStore({ kind: 'directory', dir, budgetBytes: 4e9 }, redis, (url) =>
    patientConnection(url, logger),
  );
  const jobs = new JobStore(redis, queues, audio, 3_600_000);
  const items = new WorkItems(redis, queues, SLUG);

  const add = async (job: JobIdentity, count: number, pcm: Uint8Array): Promise<void> => {
    // Eight at a time, as `RecordingPlanner` adds the chunks of a long recording.
    for (let at = 0; at < count; at += ADDED) {
      const chunks = Array.from({ length: Math.min(ADDED, count - at) }, (_, i) => planned(at + i));
      await Promise.all(chunks.map((chunk) => jobs.storeAudio(job, chunk, pcm)));
      await jobs.addItems(job, chunks);
    }
    await jobs.endOfChunks(job);
  };
  for (let at = 0; at < backlog; at += JOB_CHUNKS) {
    const job = newJob();
    await jobs.create(job);
    await add(job, Math.min(JOB_CHUNKS, backlog - at), SMALL_PCM);
  }

  const before = await counters(redis);
  const started = performance.now();
  let done = 0;
  let enough: () => void = () => undefined;
  const processed = new Promise<void>((resolve) => {
    enough = resolve;
  });
  let held = 0;
  const worker: TicketWorker = new TicketWorker(
    SLUG,
    workerRedis,
    {
      ticket: async (ticket) => {
        const taken = await items.take(ticket, 4 * ITEMS_A_TICKET, TURN_MS);
        held += taken.length;
        await Promise.all(taken.map((item) => audio.get(item.job, item.index)));
        await items.begin(taken);
        await items.give(taken.map((item) => ({ item, result: result(item.index) })));
        await Promise.all(taken.map((item) => audio.delete(item.job, item.index)));
        held -= taken.length;
        worker.roomChanged();
        done += taken.length;
        if (done >= CHUNKS) enough();
      },
      partial: () => Promise.resolve(),
      hasRoom: () => held < HOLDS,
    },
    { onFetch: () => undefined, onStalled: () => undefined, onError: () => undefined },
  );
  // As many come as go, so that the backlog stays what it is.
  await Promise.all([
    processed,
    ...Array.from({ length: CHUNKS / JOB_CHUNKS }, async () => {
      const job = newJob();
      await jobs.create(job);
      await add(job, JOB_CHUNKS, PCM);
    }),
  ]);
  const seconds = (performance.now() - started) / 1_000;
  const after = await counters(redis);
  await worker.close();
  await queues.close();
  audio.close();
  workerRedis.disconnect();
  redis.disconnect();
  await server.close();
  await rm(dir, { recursive: true });
  const name = `backlog of ${String(backlog)}`;
  return [
    {
      name: `${name}: commands a chunk`,
      value: (after.commands - before.commands) / CHUNKS,
      unit: '',
      note: 'those that scripts run among them',
    },
    {
      name: `${name}: time in Redis a chunk`,
      value: (after.microseconds - before.microseconds) / CHUNKS,
      unit: 'µs',
      note: 'processor time of its thread',
    },
    {
      name: `${name}: bytes a chunk`,
      value: (after.bytes - before.bytes) / CHUNKS,
      unit: 'bytes',
      note: 'both directions; audio lies in a folder',
    },
    {
      name: `${name}: chunks`,
      value: CHUNKS / seconds,
      unit: 'a second',
      note: 'one process that adds, fetches and finishes',
    },
  ];
}

/** A worker without a model: takes tickets while it holds fewer than two batches' worth, and runs batches that take `batchMs`. */
class BenchWorker {
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

/** Long jobs on one Redis and many workers, all of this process. Answers once as many chunks are done as the workers take together in `batches` batches each. */
async function manyWorkers(workers: number, batchMs: number, batches: number): Promise<Figure[]> {
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
  const total = chunks + workers * 2 * ITEMS_A_TICKET;
  for (let at = 0; at < total; at += JOB_CHUNKS) {
    const job = newJob();
    await jobs.create(job);
    for (let index = 0; index < Math.min(JOB_CHUNKS, total - at); index += ADDED)
      await jobs.addItems(
        job,
        Array.from({ length: Math.min(ADDED, JOB_CHUNKS - index) }, (_, i) => planned(index + i)),
      );
    await jobs.endOfChunks(job);
  }
  const connections = Array.from({ length: workers }, () => patientConnection(server.url, logger));
  const before = await counters(redis);
  const started = performance.now();
  let done = 0;
  const running: BenchWorker[] = [];
  await new Promise<void>((resolve) => {
    running.push(
      ...connections.map(
        (connection) =>
          new BenchWorker(connection, queues, batchMs, (items) => {
            done += items;
            if (done >= chunks) resolve();
          }),
      ),
    );
  });
  const ms = performance.now() - started;
  const after = await counters(redis);
  const busyMs = running.reduce((sum, worker) => sum + worker.busyMs, 0);
  await Promise.all(running.map((worker) => worker.close()));
  await queues.close();
  for (const connection of [redis, ...connections]) connection.disconnect();
  await server.close();
  await rm(dir, { recursive: true });
  const name = `${String(workers)} workers, batches of ${String(batchMs)} ms`;
  const microseconds = (after.microseconds - before.microseconds) / done;
  return [
    {
      name: `${name}: busy`,
      value: (100 * busyMs) / (ms * workers),
      unit: '%',
      note: 'while there is work; from their start on',
    },
    { name: `${name}: chunks`, value: (done / ms) * 1_000, unit: 'a second', note: 'all workers in one process' },
    {
      name: `${name}: commands a chunk`,
      value: (after.commands - before.commands) / done,
      unit: '',
      note: 'without adding',
    },
    {
      name: `${name}: time in Redis a chunk`,
      value: microseconds,
      unit: 'µs',
      note: `without adding; a core of its own carries ${String(Math.round(1e6 / microseconds))} a second`,
    },
  ];
}

const figures = await submitRate();
for (const backlog of BACKLOGS) figures.push(...(await costOfChunk(backlog)));
figures.push(...(await manyWorkers(16, 1, 50)), ...(await manyWorkers(64, 4_000, 8)));
printFigures('jobs', figures);
