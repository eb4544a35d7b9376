import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cluster } from './harness/cluster.js';
import { transcribe, until } from './harness/api-requests.js';
import { joined, samples, wavFile } from './harness/wav.js';

let cluster: Cluster;
let file: Buffer;

before(async () => {
  const clips = await samples();
  file = wavFile(
    joined(
      [...clips, ...clips, ...clips].map((clip) => clip.pcm),
      700,
    ),
  );
  // Every batch is one row, so that the text does not depend on what ran together.
  cluster = await Cluster.start({ worker: { MAX_BATCH: '1' } });
});

after(async () => {
  await cluster.close();
});

/** Waits until the worker has begun the batch after those of now. */
async function midBatch(worker: { metrics(): Promise<string> }): Promise<void> {
  const begun = async (): Promise<number> =>
    Number(/^asr_job_attempts_count (\d+)/m.exec(await worker.metrics())?.[1] ?? 0);
  const before = await begun();
  await until('the worker takes chunks', async () => (await begun()) > before);
}

test('A worker killed in the middle of a batch costs no text and doubles none', async () => {
  const undisturbed = await transcribe(cluster.url, file);
  const first = cluster.workers[0];
  assert.ok(first);
  const taking = midBatch(first);
  const disturbed = transcribe(cluster.url, file);
  await taking;
  await first.end('SIGKILL');
  await cluster.addWorker();
  assert.equal((await disturbed).text, undisturbed.text);
});

test('A worker that is told to stop finishes what it runs and hands the rest to another', async () => {
  const undisturbed = await transcribe(cluster.url, file);
  const old = cluster.workers[1];
  assert.ok(old);
  const taking = midBatch(old);
  const disturbed = transcribe(cluster.url, file);
  await taking;
  const ended = old.end('SIGTERM');
  await cluster.addWorker();
  assert.equal(await ended, 0);
  assert.equal((await disturbed).text, undisturbed.text);
});
