import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createLogger } from '@murmuration/runtime';
import { patientConnection } from '@murmuration/store';
import { Cluster } from './harness/cluster.js';
import { until } from './harness/api-requests.js';
import { submitSurely } from './harness/jobs-client.js';
import { RATE_HZ, joined, samples, wavFile } from './harness/wav.js';

let cluster: Cluster;

before(async () => {
  cluster = await Cluster.start({ apis: 2, relays: 1, worker: { DEVICE: 'simulated', MODEL_PATH: 'simulated' } });
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
  await cluster.addWorker();
  await until('both nodes tell that nothing waits', async () =>
    (await figures()).backlog.every((seconds) => seconds === 0),
  );
});

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
