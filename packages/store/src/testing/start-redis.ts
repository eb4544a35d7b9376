import { freePort } from './free-port.js';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A Redis of a test's own, on a free port, with its data in a temporary folder. */
export interface TestRedis {
  readonly url: string;
  readonly port: number;
  /** Ends the server the way a crash does; the data stays. */
  kill(): Promise<void>;
  /** Starts it again on the same port with the same data. */
  restart(): Promise<void>;
  /** Freezes or thaws the process: connections stay open and nothing answers. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** Ends the server and removes its data. */
  close(): Promise<void>;
}

const PROGRAM = ['valkey-server', 'redis-server'].find((name) => spawnSync(name, ['--version']).status === 0);

/** Starts a Redis with the settings that `npm start` uses. Throws when no server program is on the PATH. */
export async function startRedis(extra: readonly string[] = []): Promise<TestRedis> {
  const dir = await mkdtemp(join(tmpdir(), 'murmuration-redis-'));
  const port = await freePort();
  const start = (): Promise<ChildProcess> =>
    launch([
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      dir,
      '--save',
      '',
      '--appendonly',
      'yes',
      '--appendfsync',
      'always',
      '--maxmemory',
      '512mb',
      '--maxmemory-policy',
      'noeviction',
      '--slowlog-log-slower-than',
      '-1',
      ...extra,
    ]);
  let child = await start();
  const kill = (): Promise<void> => killed(child);
  return {
    url: `redis://127.0.0.1:${String(port)}`,
    port,
    kill,
    restart: async () => {
      await kill();
      child = await start();
    },
    signal: (signal) => {
      child.kill(signal);
    },
    close: async () => {
      await kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Starts a Sentinel by its configuration file, which it writes to. Answers what ends it. */
export async function startSentinel(file: string): Promise<() => Promise<void>> {
  const child = await launch([file, '--sentinel'], '+monitor master');
  return () => killed(child);
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => {
    child.once('exit', resolve);
  });
  child.kill('SIGKILL');
  await gone;
}

async function launch(parameters: string[], readyWith = 'eady to accept connections'): Promise<ChildProcess> {
  if (PROGRAM === undefined)
    throw new Error('neither valkey-server nor redis-server is on the PATH; npm test installs one');
  const child = spawn(PROGRAM, parameters, { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (data: Buffer) => {
      text += data.toString();
      if (text.includes(readyWith)) resolve();
    });
    child.once('error', reject);
    child.once('exit', () => {
      reject(new Error(`Redis ended before it was ready: ${text.slice(-500)}`));
    });
  });
  child.stdout.resume();
  return child;
}
