import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { Cluster } from './harness/cluster.js';
import { transcribe, until } from './harness/api-requests.js';
import { batchesRun, recordingsOf, slowCluster } from './harness/fairness.js';
import { submitSurely, type JobAnswer } from './harness/jobs-client.js';

let cluster: Cluster;
let long: Buffer;
let short: Buffer;

before(async () => {
  ({ long, short } = await recordingsOf(20));
  cluster = await slowCluster();
});

after(async () => {
  await cluster.close();
});

/** A job, or the API node's error, which has none of its fields. */
async function job(id: string): Promise<Partial<JobAnswer>> {
  return (await (await fetch(`${cluster.url}/v1/jobs/${id}`)).json()) as Partial<JobAnswer>;
}

async function cancel(id: string): Promise<void> {
  await (await fetch(`${cluster.url}/v1/jobs/${id}`, { method: 'DELETE' })).arrayBuffer();
}

test(
  'A clip that comes while a long job keeps the only worker busy waits for the batch in progress and its own',
  { timeout: 300_000 },
  async (t) => {
    const id = randomUUID();
    const submitted = submitSurely(cluster.url, long, { query: { priority: 'batch', id } });
    await until('the long job is worked on', async () => ((await job(id)).progress?.done_seconds ?? 0) > 0);
    for (let i = 0; i < 4; i++) {
      const before = await batchesRun(cluster);
      await transcribe(cluster.url, short);
      const batches = (await batchesRun(cluster)) - before;
      t.diagnostic(`${String(batches)} batches ended between the clip's first byte and its answer`);
      // The one in progress when it came, its own (chunks of unlike length run apart), and what was counted a moment later.
      assert.ok(batches <= 6, `${String(batches)} batches`);
    }
    assert.notEqual((await job(id)).status, 'done', 'the long job was there all the time');
    await submitted;
    await cancel(id);
  },
);

test('Ten jobs submitted together progress together', { timeout: 300_000 }, async () => {
  const [worker] = cluster.workers;
  // None has a start on the others: nothing is worked on until all are accepted, however long that takes here.
  worker?.signal('SIGSTOP');
  const jobs = await Promise.all(
    Array.from({ length: 10 }, () => submitSurely(cluster.url, long.subarray(0, 44 + 60 * 32_000))),
  ).finally(() => worker?.signal('SIGCONT'));
  let states: JobAnswer['progress'][] = [];
  await until(
    'one of them is three quarters done',
    async () => {
      states = await Promise.all(
        jobs.map(async ({ id }) => (await job(id)).progress ?? { done_seconds: 0, planned_seconds: 1 }),
      );
      return states.some((progress) => progress.done_seconds > 0.75 * progress.planned_seconds);
    },
    120_000,
  );
  const shares = states.map((progress) => progress.done_seconds / progress.planned_seconds);
  assert.ok(Math.min(...shares) > 0.4, `shares done: ${shares.map((share) => share.toFixed(2)).join(', ')}`);
  await Promise.all(jobs.map(({ id }) => cancel(id)));
});

test('Batch work moves while interactive work never lets the worker rest', { timeout: 300_000 }, async () => {
  let going = true;
  let answered = 0;
  const steady = Promise.all(
    Array.from({ length: 12 }, async () => {
      while (going) {
        await transcribe(cluster.url, short);
        answered++;
      }
    }),
  );
  const batch = await submitSurely(cluster.url, long.subarray(0, 44 + 60 * 32_000), { query: { priority: 'batch' } });
  await until('the batch job is done', async () => (await job(batch.id)).status === 'done', 240_000);
  going = false;
  await steady;
  assert.ok(answered > 12);
});
