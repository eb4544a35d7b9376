import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startS3, type TestS3 } from '@murmuration/queue/testing';
import { Cluster } from './harness/cluster.js';
import { transcribe, until } from './harness/door.js';
import { samples, wavFile } from './harness/wav.js';

let dir: string;
let s3: TestS3;
let file: Buffer;
let inRedis: string;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'murmuration-audio-'));
  s3 = await startS3();
  const [clip] = await samples();
  assert.ok(clip);
  file = wavFile(clip.pcm);
  const cluster = await Cluster.start();
  inRedis = (await transcribe(cluster.url, file)).text;
  await cluster.close();
});

after(async () => {
  await s3.close();
  await rm(dir, { recursive: true });
});

/** Sends a recording while no worker is there, sees its audio in the store, then has it transcribed and sees the store empty. */
async function passesThrough(environment: Readonly<Record<string, string>>, stored: () => Promise<number>): Promise<void> {
  const cluster = await Cluster.start({ api: environment, worker: environment });
  try {
    // Its card stays, so work is accepted.
    await cluster.workers[0]?.end();
    const answer = transcribe(cluster.url, file);
    answer.catch(() => undefined);
    await until('the audio lies in the store', async () => await stored() > 0);
    await cluster.addWorker();
    assert.equal((await answer).text, inRedis);
    await until('the store is empty', async () => await stored() === 0);
  } finally {
    await cluster.close();
  }
}

test('A recording is transcribed by way of a folder, where nothing is left of it', async () => {
  await passesThrough({ AUDIO_STORE: 'directory', AUDIO_STORE_DIR: dir }, async () => (await readdir(dir)).length);
});

test('A recording is transcribed by way of S3-compatible storage, where nothing is left of it', async () => {
  const { endpoint, bucket, prefix, credentials } = s3.settings;
  assert.ok(endpoint !== null && credentials !== null);
  const stored = async (): Promise<number> => [...(await (await fetch(`${endpoint}/${bucket}?list-type=2`)).text()).matchAll(/<Key>/g)].length;
  await passesThrough({
    AUDIO_STORE: 's3', S3_ENDPOINT: endpoint, S3_BUCKET: bucket, S3_PREFIX: prefix, S3_ACCESS_KEY_ID: credentials.accessKeyId, S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  }, stored);
});
