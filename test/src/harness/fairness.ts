import { Cluster } from './cluster.js';
import { joined, samples, wavFile } from './wav.js';

/** A batch of the slow device takes this long, however many rows it has; milliseconds. */
const BATCH_MS = 200;
/** Rows of a batch of the slow device. */
const BATCH_ROWS = 2;

/** One API node and one worker with one session of a fixed speed: every batch takes `BATCH_MS`. */
export function slowCluster(): Promise<Cluster> {
  return Cluster.start({
    worker: {
      DEVICE: 'simulated',
      OMP_NUM_THREADS: '1',
      MAX_BATCH: String(BATCH_ROWS),
      SIMULATED_BATCH_MS: String(BATCH_MS),
      SIMULATED_ROW_MS: '0',
      SIMULATED_AUDIO_SECOND_MS: '0',
    },
  });
}

/** Recordings of speech: some minutes, and one of ten seconds. */
export async function recordingsOf(minutes: number): Promise<{ readonly long: Buffer; readonly short: Buffer }> {
  const clips = (await samples()).map((clip) => clip.pcm);
  const loop = joined(clips, 600);
  const loops = Math.ceil((minutes * 60 * 16_000) / loop.length);
  return {
    long: wavFile(
      joined(
        Array.from({ length: loops }, () => loop),
        0,
      ),
    ),
    short: wavFile(loop.slice(0, 10 * 16_000)),
  };
}

/** Batches that the worker has run so far. */
export async function batchesRun(cluster: Cluster): Promise<number> {
  const text = (await cluster.workers[0]?.metrics()) ?? '';
  return Number(/^asr_batch_size_count (\d+)/m.exec(text)?.[1] ?? 0);
}
