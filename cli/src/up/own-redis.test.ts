import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { findExecutable } from '../../../scripts/setup/executables.mjs';
import {
  askRedis,
  newPassword,
  recordServer,
  redisMemoryBytes,
  redisServes,
  removeUnfinishedRewrites,
  stopLeftover,
  writeConfiguration,
  type OwnRedis,
} from './own-redis.js';
import { freePort } from './ports.js';

const BINARY = findExecutable(['valkey-server', 'redis-server']) ?? '';
const MIB = 1024 * 1024;

/** Starts a server as `npm start` does; `work` gets its port, password and folder and a promise of its end. */
async function withRedis(
  work: (running: {
    readonly port: number;
    readonly password: string;
    readonly folder: string;
    readonly pid: number;
    readonly ended: Promise<unknown>;
  }) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'murmuration own "redis"-'));
  const server = { port: await freePort(), password: newPassword() };
  const child = startServer(folder, server);
  const ended = once(child, 'exit');
  try {
    await untilServes(server);
    await work({ ...server, folder, pid: child.pid ?? 0, ended });
  } finally {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

function startServer(folder: string, server: { readonly port: number; readonly password: string }) {
  return spawn(BINARY, [writeConfiguration({ ...server, folder, memoryBytes: 256 * MIB })], { stdio: 'ignore' });
}

async function untilServes(server: OwnRedis): Promise<void> {
  while (!(await redisServes(server))) await sleep(20);
}

test('The server keeps every acknowledged write, refuses rather than forgets, and listens on loopback only', async () => {
  await withRedis(async ({ port, password, folder }) => {
    const setting = async (name: string) =>
      ((await askRedis({ port, password }, ['CONFIG', 'GET', name])) as readonly string[])[1];
    assert.equal(await setting('appendonly'), 'yes');
    assert.equal(await setting('appendfsync'), 'always');
    assert.equal(await setting('maxmemory-policy'), 'noeviction');
    assert.equal(await setting('maxmemory'), String(256 * MIB));
    assert.equal(await setting('bind'), '127.0.0.1');
    assert.equal(await setting('dir'), folder);
  });
});

test('The server answers nobody without its password, which no other user can read', async () => {
  await withRedis(async ({ port, password, folder, pid }) => {
    for (const command of [['PING'], ['GET', 'key'], ['CONFIG', 'GET', 'dir'], ['INFO']] as const)
      await assert.rejects(askRedis({ port, password: null }, command), /NOAUTH/);
    await assert.rejects(askRedis({ port, password: newPassword() }, ['PING']), /WRONGPASS|invalid password/);
    assert.equal(await askRedis({ port, password }, ['PING']), 'PONG');
    recordServer(folder, { pid, port, password });
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    for (const file of ['redis.conf', 'server.json'])
      assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
    if (process.platform === 'linux')
      assert.ok(!readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8').includes(password));
  });
});

test('A server that a killed start left behind is ended, with its data kept', async () => {
  await withRedis(async ({ port, password, folder, pid, ended }) => {
    await askRedis({ port, password }, ['SET', 'key', 'value']);
    recordServer(folder, { pid, port, password });
    assert.equal(await stopLeftover(folder), true);
    await ended;
    assert.equal(await stopLeftover(folder), false);
    const next = { port, password: newPassword() };
    const again = startServer(folder, next);
    const gone = once(again, 'exit');
    await untilServes(next);
    assert.equal(await askRedis(next, ['GET', 'key']), 'value');
    again.kill('SIGTERM');
    await gone;
  });
});

test('A Redis that works in another folder is left alone, even where the record names its port', async () => {
  await withRedis(async ({ port, password, pid }) => {
    const other = mkdtempSync(join(tmpdir(), 'murmuration-other-'));
    recordServer(other, { pid, port, password });
    assert.equal(await stopLeftover(other), false);
    assert.equal(await redisServes({ port, password }), true);
    rmSync(other, { recursive: true, force: true });
  });
});

test('What a killed server left of a rewrite is removed, and nothing else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'murmuration-rewrite-'));
  removeUnfinishedRewrites(join(folder, 'absent'));
  const inner = join(folder, 'appendonlydir');
  mkdirSync(inner);
  for (const path of [
    join(folder, 'temp-rewriteaof-bg-12.aof'),
    join(inner, 'temp-rewriteaof-3.aof'),
    join(folder, 'temp-4.rdb'),
    join(inner, 'appendonly.aof.1.incr.aof'),
  ])
    writeFileSync(path, 'x');
  removeUnfinishedRewrites(folder);
  assert.deepEqual(readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort(), [
    'appendonlydir',
    join('appendonlydir', 'appendonly.aof.1.incr.aof'),
  ]);
  rmSync(folder, { recursive: true });
});

test('The memory given to Redis is a quarter of what there is, within bounds', () => {
  assert.equal(redisMemoryBytes(8192 * MIB, 0), 2048 * MIB);
  assert.equal(redisMemoryBytes(512 * MIB, 0), 256 * MIB);
  assert.equal(redisMemoryBytes(512 * 1024 * MIB, 0), 4096 * MIB);
  assert.equal(redisMemoryBytes(64 * 1024 * MIB, 4096 * MIB), 1024 * MIB);
});
