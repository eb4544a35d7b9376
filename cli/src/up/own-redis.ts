import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis, ReplyError } from 'ioredis';
import { privateFolder, writePrivate } from '../../../scripts/setup/private-files.mjs';
import { SetupError } from '../../../scripts/setup/setup-error.mjs';

const RECORD = 'server.json';
const SETTINGS = 'settings.json';
const MIB = 1024 * 1024;
/** A Redis on this machine that has not answered by then does not, milliseconds. */
const ANSWER_WITHIN_MS = 2_000;
/** One that ends is looked at this often, milliseconds. */
const END_POLL_MS = 100;

/** A Redis on loopback. */
export interface OwnRedis {
  readonly port: number;
  readonly password: string | null;
}

/** A quarter of the memory that this process may use, between 256 MiB and 4 GiB, in bytes. */
export function redisMemoryBytes(total = totalmem(), limit = process.constrainedMemory()): number {
  const usable = limit > 0 && limit < total ? limit : total;
  return Math.round(Math.min(Math.max(usable / 4, 256 * MIB), 4096 * MIB));
}

/** A password that nobody guesses: every user of the machine may connect to a port of it. */
export function newPassword(): string {
  return randomBytes(32).toString('base64url');
}

/** What `redis-keeper.ts` runs a server with. */
export interface ServerSettings {
  readonly port: number;
  readonly password: string;
  readonly memoryBytes: number;
}

/** Hands settings to the keeper of `folder`: by a private file, since the arguments of a process are for everybody to see. */
export function writeSettings(folder: string, settings: ServerSettings): void {
  privateFolder(folder);
  writePrivate(join(folder, SETTINGS), JSON.stringify(settings));
}

/** What `writeSettings` wrote. */
export function readSettings(folder: string): ServerSettings {
  return JSON.parse(readFileSync(join(folder, SETTINGS), 'utf8')) as ServerSettings;
}

/**
 * Writes the configuration of a Redis server that loses nothing it acknowledged, refuses writes rather than dropping keys, and
 * answers nobody without the password; a file, since every user may read the arguments of a process. Answers its path.
 */
export function writeConfiguration({
  port,
  password,
  folder,
  memoryBytes,
}: ServerSettings & { readonly folder: string }): string {
  privateFolder(folder);
  const path = join(folder, 'redis.conf');
  writePrivate(
    path,
    [
      `port ${String(port)}`,
      'bind 127.0.0.1',
      `requirepass ${password}`,
      `dir "${folder.replaceAll(/[\\"]/g, '\\$&')}"`,
      'appendonly yes',
      'appendfsync always',
      'save ""',
      'maxmemory-policy noeviction',
      `maxmemory ${String(memoryBytes)}`,
      // The slow log keeps parts of what clients sent.
      'slowlog-log-slower-than -1',
      'daemonize no',
      '',
    ].join('\n'),
  );
  return path;
}

/** Remembers which server works in `folder`, so that the next start finds it should this one be killed. */
export function recordServer(folder: string, { pid, port, password }: OwnRedis & { readonly pid: number }): void {
  privateFolder(folder);
  writePrivate(join(folder, RECORD), `${JSON.stringify({ pid, port, password })}\n`);
}

/** Removes that record. */
export function forgetServer(folder: string): void {
  rmSync(join(folder, RECORD), { force: true });
}

function recordedServer(folder: string): (OwnRedis & { readonly pid: number }) | null {
  try {
    const {
      pid,
      port,
      password = null,
    } = JSON.parse(readFileSync(join(folder, RECORD), 'utf8')) as {
      readonly pid: number;
      readonly port: number;
      readonly password?: string | null;
    };
    return Number.isInteger(pid) && Number.isInteger(port) ? { pid, port, password } : null;
  } catch {
    return null;
  }
}

/** Sends one command on a connection of its own and answers its reply. Throws `ReplyError` for an error reply, another error when nothing listens or nothing comes within two seconds. */
export async function askRedis(
  { port, password }: OwnRedis,
  [name, ...args]: readonly [string, ...string[]],
): Promise<unknown> {
  const client = new Redis({
    host: '127.0.0.1',
    port,
    ...(password === null ? {} : { password }),
    lazyConnect: true,
    connectTimeout: ANSWER_WITHIN_MS,
    commandTimeout: ANSWER_WITHIN_MS,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
  });
  // Why a connection could not be made is told by this event; the promise says only that there is none.
  const faults: Error[] = [];
  client.on('error', (error: Error) => {
    faults.push(error);
  });
  try {
    await client.connect();
    return await client.call(name, ...args);
  } catch (error) {
    throw faults[0] ?? error;
  } finally {
    client.disconnect();
  }
}

/** Whether this Redis works in `folder`: it is asked, because a process id or a port may have gone to somebody else. */
async function worksIn(folder: string, server: OwnRedis): Promise<boolean> {
  try {
    const [, dir] = (await askRedis(server, ['CONFIG', 'GET', 'dir'])) as readonly string[];
    return dir !== undefined && realpathSync(dir) === realpathSync(folder);
  } catch {
    return false;
  }
}

async function answers(port: number): Promise<boolean> {
  try {
    await askRedis({ port, password: null }, ['PING']);
    return true;
  } catch (error) {
    return error instanceof ReplyError;
  }
}

/**
 * Ends a server that a killed start left behind in `folder`, so that two never write the same files. Answers true when there was
 * one. A Redis that works in another folder is never touched. Throws a `SetupError` when it does not end within `timeoutMs`.
 */
export async function stopLeftover(folder: string, timeoutMs = 20_000): Promise<boolean> {
  const recorded = recordedServer(folder);
  if (recorded === null) return false;
  if (!(await worksIn(folder, recorded))) {
    forgetServer(folder);
    return false;
  }
  // It closes the connection instead of answering.
  await askRedis(recorded, ['SHUTDOWN', 'NOSAVE']).catch(() => undefined);
  for (const end = Date.now() + timeoutMs; await answers(recorded.port);) {
    if (Date.now() > end)
      throw new SetupError(
        `The Redis of a former start (process ${String(recorded.pid)}, port ${String(recorded.port)}) does not end. End it, then run the command again.`,
      );
    await sleep(END_POLL_MS);
  }
  forgetServer(folder);
  return true;
}

/** Removes what a server that was killed while it rewrote its file left in `folder`; none may run there. Redis itself leaves it for good. */
export function removeUnfinishedRewrites(folder: string): void {
  for (const place of [folder, join(folder, 'appendonlydir')]) {
    if (!existsSync(place)) continue;
    for (const name of readdirSync(place)) {
      if (/^temp-.*\.(?:aof|rdb)$/.test(name)) rmSync(join(place, name), { force: true });
    }
  }
}

/** True once the server has loaded its data and serves. */
export async function redisServes(server: OwnRedis): Promise<boolean> {
  return (await askRedis(server, ['PING']).catch(() => null)) === 'PONG';
}

/** True when nobody but who asks is connected, or the server is gone. */
export async function onlyClient(server: OwnRedis): Promise<boolean> {
  const answer = await askRedis(server, ['INFO', 'clients']).catch(() => 'connected_clients:0');
  return Number(/^connected_clients:(\d+)/m.exec(String(answer))?.[1]) <= 1;
}
