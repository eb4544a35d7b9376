import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { WebSocket } from 'ws';
import { ROOT } from '../../../scripts/setup/paths.mjs';
import { redisServes, type OwnRedis } from './own-redis.js';

// Each starts whole clusters.
const TIMEOUT = { timeout: 300_000 };
const state = mkdtempSync(join(tmpdir(), 'murmuration-start-'));
after(() => {
  rmSync(state, { recursive: true, force: true });
});

/** Runs `npm start` with a state and ports of its own; `lines` fills while it runs, `ended` answers its exit status. */
function start(...args: readonly string[]) {
  return startWith({}, ...args);
}

/** The same with variables. */
function startWith(variables: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const env = {
    ...process.env,
    STATE_DIR: state,
    API_PORT: '0',
    WS_PORT: '0',
    GRPC_PORT: '0',
    METRICS_PORT: '0',
    INIT_CWD: ROOT,
    REDIS_URL: undefined,
    MODEL_PATH: undefined,
    NODE_TEST_CONTEXT: undefined,
    ...variables,
  };
  const child = spawn(process.execPath, [join(ROOT, 'scripts', 'start.mjs'), ...args], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      for (const look of waiting) look();
    });
  }
  const ended = once(child, 'close').then(([code]) => code as number | null);
  /** The first line that matches; rejects with everything printed when it ends without one. */
  const line = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = lines.find((text) => pattern.test(text));
        if (found !== undefined) resolve(found);
      };
      waiting.add(look);
      look();
      void ended.then(() => {
        reject(new Error(`no line ${String(pattern)} in:\n${lines.join('\n')}`));
      });
    });
  return { child, lines, line, ended };
}

/** The address of the HTTP service, out of a line that has it. */
function urlOf(line: string): string {
  const url = /http:\S+(?=\/health)/.exec(line)?.[0];
  assert.ok(url !== undefined);
  return url;
}

/** The process that wrote the last line of a service's log. */
function lastPid(service: string): number {
  return Number(
    /"pid":(\d+)/.exec(
      readFileSync(join(state, 'logs', `${service}.log`), 'utf8')
        .trim()
        .split('\n')
        .at(-1) ?? '',
    )?.[1],
  );
}

test(
  'With --once the sample is transcribed through the HTTP service, everything ends, and the status is 0',
  TIMEOUT,
  async () => {
    const { lines, ended } = start('--once');
    assert.equal(await ended, 0, lines.join('\n'));
    const printed = lines.join('\n');
    assert.match(printed, /John Dashwood had then leisure to consider/);
    assert.match(printed, /times real time/);
    assert.equal(existsSync(join(state, 'start.json')), false);
  },
);

test(
  "A file that is no audio gives the server's words and a status that is not 0, and the others are transcribed all the same",
  TIMEOUT,
  async () => {
    const { lines, ended } = start('--once', 'package.json', 'samples/made-amiable-himself.wav');
    assert.equal(await ended, 1);
    assert.match(lines.join('\n'), /package\.json was not transcribed: .*\(HTTP 4\d\d\)/);
    assert.match(lines.join('\n'), /amiable himself/);
  },
);

test(
  'Where keys are asked for, API_KEY is shown, and without it one line says why nothing is transcribed',
  TIMEOUT,
  async () => {
    const key = 'murm_key-of-a-test';
    const path = join(state, 'keys.json');
    writeFileSync(
      path,
      JSON.stringify([
        {
          name: 'test',
          id: 'key-1',
          sha256: createHash('sha256').update(key).digest('hex'),
          scopes: ['transcribe'],
          created_at: '2027-01-31T00:00:00Z',
        },
      ]),
    );
    const withKey = startWith({ API_KEYS_FILE: path, API_KEY: key }, '--once');
    assert.equal(await withKey.ended, 0, withKey.lines.join('\n'));
    assert.match(withKey.lines.join('\n'), /John Dashwood/);
    const without = startWith({ API_KEYS_FILE: path, API_KEY: '' }, '--once');
    assert.equal(await without.ended, 1);
    assert.match(without.lines.join('\n'), /set API_KEY to one/);
    assert.doesNotMatch(without.lines.join('\n'), /HTTP 401/);
  },
);

test(
  'It serves until it is told to end, a second one says so meanwhile, a killed worker comes back, and all is gone at the end',
  TIMEOUT,
  async () => {
    const first = start();
    const url = urlOf(await first.line(/health +http/));
    await first.line(/Ctrl-C/);

    const second = start('--once');
    assert.equal(await second.ended, 1);
    assert.ok(
      second.lines.some((line) => line.includes('already running') && line.includes(url)),
      second.lines.join('\n'),
    );

    const redis = JSON.parse(readFileSync(join(state, 'redis', 'server.json'), 'utf8')) as OwnRedis;
    const pid = lastPid('worker');
    process.kill(pid, 'SIGKILL');
    await first.line(/worker +ready again/);
    assert.equal((await fetch(`${url}/health`)).status, 200);

    first.child.kill('SIGINT');
    assert.equal(await first.ended, 0);
    assert.equal(await redisServes(redis), false);
    assert.equal(existsSync(join(state, 'redis', 'server.json')), false);
  },
);

test(
  'murmur up with several services answers on one address, whichever of them is killed, and takes uploads, events and WebSockets',
  TIMEOUT,
  async () => {
    const cluster = startWith({}, '--api', '2', '--relays', '2', '--workers', '2');
    const url = urlOf(await cluster.line(/health +http/));
    await cluster.line(/Ctrl-C/);
    for (const name of ['api-1', 'api-2', 'relay-1', 'relay-2', 'worker-1', 'worker-2'])
      assert.ok(existsSync(join(state, 'logs', `${name}.log`)), name);

    const recording = readFileSync(join(ROOT, 'samples', 'much-in-his-power.wav'));
    const upload = async (path: string): Promise<Response> =>
      await fetch(`${url}${path}`, {
        method: 'POST',
        body: recording,
        headers: { 'content-type': 'audio/wav', connection: 'close' },
      });
    const events = await upload('/transcribe/stream');
    assert.equal(events.headers.get('content-type')?.split(';')[0], 'text/event-stream');
    assert.match(await events.text(), /John Dashwood/);

    process.kill(lastPid('api-1'), 'SIGKILL');
    await cluster.line(/api-1 +was ended by SIGKILL/);
    for (let i = 0; i < 4; i += 1)
      assert.equal((await fetch(`${url}/health`, { headers: { connection: 'close' } })).status, 200);
    assert.match(await (await upload('/transcribe')).text(), /John Dashwood/);
    await cluster.line(/api-1 +ready again/);

    // Twice: whichever relay has the fewest connections takes it, by way of the HTTP service and at the relays' own port.
    const relay = /ws:\/\/[\d.]+:\d+$/.exec(await cluster.line(/live +ws:/))?.[0] ?? '';
    for (const address of [`${url.replace('http', 'ws')}/ws/transcribe`, relay]) await ready(address);
    process.kill(lastPid('relay-1'), 'SIGKILL');
    await cluster.line(/relay-1 +was ended by SIGKILL/);
    for (const address of [`${url.replace('http', 'ws')}/ws/transcribe`, relay]) await ready(address);

    cluster.child.kill('SIGINT');
    assert.equal(await cluster.ended, 0);
  },
);

/** Opens a live session and waits until the relay is ready for it. */
async function ready(address: string): Promise<void> {
  const socket = new WebSocket(address);
  try {
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'start', encoding: 'pcm_s16le', sample_rate: 16_000 }));
    const [data] = (await once(socket, 'message')) as [Buffer];
    assert.equal((JSON.parse(data.toString()) as { readonly type: string }).type, 'ready');
  } finally {
    socket.terminate();
  }
}
