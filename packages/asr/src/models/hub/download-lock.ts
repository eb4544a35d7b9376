import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { leaveAlone } from '@murmuration/contracts/left-alone';

export interface LockOptions {
  /** Called once when somebody else holds the lock. */
  readonly onWait: () => void;
  /** How often a waiter looks, milliseconds; default 250. */
  readonly pollMs?: number;
  /** A lock that its holder has not touched for this long is stale, milliseconds; default 30 s. */
  readonly staleMs?: number;
}

const POLL_MS = 250;
const STALE_MS = 30_000;

/**
 * Runs `work` while holding a lock file, so that processes that want the same files fetch them once. The holder touches the file
 * regularly. A lock is stale when its process is gone (same machine), or when it has not been touched for a while, by the
 * waiter's own clock. Two waiters may, very rarely, both take a stale lock over; then files are fetched twice, but never mixed
 * up unnoticed, since every file is verified before it gets its name.
 *
 * free --create--> held --work ends--> free;  held --holder dies--> stale --a waiter moves it away--> free
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  { onWait, pollMs = POLL_MS, staleMs = STALE_MS }: LockOptions,
): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), token: randomUUID() });
  let told = false;
  let watched = { text: '', touchedMs: 0, sinceMs: 0 };
  while (!(await create(path, mine))) {
    if (!told) onWait();
    told = true;
    const [text, found] = await Promise.all([
      readFile(path, 'utf8').catch(leaveAlone('unreadable', null)),
      stat(path).catch(leaveAlone('unreadable', null)),
    ]);
    if (text === null || found === null) continue;
    const nowMs = performance.now();
    if (text !== watched.text || found.mtimeMs !== watched.touchedMs)
      watched = { text, touchedMs: found.mtimeMs, sinceMs: nowMs };
    if (isAbandoned(text) || nowMs - watched.sinceMs > staleMs) await moveAway(path, text);
    else await sleep(pollMs);
  }
  const beat = setInterval(() => {
    void touch(path, mine);
  }, staleMs / 4);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    if ((await readFile(path, 'utf8').catch(leaveAlone('unreadable', null))) === mine) await rm(path, { force: true });
  }
}

async function create(path: string, text: string): Promise<boolean> {
  // Linked into place with its content, so that nobody ever reads a lock that is not written yet.
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, text);
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** True when the process of this machine that wrote it is gone. */
function isAbandoned(text: string): boolean {
  let holder: unknown;
  try {
    holder = JSON.parse(text);
  } catch {
    return false;
  }
  if (typeof holder !== 'object' || holder === null || !('pid' in holder) || !('host' in holder)) return false;
  if (typeof holder.pid !== 'number' || holder.host !== hostname()) return false;
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}

async function moveAway(path: string, stale: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  // Somebody else was quicker and this is their new lock: it goes back.
  if ((await readFile(aside, 'utf8').catch(leaveAlone('unreadable', stale))) !== stale)
    await link(aside, path).catch(leaveAlone('unreadable'));
  await rm(aside, { force: true });
}

async function touch(path: string, mine: string): Promise<void> {
  if ((await readFile(path, 'utf8').catch(leaveAlone('unreadable', null))) !== mine) return;
  const now = new Date();
  await utimes(path, now, now).catch(leaveAlone('repeated'));
}
