import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { findExecutable } from './executables.mjs';
import { freePort } from './free-port.mjs';
import { recordServer, redisArguments, redisMemoryBytes, redisServes, removeUnfinishedRewrites, stopLeftover } from './own-redis.mjs';
import { askRedis } from './redis-protocol.mjs';

const BINARY = findExecutable(['valkey-server', 'redis-server']);
const MIB = 1024 * 1024;

/** Starts a server as `npm start` does; `work` gets its port, its folder and a promise of its end. */
async function withRedis(work) {
  const folder = mkdtempSync(join(tmpdir(), 'murmuration-own-redis-'));
  const port = await freePort();
  const child = spawn(BINARY, redisArguments({ port, folder, memoryBytes: 256 * MIB }), { stdio: 'ignore' });
  const ended = once(child, 'exit');
  try {
    while (!(await redisServes(port))) await sleep(20);
    await work({ port, folder, pid: child.pid, ended });
  } finally {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

test('The server keeps every acknowledged write, refuses rather than forgets, and listens on loopback only', async () => {
  await withRedis(async ({ port, folder }) => {
    const setting = async (name) => (await askRedis({ port }, ['CONFIG', 'GET', name]))[1];
    assert.equal(await setting('appendonly'), 'yes');
    assert.equal(await setting('appendfsync'), 'always');
    assert.equal(await setting('maxmemory-policy'), 'noeviction');
    assert.equal(await setting('maxmemory'), String(256 * MIB));
    assert.equal(await setting('bind'), '127.0.0.1');
    assert.equal(await setting('dir'), folder);
  });
});

test('A server that a killed start left behind is ended, with its data kept', async () => {
  await withRedis(async ({ port, folder, pid, ended }) => {
    await askRedis({ port }, ['SET', 'key', 'value']);
    recordServer(folder, { pid, port });
    assert.equal(await stopLeftover(folder), true);
    await ended;
    assert.equal(await stopLeftover(folder), false);
    const again = spawn(BINARY, redisArguments({ port, folder, memoryBytes: 256 * MIB }), { stdio: 'ignore' });
    const gone = once(again, 'exit');
    while (!(await redisServes(port))) await sleep(20);
    assert.equal(await askRedis({ port }, ['GET', 'key']), 'value');
    again.kill('SIGTERM');
    await gone;
  });
});

test('A Redis that works in another folder is left alone, even where the record names its port', async () => {
  await withRedis(async ({ port, pid }) => {
    const other = mkdtempSync(join(tmpdir(), 'murmuration-other-'));
    recordServer(other, { pid, port });
    assert.equal(await stopLeftover(other), false);
    assert.equal(await redisServes(port), true);
    rmSync(other, { recursive: true, force: true });
  });
});

test('What a killed server left of a rewrite is removed, and nothing else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'murmuration-rewrite-'));
  removeUnfinishedRewrites(join(folder, 'absent'));
  const inner = join(folder, 'appendonlydir');
  mkdirSync(inner);
  for (const path of [join(folder, 'temp-rewriteaof-bg-12.aof'), join(inner, 'temp-rewriteaof-3.aof'), join(folder, 'temp-4.rdb'), join(inner, 'appendonly.aof.1.incr.aof')]) writeFileSync(path, 'x');
  removeUnfinishedRewrites(folder);
  assert.deepEqual(readdirSync(folder, { recursive: true }).sort(), ['appendonlydir', join('appendonlydir', 'appendonly.aof.1.incr.aof')]);
  rmSync(folder, { recursive: true });
});

test('The memory given to Redis is a quarter of what there is, within bounds', () => {
  assert.equal(redisMemoryBytes(8192 * MIB, 0), 2048 * MIB);
  assert.equal(redisMemoryBytes(512 * MIB, 0), 256 * MIB);
  assert.equal(redisMemoryBytes(512 * 1024 * MIB, 0), 4096 * MIB);
  assert.equal(redisMemoryBytes(64 * 1024 * MIB, 4096 * MIB), 1024 * MIB);
});
