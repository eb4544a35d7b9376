import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createLogger } from '@murmuration/runtime';
import { patientConnection } from '@murmuration/store';
import { postRaw, transcribe, until, type ErrorAnswer } from './harness/api-requests.js';
import { Cluster } from './harness/cluster.js';
import { samples, wavFile } from './harness/wav.js';

const MODEL = 'simulated';
let cluster: Cluster;
let file: Buffer;

before(async () => {
  const [clip] = await samples();
  assert.ok(clip);
  file = wavFile(clip.pcm);
  cluster = await Cluster.start({
    workers: 0,
    api: { WAKEABLE_MODELS: MODEL },
    worker: { DEVICE: 'simulated', MODEL_PATH: MODEL },
  });
});

after(async () => {
  await cluster.close();
});

/** The backlog by which workers are scaled; null where the model is unknown. */
async function backlog(): Promise<number | null> {
  const told = /^asr_queue_backlog_audio_seconds\{model="simulated"\} (\S+)$/m.exec(await cluster.api.metrics());
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

test('a request for a model that never had a worker asks for one by the backlog, and waits for it', async () => {
  assert.equal(await backlog(), 0);
  const request = transcribe(cluster.url, file, `?model=${MODEL}`);
  await until('the waiting request counts as backlog', async () => (await backlog()) === 1);
  await cluster.addWorker();
  assert.equal((await request).model, MODEL);
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
