import { randomInt } from 'node:crypto';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Below the ports that systems give to outgoing connections: from 32,768 on Linux, from 49,152 elsewhere. */
const PORTS = { from: 20_000, below: 32_000 };
/** A file named for each port that a test was given lately: it may be a while until its service listens. */
const GIVEN = join(tmpdir(), 'murmuration-test-ports');
const GIVEN_MS = 300_000;

/** A port that nothing listens on now, that no outgoing connection is given before it is used, and no other test of this machine either. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(PORTS.from, PORTS.below);
    if (take(port) && (await isFree(port))) return port;
  }
  throw new Error(`No free port was found from ${String(PORTS.from)} to ${String(PORTS.below)}.`);
}

/** False when the port was given to a test within the last minutes. */
function take(port: number): boolean {
  const mark = join(GIVEN, String(port));
  mkdirSync(GIVEN, { recursive: true, mode: 0o1777 });
  const given = statSync(mark, { throwIfNoEntry: false });
  if (given !== undefined) {
    if (Date.now() - given.mtimeMs < GIVEN_MS) return false;
    rmSync(mark, { force: true });
  }
  try {
    writeFileSync(mark, '', { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      resolve(true);
    });
  });
  if (free)
    await new Promise((resolve) => {
      server.close(resolve);
    });
  return free;
}
