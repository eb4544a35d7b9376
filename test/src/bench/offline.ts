import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { availableParallelism } from 'node:os';
import { RecognizerPool, isOutOfMemory, resolveModel, type Dtype } from '@murmuration/asr';
import { SpeechReader, vadModelFiles } from '@murmuration/audio';
import { decodeOptionsSchema, detectOptionsSchema } from '@murmuration/contracts';
import { laneOf } from '@murmuration/store';
import { Batcher } from '@murmuration/worker/batcher';
import { Cluster } from '../harness/cluster.js';
import { transcribe } from '../harness/api-requests.js';
import { benchOptions } from '../harness/bench-options.js';
import { median, percentile, printFigures, type Figure } from '../harness/figures.js';
import { ROOT } from '../harness/service-process.js';
import { RATE_HZ, joined, samples, wavFile } from '../harness/wav.js';

/*
 * How fast speech comes back: the sample recordings in a loop, and the samples as clips, through the API, beside the same through detector, planner,
 * batcher and model in this process, in turn and in one run, so that a noisy machine hurts both alike. Then what a short clip pays beyond
 * detection and inference.
 *   npm run bench -- offline [--model NAME] [--dtype auto|int8|fp16|fp32]
 */

const values = benchOptions({
  model: { type: 'string', default: 'moonshine-tiny' },
  dtype: { type: 'string', default: 'auto' },
});

const ROUNDS = 4;
/** Recordings a round, each of some minutes of the samples. */
const RECORDINGS = 4;
const LOOPS = 12;
/** Clips a round. */
const CLIPS = 48;
const SHORT_REQUESTS = 60;
const MAX_BATCH_MS = 250;
const CACHE = join(ROOT, '.murmuration', 'models');

/** Runs `work` on every item, `width` at a time. */
async function eachOf<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
    }),
  );
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1_000;
}

const clips = await samples();
const recordings = Array.from({ length: RECORDINGS }, (_, i) => {
  const order = clips.map((_clip, j) => clips[(i + j) % clips.length]?.pcm ?? new Int16Array(0));
  return wavFile(joined(Array.from({ length: LOOPS }, () => order).flat(), 500 + i * 37));
});
/** What is transcribed together, by so many clients. */
const works = [
  { name: 'recordings', clients: RECORDINGS, files: recordings },
  {
    name: 'clips',
    clients: 8,
    files: Array.from({ length: CLIPS }, (_, i) => wavFile(clips[i % clips.length]?.pcm ?? new Int16Array(0))),
  },
] as const;
const lengthS = (file: Uint8Array): number => (file.length - 44) / 2 / RATE_HZ;
const audioS = (files: readonly Uint8Array[]): number => files.reduce((sum, file) => sum + lengthS(file), 0);
for (const { name, clients, files } of works)
  process.stdout.write(
    `${String(files.length)} ${name}, ${audioS(files).toFixed(0)} s together, ${String(clients)} clients, ${String(availableParallelism())} cores\n`,
  );

const cluster = await Cluster.start({
  worker: { MODEL_PATH: values.model, MODEL_DTYPE: values.dtype },
  wholeMachine: true,
});
const reader = await SpeechReader.start({
  threads: Math.min(2, availableParallelism()),
  vadModelPath: join(CACHE, vadModelFiles[0].place),
  spoolDir: tmpdir(),
  maxSpoolBytes: 1e9,
  ffmpeg: null,
});
const pool = await RecognizerPool.load({
  model: await resolveModel(values.model, { cacheDir: CACHE }),
  dtype: values.dtype as Dtype,
  device: 'cpu',
  sessions: availableParallelism(),
});
const batchSizes: number[] = [];
const batcher = new Batcher(pool, {
  maxBatchMs: MAX_BATCH_MS,
  outOfMemory: isOutOfMemory,
  onBatch: (facts) => {
    batchSizes.push(facts.rows);
  },
});

async function inProcess(file: Uint8Array): Promise<void> {
  const rows: Promise<unknown>[] = [];
  const events = reader.read({
    source: (async function* () {
      yield file;
      await Promise.resolve();
    })(),
    contentType: null,
    extension: null,
    channels: 'mix',
    detect: detectOptionsSchema.parse({}),
    policy: pool.description.chunkPolicy,
    limits: { maxDurationMs: 3_600_000, maxChannels: 8 },
    signal: new AbortController().signal,
  });
  for await (const event of events) {
    if (event.type === 'end') continue;
    rows.push(
      batcher.submit({
        pcm: new Int16Array(new Uint8Array(event.pcm).buffer),
        options: decodeOptionsSchema.parse({}),
        lane: laneOf('interactive', event.chunk.index),
        alone: false,
        cancelled: () => false,
        onRun: () => undefined,
      }),
    );
  }
  await Promise.all(rows);
}

const figures: Figure[] = [];
for (const { name, clients, files } of works) {
  const throughApi: number[] = [];
  const ceiling: number[] = [];
  const ratios: number[] = [];
  batchSizes.length = 0;
  for (let round = -1; round < ROUNDS; round++) {
    const viaApi = async (file: Uint8Array): Promise<void> => {
      await transcribe(cluster.url, file);
    };
    const api = audioS(files) / (await seconds(() => eachOf(files, clients, viaApi)));
    const bare = audioS(files) / (await seconds(() => eachOf(files, clients, inProcess)));
    // The first round warms both up.
    if (round < 0) continue;
    throughApi.push(api);
    ceiling.push(bare);
    ratios.push(api / bare);
  }
  const range = (all: readonly number[], digits: number): string =>
    `${Math.min(...all).toFixed(digits)} to ${Math.max(...all).toFixed(digits)}`;
  const meanBatch = batchSizes.reduce((sum, rows) => sum + rows, 0) / batchSizes.length;
  figures.push(
    {
      name: `${name} through the API`,
      value: median(throughApi),
      unit: 'x real time',
      note: `median of ${String(ROUNDS)} rounds, ${range(throughApi, 0)}`,
    },
    {
      name: `${name}, in-process ceiling`,
      value: median(ceiling),
      unit: 'x real time',
      note: `${range(ceiling, 0)}, mean batch ${meanBatch.toFixed(1)}`,
    },
    { name: `${name}, ratio`, value: median(ratios), unit: '', note: `pair by pair, ${range(ratios, 2)}; goal 0.9` },
  );
}

const overheadsMs: number[] = [];
const [short] = [...clips].sort((a, b) => a.pcm.length - b.pcm.length);
const shortFile = wavFile(short?.pcm ?? new Int16Array(RATE_HZ));
for (let i = -10; i < SHORT_REQUESTS; i++) {
  const started = performance.now();
  const { timings } = await transcribe(cluster.url, shortFile);
  const totalMs = performance.now() - started;
  if (i >= 0) overheadsMs.push(totalMs - (timings.inference + timings.detect) * 1_000);
}

await cluster.close();
await pool.close();
await reader.close();
printFigures('offline', [
  ...figures,
  {
    name: 'overhead of a short wav, median',
    value: median(overheadsMs),
    unit: 'ms',
    note: 'seen by the client, less detection and inference',
  },
  { name: 'overhead of a short wav, p95', value: percentile(overheadsMs, 0.95), unit: 'ms' },
]);
