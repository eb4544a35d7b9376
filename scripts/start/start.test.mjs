import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { redisServes } from '../setup/own-redis.mjs';
import { ROOT } from '../setup/paths.mjs';

// Each starts whole clusters.
const TIMEOUT = { timeout: 300_000 };
const state = mkdtempSync(join(tmpdir(), 'murmuration-start-'));
after(() => { rmSync(state, { recursive: true, force: true }); });

/** Runs `npm start` with a state and ports of its own; `lines` fills while it runs, `ended` answers its exit status. */
function start(...args) {
  return startWith({}, ...args);
}

/** The same with variables. */
function startWith(variables, ...args) {
  const env = { ...process.env, STATE_DIR: state, API_PORT: '0', WS_PORT: '0', GRPC_PORT: '0', METRICS_PORT: '0', INIT_CWD: ROOT, ...variables };
  // The tests' own settings must not reach the services.
  delete env.REDIS_URL;
  delete env.MODEL_PATH;
  delete env.NODE_TEST_CONTEXT;
  const child = spawn(process.execPath, [join(ROOT, 'scripts', 'start.mjs'), ...args], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines = [];
  const waiting = new Set();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      for (const look of waiting) look();
    });
  }
  const ended = once(child, 'close').then(([code]) => code);
  /** The first line that matches; rejects with everything printed when it ends without one. */
  const line = (pattern) => new Promise((resolve, reject) => {
    const look = () => {
      const found = lines.find((text) => pattern.test(text));
      if (found !== undefined) resolve(found);
    };
    waiting.add(look);
    look();
    void ended.then(() => { reject(new Error(`no line ${String(pattern)} in:\n${lines.join('\n')}`)); });
  });
  return { child, lines, line, ended };
}

test('With --once the sample is transcribed through the front door, everything ends, and the status is 0', TIMEOUT, async () => {
  const { lines, ended } = start('--once');
  assert.equal(await ended, 0, lines.join('\n'));
  const printed = lines.join('\n');
  assert.match(printed, /John Dashwood had then leisure to consider/);
  assert.match(printed, /times real time/);
  assert.equal(existsSync(join(state, 'start.json')), false);
});

test('A file that is no audio gives the door\'s words and a status that is not 0, and the others are transcribed all the same', TIMEOUT, async () => {
  const { lines, ended } = start('--once', 'package.json', 'samples/made-amiable-himself.wav');
  assert.equal(await ended, 1);
  assert.match(lines.join('\n'), /package\.json was not transcribed: .*\(HTTP 4\d\d\)/);
  assert.match(lines.join('\n'), /amiable himself/);
});

test('Where keys are asked for, API_KEY is shown, and without it one line says why nothing is transcribed', TIMEOUT, async () => {
  const key = 'murm_key-of-a-test';
  const path = join(state, 'keys.json');
  writeFileSync(path, JSON.stringify([{ name: 'test', id: 'key-1', sha256: createHash('sha256').update(key).digest('hex'), scopes: ['transcribe'], created_at: '2027-01-31T00:00:00Z' }]));
  const withKey = startWith({ API_KEYS_FILE: path, API_KEY: key }, '--once');
  assert.equal(await withKey.ended, 0, withKey.lines.join('\n'));
  assert.match(withKey.lines.join('\n'), /John Dashwood/);
  const without = startWith({ API_KEYS_FILE: path, API_KEY: '' }, '--once');
  assert.equal(await without.ended, 1);
  assert.match(without.lines.join('\n'), /set API_KEY to one/);
  assert.doesNotMatch(without.lines.join('\n'), /HTTP 401/);
});

test('It serves until it is told to end, a second one says so meanwhile, a killed worker comes back, and all is gone at the end', TIMEOUT, async () => {
  const first = start();
  const url = /http:\S+(?=\/health)/.exec(await first.line(/health +http/))[0];
  await first.line(/Ctrl-C/);

  const second = start('--once');
  assert.equal(await second.ended, 1);
  assert.ok(second.lines.some((line) => line.includes('already running') && line.includes(url)), second.lines.join('\n'));

  const redis = JSON.parse(readFileSync(join(state, 'redis', 'server.json'), 'utf8'));
  const pid = Number(/"pid":(\d+)/.exec(readFileSync(join(state, 'logs', 'worker.log'), 'utf8').trim().split('\n').at(-1))[1]);
  process.kill(pid, 'SIGKILL');
  await first.line(/worker +ready again/);
  assert.equal((await fetch(`${url}/health`)).status, 200);

  first.child.kill('SIGINT');
  assert.equal(await first.ended, 0);
  assert.equal(await redisServes(redis), false);
  assert.equal(existsSync(join(state, 'redis', 'server.json')), false);
});
