import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cluster } from './harness/cluster.js';
import { postRaw, transcribe, until, type ErrorAnswer } from './harness/api-requests.js';
import { samples, wavFile } from './harness/wav.js';

let cluster: Cluster;
let file: Buffer;

before(async () => {
  const [clip] = await samples();
  assert.ok(clip);
  file = wavFile(clip.pcm);
  cluster = await Cluster.start();
});

after(async () => {
  await cluster.close();
});

async function refused(): Promise<{ status: number; retryAfter: string | null; code: string }> {
  const response = await postRaw(cluster.url, new Blob([new Uint8Array(file)]));
  const body = (await response.json()) as ErrorAnswer;
  return { status: response.status, retryAfter: response.headers.get('retry-after'), code: body.error.code };
}

test('While Redis is down requests are told to come back, and work again by themselves when it is up', async () => {
  const before = await transcribe(cluster.url, file);
  await cluster.redis.kill();
  const told = await refused();
  assert.equal(told.status, 503);
  assert.equal(told.code, 'backend_unavailable');
  assert.ok(Number(told.retryAfter) >= 1);
  const health = await fetch(`${cluster.url}/health`);
  assert.equal(health.status, 503);
  assert.equal(((await health.json()) as { status: string }).status, 'fail');
  assert.equal(await cluster.api.probe('/livez'), 200, 'liveness does not ask Redis');
  assert.equal(await cluster.api.probe('/readyz'), 503);
  await cluster.redis.restart();
  await until('the API is ready again', async () => (await cluster.api.probe('/readyz')) === 200);
  await until('the worker is ready again', async () => (await cluster.workers[0]?.probe('/readyz')) === 200);
  assert.equal((await transcribe(cluster.url, file)).text, before.text);
});

test('A Redis that hangs is noticed too', async () => {
  cluster.redis.signal('SIGSTOP');
  try {
    assert.equal((await refused()).code, 'backend_unavailable');
  } finally {
    cluster.redis.signal('SIGCONT');
  }
  await until(
    'requests work again',
    async () => (await postRaw(cluster.url, new Blob([new Uint8Array(file)]))).status === 200,
  );
});
