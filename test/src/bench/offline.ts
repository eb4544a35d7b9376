import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { availableParallelism } from 'node:os';
import { RecognizerPool, isOutOfMemory, resolveModel } from '@murmuration/asr';
import { SpeechReader, vadModelFiles } from '@murmuration/audio';
import { decodeOptionsSchema, detectOptionsSchema } from '@murmuration/contracts';
import { laneOf } from '@murmuration/store';
import { Batcher } from '@murmuration/worker/batcher';
import { Cluster } from '../harness/cluster.js';
import { transcribe } from '../harness/api-requests.js';
import { median, percentile, printFigures } from '../harness/figures.js';
import { ROOT } from '../harness/service-process.js';
import { RATE_HZ, joined, samples, wavFile } from '../harness/wav.js';

/*
 * How fast recordings come back: the sample recordings in a loop through the API, beside the same recordings through detector, planner,
 * batcher and model in this process, in turn and in one run, so that a noisy machine hurts both alike. Then what a short clip pays beyond
 * detection and inference.
 */

const ROUNDS = 4;
const CLIENTS = 4;
/** Recordings a round, each of some minutes of the samples. */
const RECORDINGS = 4;
const LOOPS = 12;
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
const audioSeconds = recordings.reduce((sum, file) => sum + (file.length - 44) / 2 / RATE_HZ, 0);
process.stdout.write(
  `${String(RECORDINGS)} recordings, ${audioSeconds.toFixed(0)} s together, ${String(CLIENTS)} clients, ${String(availableParallelism())} cores\n`,
);

const cluster = await Cluster.start({ wholeMachine: true });
const reader = await SpeechReader.start({
  threads: Math.min(2, availableParallelism()),
  vadModelPath: join(CACHE, vadModelFiles[0].place),
  spoolDir: tmpdir(),
  maxSpoolBytes: 1e9,
  ffmpeg: null,
});
const pool = await RecognizerPool.load({
  model: await resolveModel('moonshine-tiny', { cacheDir: CACHE }),
  dtype: 'auto',
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

const throughApi: number[] = [];
const ceiling: number[] = [];
const ratios: number[] = [];
for (let round = -1; round < ROUNDS; round++) {
  const api =
    audioSeconds /
    (await seconds(() =>
      eachOf(recordings, CLIENTS, async (file) => {
        await transcribe(cluster.url, file);
      }),
    ));
  const bare = audioSeconds / (await seconds(() => eachOf(recordings, CLIENTS, inProcess)));
  // The first round warms both up.
  if (round < 0) continue;
  throughApi.push(api);
  ceiling.push(bare);
  ratios.push(api / bare);
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
  {
    name: 'through the API',
    value: median(throughApi),
    unit: 'x real time',
    note: `median of ${String(ROUNDS)} rounds, ${Math.min(...throughApi).toFixed(0)} to ${Math.max(...throughApi).toFixed(0)}`,
  },
  {
    name: 'in-process ceiling',
    value: median(ceiling),
    unit: 'x real time',
    note: `${Math.min(...ceiling).toFixed(0)} to ${Math.max(...ceiling).toFixed(0)}, mean batch ${(batchSizes.reduce((a, b) => a + b, 0) / batchSizes.length).toFixed(1)}`,
  },
  {
    name: 'ratio',
    value: median(ratios),
    unit: '',
    note: `pair by pair, ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
  },
  {
    name: 'overhead of a short wav, median',
    value: median(overheadsMs),
    unit: 'ms',
    note: 'seen by the client, less detection and inference',
  },
  { name: 'overhead of a short wav, p95', value: percentile(overheadsMs, 0.95), unit: 'ms' },
]);
