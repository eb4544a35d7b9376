import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { AsrError } from '@murmuration/contracts';
import { createLogger } from '@murmuration/runtime';
import { patientConnection, type Redis } from '../connections.js';
import { startRedis, type TestRedis } from '../testing/start-redis.js';
import { DirectoryAudioStore } from './directory-audio-store.js';
import { RedisMemory } from '../redis-health.js';

let server: TestRedis;
let redis: Redis;
let dir: string;
let store: DirectoryAudioStore;

before(async () => {
  server = await startRedis();
  redis = patientConnection(server.url, createLogger({ service: 'test', level: 'silent' }));
  dir = await mkdtemp(join(tmpdir(), 'murmuration-audio-'));
  store = open(join(dir, 'made', 'here'));
});

after(async () => {
  await redis.quit();
  await server.close();
  await rm(dir, { recursive: true });
});

function open(at: string): DirectoryAudioStore {
  mkdirSync(at, { recursive: true, mode: 0o700 });
  return new DirectoryAudioStore(
    { folder: () => Promise.resolve(at), close: () => undefined },
    new RedisMemory(redis, 1_000_000_000),
  );
}

test("A chunk is a file in its job's folder, and nothing else is left beside it", async () => {
  await store.put('job', 4, new Uint8Array(100), 1);
  assert.deepEqual(await readdir(join(dir, 'made', 'here', 'job')), ['4']);
  await store.deleteAll('job');
  assert.deepEqual(await readdir(join(dir, 'made', 'here')), []);
});

test('Nobody else may read what is stored', async () => {
  await store.put('modes', 0, new Uint8Array(100), 1);
  const mode = async (...names: string[]): Promise<number> => (await stat(join(dir, 'made', ...names))).mode & 0o777;
  assert.deepEqual(
    [await mode('here'), await mode('here', 'modes'), await mode('here', 'modes', '0')],
    [0o700, 0o700, 0o600],
  );
  await store.deleteAll('modes');
});

test('A half-written chunk of a process that died is not read, a truncated one is a fault', async () => {
  await store.put('job', 0, new Uint8Array(100), 1);
  await writeFile(join(dir, 'made', 'here', 'job', '1.0000.part'), 'half');
  assert.equal(await store.get('job', 1), null);
  await truncate(join(dir, 'made', 'here', 'job', '0'), 50);
  await assert.rejects(store.get('job', 0), /damaged/);
  await store.deleteAll('job');
});

test("A sweep goes by the time a job was last added to or kept, and touches nothing that is not a job's", async () => {
  const root = join(dir, 'made', 'here');
  const old = new Date(Date.now() - 7_200_000);
  for (const job of ['old', 'kept', 'added', 'alive']) {
    await store.put(job, 0, new Uint8Array(10), 1);
    await utimes(join(root, job), old, old);
  }
  await writeFile(join(root, 'a-file'), 'x');
  await mkdir(join(root, '.hidden'));
  await utimes(join(root, '.hidden'), old, old);
  await store.keep('kept');
  await store.put('added', 1, new Uint8Array(10), 1);
  assert.equal(await store.sweep(3_600_000, (job) => Promise.resolve(job === 'alive')), 1);
  assert.deepEqual((await readdir(root)).sort(), ['.hidden', 'a-file', 'added', 'alive', 'kept']);
});

test('A sweep takes what is left of a cluster that has not run for a week, and leaves that of others', async () => {
  const root = join(dir, 'clusters');
  const mine = open(join(root, randomUUID()));
  const [gone, lives] = [randomUUID(), randomUUID()];
  for (const name of [gone, lives, 'own-folder']) {
    await open(join(root, name)).put('job', 0, new Uint8Array(10), 1);
    const old = new Date(Date.now() - (name === lives ? 6 : 8) * 24 * 3_600_000);
    await utimes(join(root, name), old, old);
  }
  assert.equal(await mine.sweep(3_600_000, () => Promise.resolve(false)), 0);
  const left = await readdir(root);
  assert.deepEqual(
    [gone, lives, 'own-folder'].map((name) => left.includes(name)),
    [false, true, true],
  );
});

test('A full disk is told as storage_full, no part is left, and room comes back by itself', async (context) => {
  const at = await mkdtemp(join(tmpdir(), 'murmuration-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at], { stdio: 'ignore' });
  } catch {
    await rm(at, { recursive: true });
    context.skip('this machine does not allow mounting a small disk');
    return;
  }
  try {
    const small = open(at);
    assert.equal(await small.hasRoom(), true);
    await small.put('job', 0, new Uint8Array(600_000), 1);
    await assert.rejects(
      small.put('job', 1, new Uint8Array(600_000), 1),
      (error) => error instanceof AsrError && error.code === 'storage_full',
    );
    assert.deepEqual(await readdir(join(at, 'job')), ['0']);
    await small.put('job', 2, new Uint8Array(360_000), 1);
    assert.equal(await open(at).hasRoom(), false);
    await small.deleteAll('job');
    assert.equal(await open(at).hasRoom(), true);
    await small.put('job', 1, new Uint8Array(600_000), 1);
  } finally {
    execFileSync('umount', [at]);
    await rm(at, { recursive: true });
  }
});
