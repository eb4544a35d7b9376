import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { privateFolder, writePrivate } from './private-files.mjs';
import { askRedis } from './redis-protocol.mjs';
import { SetupError } from './setup-error.mjs';

const RECORD = 'server.json';
const MIB = 1024 * 1024;

/** A quarter of the memory that this process may use, between 256 MiB and 4 GiB, in bytes. */
export function redisMemoryBytes(total = totalmem(), limit = process.constrainedMemory?.() ?? 0) {
  const usable = limit > 0 && limit < total ? limit : total;
  return Math.round(Math.min(Math.max(usable / 4, 256 * MIB), 4096 * MIB));
}

/** A password that nobody guesses: every user of the machine may connect to a port of it. */
export function newPassword() {
  return randomBytes(32).toString('base64url');
}

/**
 * Writes the configuration of a Redis server that loses nothing it acknowledged, refuses writes rather than dropping keys, and
 * answers nobody without the password; a file, since every user may read the arguments of a process. Answers its path.
 */
export function writeConfiguration({ port, password, folder, memoryBytes }) {
  privateFolder(folder);
  const path = join(folder, 'redis.conf');
  writePrivate(path, [
    `port ${String(port)}`, 'bind 127.0.0.1', `requirepass ${password}`, `dir "${folder.replaceAll(/[\\"]/g, '\\$&')}"`,
    'appendonly yes', 'appendfsync always', 'save ""',
    'maxmemory-policy noeviction', `maxmemory ${String(memoryBytes)}`,
    // The slow log keeps parts of what clients sent.
    'slowlog-log-slower-than -1',
    'daemonize no', '',
  ].join('\n'));
  return path;
}

/** Remembers which server works in `folder`, so that the next start finds it should this one be killed. */
export function recordServer(folder, { pid, port, password }) {
  privateFolder(folder);
  writePrivate(join(folder, RECORD), `${JSON.stringify({ pid, port, password })}\n`);
}

export function forgetServer(folder) {
  rmSync(join(folder, RECORD), { force: true });
}

function recordedServer(folder) {
  try {
    const { pid, port, password = null } = JSON.parse(readFileSync(join(folder, RECORD), 'utf8'));
    return Number.isInteger(pid) && Number.isInteger(port) ? { pid, port, password } : null;
  } catch {
    return null;
  }
}

/** Whether this Redis works in `folder`: it is asked, because a process id or a port may have gone to somebody else. */
async function worksIn(folder, { port, password }) {
  try {
    const [, dir] = await askRedis({ port, password }, ['CONFIG', 'GET', 'dir']);
    return realpathSync(dir) === realpathSync(folder);
  } catch {
    return false;
  }
}

async function answers(port) {
  try {
    await askRedis({ port }, ['PING']);
    return true;
  } catch (error) {
    return error.name === 'RedisReplyError';
  }
}

/**
 * Ends a server that a killed start left behind in `folder`, so that two never write the same files. Answers true when there was
 * one. A Redis that works in another folder is never touched. Throws a `SetupError` when it does not end within `timeoutMs`.
 */
export async function stopLeftover(folder, timeoutMs = 20_000) {
  const recorded = recordedServer(folder);
  if (recorded === null) return false;
  if (!(await worksIn(folder, recorded))) {
    forgetServer(folder);
    return false;
  }
  // It closes the connection instead of answering.
  await askRedis(recorded, ['SHUTDOWN', 'NOSAVE']).catch(() => undefined);
  for (const end = Date.now() + timeoutMs; await answers(recorded.port);) {
    if (Date.now() > end) throw new SetupError(`The Redis of a former start (process ${String(recorded.pid)}, port ${String(recorded.port)}) does not end. End it, then run the command again.`);
    await sleep(100);
  }
  forgetServer(folder);
  return true;
}

/** Removes what a server that was killed while it rewrote its file left in `folder`; none may run there. Redis itself leaves it for good. */
export function removeUnfinishedRewrites(folder) {
  for (const place of [folder, join(folder, 'appendonlydir')]) {
    if (!existsSync(place)) continue;
    for (const name of readdirSync(place)) {
      if (/^temp-.*\.(?:aof|rdb)$/.test(name)) rmSync(join(place, name), { force: true });
    }
  }
}

/** True once the server at `port` has loaded its data and serves. */
export async function redisServes({ port, password }) {
  return (await askRedis({ port, password }, ['PING']).catch(() => null)) === 'PONG';
}

/** True when nobody but who asks is connected, or the server is gone. */
export async function onlyClient({ port, password }) {
  const answer = await askRedis({ port, password }, ['INFO', 'clients']).catch(() => 'connected_clients:0');
  return Number(/^connected_clients:(\d+)/m.exec(answer)?.[1]) <= 1;
}
