import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { patientConnection } from '@murmuration/store';
import { startRedis, startS3, type TestS3 } from '@murmuration/store/testing';
import { createLogger } from '@murmuration/runtime';
import { Cluster } from './harness/cluster.js';
import { transcribe, until } from './harness/api-requests.js';
import { submitSurely } from './harness/jobs-client.js';
import { samples, wavFile } from './harness/wav.js';

let dir: string;
let s3: TestS3;
let file: Buffer;
let byDefault: string;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'murmuration-audio-'));
  s3 = await startS3();
  const [clip] = await samples();
  assert.ok(clip);
  file = wavFile(clip.pcm);
  const cluster = await Cluster.start();
  byDefault = (await transcribe(cluster.url, file)).text;
  await cluster.close();
});

after(async () => {
  await s3.close();
  await rm(dir, { recursive: true });
});

/** Sends a recording while no worker is there, sees its audio in the store, then has it transcribed and sees the store empty. */
async function passesThrough(
  environment: Readonly<Record<string, string>>,
  stored: (cluster: Cluster) => Promise<number>,
): Promise<void> {
  const cluster = await Cluster.start({ api: environment, worker: environment });
  const redis = patientConnection(cluster.redis.url, createLogger({ service: 'test', level: 'silent' }));
  try {
    // Its card stays, so work is accepted.
    await cluster.workers[0]?.end();
    const answer = transcribe(cluster.url, file);
    answer.catch(() => undefined);
    await until('the audio lies in the store', async () => (await stored(cluster)) > 0);
    // Samples are larger than all else that the cluster's Redis holds of a job.
    for (const key of await redis.keys('murm:{j.*'))
      assert.ok((await redis.memory('USAGE', key, 'SAMPLES', 0)) ?? 0 < file.length / 10, key);
    await cluster.addWorker();
    assert.equal((await answer).text, byDefault);
    await until('the store is empty', async () => (await stored(cluster)) === 0);
  } finally {
    await redis.quit();
    await cluster.close();
  }
}

async function filesIn(folder: string): Promise<number> {
  return (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).length;
}

test('A recording is transcribed by way of a folder unless another store is named, and nothing is left of it there', async () => {
  await passesThrough({}, (cluster) => filesIn(cluster.audioFolder));
});

test('A recording is transcribed by way of a second Redis, where nothing is left of it', async () => {
  const second = await startRedis(['--appendonly', 'no']);
  const redis = patientConnection(second.url, createLogger({ service: 'test', level: 'silent' }));
  try {
    await passesThrough({ AUDIO_STORE: 'redis', AUDIO_REDIS_URL: second.url }, () => redis.dbsize());
  } finally {
    await redis.quit();
    await second.close();
  }
});

test('A job whose audio the second Redis has lost fails with a reason', async () => {
  const second = await startRedis(['--appendonly', 'no']);
  const environment = { AUDIO_STORE: 'redis', AUDIO_REDIS_URL: second.url };
  const cluster = await Cluster.start({ api: environment, worker: environment });
  try {
    await cluster.workers[0]?.end();
    const { id } = await submitSurely(cluster.url, file);
    await second.restart();
    await cluster.addWorker();
    const events = await (await fetch(`${cluster.url}/v1/jobs/${id}/events`)).text();
    assert.match(events, /event: failed\ndata: .*Audio of the recording was lost before it was transcribed/);
  } finally {
    await cluster.close();
    await second.close();
  }
});

test('A worker that is given another folder than the other services ends at once and says what to set', async () => {
  const cluster = await Cluster.start({ workers: 0 });
  try {
    await assert.rejects(
      cluster.addWorker({ DEVICE: 'simulated', AUDIO_STORE_DIR: dir }),
      /AUDIO_STORE_DIR: the other services of this Redis keep audio in another folder/,
    );
    await assert.rejects(
      cluster.addWorker({ DEVICE: 'simulated', AUDIO_STORE: 'redis' }),
      /AUDIO_REDIS_URL: must be set where AUDIO_STORE is redis/,
    );
  } finally {
    await cluster.close();
  }
});

test('A recording is transcribed by way of S3-compatible storage, where nothing is left of it', async () => {
  const { endpoint, bucket, prefix, credentials } = s3.settings;
  assert.ok(endpoint !== null && credentials !== null);
  const stored = async (): Promise<number> =>
    [...(await (await fetch(`${endpoint}/${bucket}?list-type=2`)).text()).matchAll(/<Key>/g)].length;
  await passesThrough(
    {
      AUDIO_STORE: 's3',
      S3_ENDPOINT: endpoint,
      S3_BUCKET: bucket,
      S3_PREFIX: prefix,
      S3_ACCESS_KEY_ID: credentials.accessKeyId,
      S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    stored,
  );
});
