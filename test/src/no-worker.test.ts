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
  cluster = await Cluster.start({ workers: 0, api: { WORKER_WAIT_TIMEOUT_MS: '1500' } });
});

after(async () => {
  await cluster.close();
});

async function health(): Promise<{ http: number; status: string; text: string }> {
  const response = await fetch(`${cluster.url}/health`);
  const text = await response.text();
  return { http: response.status, status: (JSON.parse(text) as { status: string }).status, text };
}

test('Without a worker a request waits, then is told so, and /health says why', async () => {
  const response = await postRaw(cluster.url, new Blob([new Uint8Array(file)]));
  assert.equal(response.status, 503);
  assert.ok(Number(response.headers.get('retry-after')) >= 1);
  assert.equal(((await response.json()) as ErrorAnswer).error.code, 'no_worker');
  const told = await health();
  assert.equal(told.http, 503);
  assert.equal(told.status, 'fail');
  assert.match(told.text, /worker/);
});

test('When the last worker has gone, work that waits is done by the next one', async () => {
  const worker = await cluster.addWorker();
  const text = (await transcribe(cluster.url, file)).text;
  await until('health passes', async () => (await health()).status === 'pass');
  await worker.end();
  await until('health tells that no worker is there', async () => (await health()).http === 503);
  assert.equal(
    ((await (await postRaw(cluster.url, new Blob([new Uint8Array(file)]))).json()) as ErrorAnswer).error.code,
    'no_worker',
  );
  const next = cluster.addWorker();
  await next;
  assert.equal((await transcribe(cluster.url, file)).text, text);
});

test('A client that goes away cancels what it asked for', async () => {
  for (const worker of cluster.workers) await worker.end();
  const leaving = new AbortController();
  const request = postRaw(cluster.url, new Blob([new Uint8Array(file)]), { signal: leaving.signal });
  const sessions = async (): Promise<number> =>
    ((await (await fetch(`${cluster.url}/sessions`)).json()) as { sessions: unknown[] }).sessions.length;
  await until('the work is in progress', async () => (await sessions()) === 1);
  leaving.abort();
  await assert.rejects(request);
  await until('the work is gone', async () => (await sessions()) === 0);
});
