import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createLogger } from '@murmuration/runtime';
import { patientConnection } from '@murmuration/store';
import { Cluster } from './harness/cluster.js';
import { transcribe, until } from './harness/api-requests.js';
import { submit, submitSurely } from './harness/jobs-client.js';
import { RATE_HZ, joined, samples, wavFile } from './harness/wav.js';

let cluster: Cluster;

before(async () => {
  cluster = await Cluster.start({
    apis: 2,
    relays: 1,
    api: { MAX_BACKLOG_SECONDS: '1' },
    worker: { DEVICE: 'simulated', MODEL_PATH: 'simulated' },
  });
});

after(async () => {
  await cluster.close();
});

async function figures(): Promise<{ backlog: (number | null)[]; waiting: (number | null)[] }> {
  const texts = await Promise.all(cluster.apis.map((api) => api.process.metrics()));
  const read = (pattern: RegExp): (number | null)[] =>
    texts.map((text) => {
      const found = pattern.exec(text)?.[1];
      return found === undefined ? null : Number(found);
    });
  return {
    backlog: read(/^asr_queue_backlog_audio_seconds\{model="simulated"\} (\S+)$/m),
    waiting: read(/^asr_queue_jobs\{model="simulated",state="waiting"\} (\S+)$/m),
  };
}

test('Every API node tells the backlog of the cluster in seconds of audio, and that it is done', async () => {
  assert.deepEqual(await figures(), { backlog: [0, 0], waiting: [0, 0] });
  await cluster.workers[0]?.end();
  const [clip] = await samples();
  assert.ok(clip);
  const pcm = joined(
    Array.from({ length: 12 }, () => clip.pcm),
    300,
  );
  const audioSeconds = pcm.length / RATE_HZ;
  await submitSurely(cluster.url, wavFile(pcm));
  await until('both nodes tell the backlog and the entry that waits', async () => {
    const { backlog, waiting } = await figures();
    return (
      backlog.every((seconds) => seconds !== null && seconds > audioSeconds / 2 && seconds <= audioSeconds * 1.1) &&
      backlog[0] === backlog[1] &&
      waiting.every((entries) => entries !== null && entries >= 1)
    );
  });
  assert.equal((await submit(cluster.url, wavFile(pcm))).status, 429);
  await cluster.addWorker();
  await until('both nodes tell that nothing waits', async () =>
    (await figures()).backlog.every((seconds) => seconds === 0),
  );
});

test('Ends of jobs are counted once in the cluster, and a request that was refused for want of room where it was', async () => {
  assert.equal((await submit(cluster.url, Buffer.from('no recording'))).status, 422);
  await transcribe(cluster.url, wavFile(new Int16Array(RATE_HZ)));
  await until(
    'three ends are counted',
    async () => [...(await counted('asr_jobs_total')).values()].reduce((sum, count) => sum + count, 0) === 3,
  );
  assert.deepEqual(
    await counted('asr_jobs_total'),
    new Map([
      ['{outcome="done",code=""}', 2],
      ['{outcome="failed",code="unprocessable_audio"}', 1],
    ]),
  );
  assert.deepEqual(await counted('asr_shed_total'), new Map([['{reason="queue_full"}', 1]]));
});

/** The samples of a counter, by their labels: the API nodes and the relay together, for each of them settles jobs. */
async function counted(name: string): Promise<Map<string, number>> {
  const sums = new Map<string, number>();
  for (const { process } of [...cluster.apis, ...cluster.relays])
    for (const [, labels = '', value] of (await process.metrics()).matchAll(
      new RegExp(`^${name}(\\{.*\\}) (\\d+)$`, 'gm'),
    ))
      sums.set(labels, (sums.get(labels) ?? 0) + Number(value));
  return sums;
}

test('a node listens to Redis on one connection, whatever it serves', async () => {
  const client = patientConnection(cluster.redis.url, createLogger({ service: 'test', level: 'silent' }));
  const listening = String(await client.call('CLIENT', 'LIST', 'TYPE', 'pubsub'))
    .trim()
    .split('\n').length;
  client.disconnect();
  // Two API nodes, a relay and a worker.
  assert.equal(listening, 4);
});

test('While Redis is away no figure is told, rather than an old one', async () => {
  await cluster.redis.kill();
  await until('the figures are gone', async () => {
    const { backlog, waiting } = await figures();
    return [...backlog, ...waiting].every((figure) => figure === null);
  });
  assert.equal(await cluster.api.probe('/metrics'), 200);
});
