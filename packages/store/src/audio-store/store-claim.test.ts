import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createLogger, type AudioStoreSettings } from '@murmuration/runtime';
import { impatientConnection, patientConnection, type Redis } from '../connections.js';
import { AUDIO_STORE_KEYS } from '../keys.js';
import { startRedis, type TestRedis } from '../testing/index.js';
import type { AudioStore } from './audio-store.js';
import { openAudioStore } from './open-audio-store.js';
import { StoreMismatch } from './store-claim.js';

const logger = createLogger({ service: 'test', level: 'silent' });
const PCM = Buffer.from([1, 2, 3, 4]);
let server: TestRedis;
let redis: Redis;
let dir: string;
const opened: AudioStore[] = [];

before(async () => {
  server = await startRedis();
  redis = patientConnection(server.url, logger);
  dir = await mkdtemp(join(tmpdir(), 'murmuration-claim-'));
});

beforeEach(async () => {
  for (const store of opened.splice(0)) store.close();
  await redis.flushall();
});

after(async () => {
  for (const store of opened) store.close();
  await redis.quit();
  await server.close();
  await rm(dir, { recursive: true });
});

async function open(settings: AudioStoreSettings, cluster = redis): Promise<AudioStore> {
  const store = await openAudioStore(settings, cluster, (url) => patientConnection(url, logger));
  opened.push(store);
  return store;
}

function folder(name: string): AudioStoreSettings {
  return { kind: 'directory', budgetBytes: 1e9, dir: join(dir, name) };
}

test('a service that is given another folder than those that run is told so, and one that is given the same finds their audio', async () => {
  const api = await open(folder('one'));
  await api.put('job', 0, PCM, 1);
  assert.deepEqual(await (await open(folder('one'))).get('job', 0), PCM);
  await assert.rejects(
    open(folder('other')),
    (error) => error instanceof StoreMismatch && /^AUDIO_STORE_DIR: .*Set the same folder/.test(error.message),
  );
});

test('services that start at the same moment agree on a folder, the first time and when another takes over', async () => {
  const connections = Array.from({ length: 4 }, () => patientConnection(server.url, logger));
  try {
    for (let round = 0; round < 25; round++) {
      await redis.del(AUDIO_STORE_KEYS.seen);
      // Every fifth finds no record at all.
      if (round % 5 === 0) await redis.del(AUDIO_STORE_KEYS.store);
      const settings = folder(`together-${String(round)}`);
      const stores = await Promise.all(connections.map((connection) => open(settings, connection)));
      await stores[0]?.put('job', round, PCM, 1);
      for (const store of stores) assert.deepEqual(await store.get('job', round), PCM);
      assert.equal((await readdir(join(dir, `together-${String(round)}`))).length, 1);
    }
  } finally {
    for (const store of opened.splice(0)) store.close();
    for (const connection of connections) connection.disconnect();
  }
});

test('a service of another kind than those that run is told both kinds', async () => {
  await open(folder('kinds'));
  await assert.rejects(
    open({ kind: 'redis', url: server.url, budgetBytes: 1e9 }),
    (error) =>
      error instanceof StoreMismatch &&
      /^AUDIO_STORE: it is redis here and directory on the other services/.test(error.message),
  );
});

test('once no service runs any more another folder, or another kind, is taken', async () => {
  await open(folder('before'));
  await redis.del(AUDIO_STORE_KEYS.seen);
  const moved = await open(folder('after'));
  await moved.put('job', 0, PCM, 1);
  assert.deepEqual(await (await open(folder('after'))).get('job', 0), PCM);
  await redis.del(AUDIO_STORE_KEYS.seen);
  await open({ kind: 'redis', url: server.url, budgetBytes: 1e9 });
});

test('audio is found after its folder has moved while no service ran', async () => {
  await (await open(folder('old'))).put('job', 0, PCM, 1);
  await redis.del(AUDIO_STORE_KEYS.seen);
  await mkdir(join(dir, 'volume'));
  await rename(join(dir, 'old'), join(dir, 'volume', 'audio'));
  assert.deepEqual(await (await open(folder(join('volume', 'audio')))).get('job', 0), PCM);
});

test("two clusters that are given one folder do not see, nor sweep, each other's audio", async () => {
  const elsewhere = await startRedis();
  const otherRedis = patientConnection(elsewhere.url, logger);
  try {
    const [mine, theirs] = [await open(folder('shared')), await open(folder('shared'), otherRedis)];
    await theirs.put('job', 0, PCM, 1);
    assert.equal(await mine.get('job', 0), null);
    assert.equal(await mine.sweep(-60_000, () => Promise.resolve(false)), 0);
    assert.deepEqual(await theirs.get('job', 0), PCM);
  } finally {
    await otherRedis.quit();
    await elsewhere.close();
  }
});

test('a service that starts while Redis is away takes its folder when Redis is back', async () => {
  const late = await startRedis();
  await late.kill();
  const waiting = patientConnection(late.url, logger);
  const impatient = impatientConnection(late.url, logger);
  try {
    const store = await open(folder('late'), impatient);
    await assert.rejects(store.put('job', 0, PCM, 1));
    await late.restart();
    while (
      !(await store.put('job', 0, PCM, 1).then(
        () => true,
        () => false,
      ))
    )
      await pause(20);
    assert.deepEqual(await store.get('job', 0), PCM);
  } finally {
    impatient.disconnect();
    waiting.disconnect();
    await late.close();
  }
});
