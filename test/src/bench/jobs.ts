import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  JobStore,
  TicketQueues,
  TicketWorker,
  WorkItems,
  openAudioStore,
  patientConnection,
  type JobIdentity,
} from '@murmuration/store';
import { startRedis } from '@murmuration/store/testing';
import { createLogger } from '@murmuration/runtime';
import { Cluster } from '../harness/cluster.js';
import { median, percentile, printFigures, type Figure } from '../harness/figures.js';
import { submit } from '../harness/jobs-client.js';
import { samples, wavFile } from '../harness/wav.js';
import {
  ADDED,
  ITEMS_A_TICKET,
  JOB_CHUNKS,
  SLUG,
  TURN_MS,
  counters,
  manyWorkers,
  newJob,
  planned,
  result,
  timeCommands,
} from './scale/simulated-workers.js';

/*
 * What jobs cost. First how many short ones one API node accepts a second, with a simulated device behind it. Then what a chunk costs Redis on its
 * way (stored, queued, taken, run, result stored, gone), read from Redis' own counters, while other chunks wait: the cost must not grow with them.
 * Last, many workers on one Redis: how many chunks a second pass, and what part of the time the workers are busy.
 */

const SUBMISSIONS = 400;
const CLIENTS = 16;
const CHUNKS = 3_000;
const BACKLOGS = [0, 10_000, 100_000];
/** What a worker of two sessions holds: four batches' worth. */
const HOLDS = 32;
/** Four seconds of speech, as Moonshine's chunks are on average; those of the backlog are small, so that memory is not what is measured. */
const PCM = new Uint8Array((await samples())[0]?.pcm.slice(0, 64_000).buffer ?? new ArrayBuffer(0));
const SMALL_PCM = new Uint8Array(64);

async function submitRate(): Promise<Figure[]> {
  const cluster = await Cluster.start({ worker: { DEVICE: 'simulated' }, wholeMachine: true });
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

  const inCommands = await timeCommands(redis);
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
  const commandMicroseconds = await inCommands();
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
    { name: `${name}: in commands a chunk`, value: commandMicroseconds / CHUNKS, unit: 'µs', note: 'of that' },
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

async function workersOnOneRedis(workers: number, batchMs: number, batches: number): Promise<Figure[]> {
  const measured = await manyWorkers({ workers, batchMs, batches });
  const name = `${String(workers)} workers, batches of ${String(batchMs)} ms`;
  return [
    {
      name: `${name}: busy`,
      value: 100 * measured.busyShare,
      unit: '%',
      note: 'while there is work; from their start on',
    },
    { name: `${name}: chunks`, value: measured.chunksPerSecond, unit: 'a second', note: 'all workers in one process' },
    { name: `${name}: commands a chunk`, value: measured.commands, unit: '', note: 'without adding' },
    { name: `${name}: in commands a chunk`, value: measured.commandMicroseconds, unit: 'µs', note: 'without adding' },
    {
      name: `${name}: time in Redis a chunk`,
      value: measured.redisMicroseconds,
      unit: 'µs',
      note: `without adding; a core of its own carries ${String(Math.round(1e6 / measured.redisMicroseconds))} a second`,
    },
  ];
}

const figures = await submitRate();
for (const backlog of BACKLOGS) figures.push(...(await costOfChunk(backlog)));
figures.push(...(await workersOnOneRedis(16, 1, 50)), ...(await workersOnOneRedis(64, 4_000, 8)));
printFigures('jobs', figures);
