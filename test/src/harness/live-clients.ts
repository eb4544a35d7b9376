import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './service-process.js';

const PYTHON = join(ROOT, '.murmuration', 'test-live-python');
const LIVEKIT = join(ROOT, '.murmuration', 'test-livekit');

/** Why a test that needs the Python clients of live speech is skipped; false when they are there. */
export const WITHOUT_LIVE_PYTHON = missing(PYTHON, 'the Python clients are not installed');
/** Why a test that needs LiveKit's plugins is skipped; false when they are there. */
export const WITHOUT_LIVEKIT = missing(LIVEKIT, "LiveKit's plugins are not installed");

function missing(folder: string, what: string): string | false {
  if (existsSync(join(folder, 'installed.txt'))) return false;
  const reason = join(folder, 'missing.txt');
  return `${what}: ${existsSync(reason) ? readFileSync(reason, 'utf8').trim() : 'run npm test, which does it'}`;
}

const LIMIT_MS = 120_000;

/** Runs a Python script in the environment of the clients; answers what its last line says, as JSON. Throws with its output when it fails. */
export async function runPython(script: string, args: readonly string[]): Promise<unknown> {
  return run(join(PYTHON, 'bin', 'python'), 'ask.py', script, args);
}

/** Runs a module that is given the folder where LiveKit's packages lie as its first argument; answers what its last line says, as JSON. Throws with its output when it fails. */
export async function runLiveKit(script: string, args: readonly string[]): Promise<unknown> {
  return run(process.execPath, 'ask.mjs', script, [LIVEKIT, ...args]);
}

async function run(program: string, name: string, script: string, args: readonly string[]): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'murmuration-client-'));
  try {
    const path = join(folder, name);
    await writeFile(path, script);
    const child = spawn(program, [path, ...args], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    let [output, faults] = ['', ''];
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString();
    });
    child.stderr.on('data', (data: Buffer) => {
      faults += data.toString();
    });
    const code = await new Promise<number | null>((resolve) => {
      child.once('close', resolve);
    });
    if (code !== 0) throw new Error(`the client ended with ${String(code)}:\n${output}\n${faults}`);
    return JSON.parse(output.trim().split('\n').at(-1) ?? '') as unknown;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
