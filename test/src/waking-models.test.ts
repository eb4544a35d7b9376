import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createLogger } from '@murmuration/runtime';
import { patientConnection } from '@murmuration/store';
import { postRaw, transcribe, until, type ErrorAnswer } from './harness/api-requests.js';
import { Cluster } from './harness/cluster.js';
import { LiveConnection } from './harness/live-client.js';
import type { ServiceProcess } from './harness/service-process.js';
import { RATE_HZ, samples, wavFile } from './harness/wav.js';

const MODEL = 'simulated';
let cluster: Cluster;
let file: Buffer;

before(async () => {
  const [clip] = await samples();
  assert.ok(clip);
  file = wavFile(clip.pcm);
  cluster = await Cluster.start({
    workers: 0,
    relays: 1,
    api: { WAKEABLE_MODELS: MODEL },
    relay: { WAKEABLE_MODELS: MODEL },
    worker: { DEVICE: 'simulated', MODEL_PATH: MODEL },
  });
});

after(async () => {
  await cluster.close();
});

/** The backlog by which workers are scaled; null where the model is unknown. */
async function backlog(node: ServiceProcess = cluster.api): Promise<number | null> {
  const told = /^asr_queue_backlog_audio_seconds\{model="simulated"\} (\S+)$/m.exec(await node.metrics());
  return told?.[1] === undefined ? null : Number(told[1]);
}

async function models(url = cluster.url): Promise<string[]> {
  const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string }[] };
  return data.map(({ id }) => id);
}

async function health(): Promise<string> {
  return ((await (await fetch(`${cluster.url}/health`)).json()) as { status: string }).status;
}

/** Lets the time pass in which a model whose workers are gone is still served. */
async function afterGrace(): Promise<void> {
  const redis = patientConnection(cluster.redis.url, createLogger({ service: 'test', level: 'silent' }));
  try {
    await redis.zadd('murm:{cards}:models-seen', Date.now() - 3_600_000, MODEL);
  } finally {
    redis.disconnect();
  }
}

/** Events of `POST /transcribe/stream`, each with its data. */
async function streamed(): Promise<(readonly [name: string, data: Readonly<Record<string, unknown>>])[]> {
  const response = await postRaw(cluster.url, new Blob([new Uint8Array(file)]), { query: `/stream?model=${MODEL}` });
  assert.equal(response.status, 200);
  return [...(await response.text()).matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(([, name = '', data = '']) => [
    name,
    JSON.parse(data) as Readonly<Record<string, unknown>>,
  ]);
}

test('work for a model that never had a worker asks for one by the backlog of its node and waits for it, which a stream tells', async () => {
  const relay = cluster.relays[0];
  assert.ok(relay);
  assert.equal(await backlog(), 0);
  const live = await LiveConnection.open(`ws://127.0.0.1:${String(relay.port)}/`);
  live.send({ type: 'start', sample_rate: RATE_HZ, model: MODEL });
  await until('the waiting session counts as backlog at its relay', async () => (await backlog(relay.process)) === 1);
  assert.equal(await backlog(), 0);
  const [request, events] = [transcribe(cluster.url, file, `?model=${MODEL}`), streamed()];
  await until('the waiting requests count as backlog', async () => (await backlog()) === 1);
  await cluster.addWorker();
  assert.equal((await request).model, MODEL);
  const [first, ...others] = await events;
  assert.deepEqual(first, ['waiting', { reason: 'model_starting', at_most_seconds: 60 }]);
  assert.equal(others.at(-1)?.[0], 'done');
  assert.ok(others.every(([name]) => name !== 'waiting'));
  await live.next('the session has begun', (message) => message.type === 'ready');
  live.send({ type: 'cancel' });
  await live.closed;
});

test('a model whose workers have gone to sleep is listed, healthy, and woken by a job', async () => {
  await cluster.workers.at(-1)?.end();
  await afterGrace();
  await until('it is asleep', async () => (await health()) === 'pass');
  assert.deepEqual(await models(), [MODEL]);
  assert.equal(await backlog(), 0);
  const request = transcribe(cluster.url, file, `?model=${MODEL}`);
  await until('what waits counts as backlog', async () => ((await backlog()) ?? 0) > 0);
  await cluster.addWorker();
  assert.equal((await request).model, MODEL);
});

test('a model that may not be woken leaves the list after its grace, and is not found', async () => {
  await cluster.workers.at(-1)?.end();
  // Another model is served, so that the name is unknown and not merely without workers.
  await cluster.addWorker({ DEVICE: 'cpu', MODEL_PATH: 'moonshine-tiny' });
  const plain = await cluster.addApi(undefined, { WAKEABLE_MODELS: '' });
  const url = `http://127.0.0.1:${String(plain.port)}`;
  await afterGrace();
  await until('it is gone', async () => !(await models(url)).includes(MODEL));
  const refused = await postRaw(url, new Blob([new Uint8Array(file)]), { query: `?model=${MODEL}` });
  assert.equal(refused.status, 404);
  assert.equal(((await refused.json()) as ErrorAnswer).error.code, 'model_not_found');
});
