import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from '../../../scripts/setup/paths.mjs';

// Each starts a whole cluster, and workers may finish what they do.
const TIMEOUT = { timeout: 300_000 };

interface Member {
  readonly pid: number;
  readonly command: string;
}

/** The process and all below it. */
function family(pid: number | undefined): readonly Member[] {
  const all = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => {
      const [, one, parent, command = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
      return { pid: Number(one), parent: Number(parent), command };
    });
  const below = (parent: number | undefined): Member[] =>
    all.filter((one) => one.parent === parent).flatMap((one) => [one, ...below(one.pid)]);
  return [...all.filter((one) => one.pid === pid), ...below(pid)].filter(({ command }) => !command.startsWith('ps '));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // One that has ended and is not waited for is as good as gone.
    return !/^\S+ \(.*\) Z/.test(process.platform === 'linux' ? readFileSync(`/proc/${String(pid)}/stat`, 'utf8') : '');
  } catch {
    return false;
  }
}

/** Starts a cluster by this command, and calls `end` once it serves with its family of processes; resolves when none is left. */
async function endedBy(
  command: string,
  args: readonly string[],
  end: (running: {
    readonly child: ChildProcess;
    readonly members: readonly Member[];
    readonly script: number;
    readonly state: string;
  }) => void,
): Promise<{ readonly lines: readonly string[]; readonly redisLog: string }> {
  const state = mkdtempSync(join(tmpdir(), 'murmuration-ending-'));
  const env = {
    ...process.env,
    STATE_DIR: state,
    API_PORT: '0',
    WS_PORT: '0',
    GRPC_PORT: '0',
    METRICS_PORT: '0',
    INIT_CWD: ROOT,
    npm_lifecycle_event: 'start',
    REDIS_URL: undefined,
    MODEL_PATH: undefined,
    NODE_TEST_CONTEXT: undefined,
  };
  const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let members: readonly Member[] = [];
  try {
    const lines: string[] = [];
    const serves = new Promise<void>((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr]) {
        createInterface({ input: stream }).on('line', (line) => {
          lines.push(line);
          if (line.includes('Ctrl-C ends')) resolve();
        });
      }
      void once(child, 'close').then(() => {
        reject(new Error(lines.join('\n')));
      });
    });
    await serves;
    members = family(child.pid);
    for (const part of [
      'scripts/start.mjs',
      'redis-keeper.js',
      '127.0.0.1:',
      'services/api',
      'services/stream-relay',
      'services/worker',
    ]) {
      assert.ok(
        members.some((one) => one.command.includes(part)),
        `${part} in ${members.map((one) => one.command).join('\n')}`,
      );
    }
    const script = members.find(
      (one) => /\bnode\b.*scripts\/start\.mjs/.test(one.command) && !one.command.startsWith('sh '),
    )?.pid;
    assert.ok(script !== undefined);
    end({ child, members, script, state });
    while (members.some(({ pid }) => isAlive(pid))) await sleep(50);
    const redisLog = readFileSync(join(state, 'logs', 'redis.log'), 'utf8');
    return { lines, redisLog };
  } finally {
    for (const { pid } of members.filter((one) => isAlive(one.pid))) process.kill(pid, 'SIGKILL');
    child.kill('SIGKILL');
    rmSync(state, { recursive: true, force: true });
  }
}

test('SIGTERM to npm ends everything in order', TIMEOUT, async () => {
  const { redisLog, lines } = await endedBy('npm', ['start'], ({ child }) => {
    child.kill('SIGTERM');
  });
  assert.match(lines.join('\n'), /ending in order/);
  assert.match(redisLog, /bye bye/);
});

test(
  'SIGTERM to a shell between npm and the script, which passes nothing on, ends everything in order',
  TIMEOUT,
  async () => {
    const { redisLog, lines } = await endedBy('sh', ['-c', 'node scripts/start.mjs; true'], ({ child }) => {
      child.kill('SIGTERM');
    });
    assert.match(lines.join('\n'), /ending in order/);
    assert.match(redisLog, /bye bye/);
  },
);

test("SIGTERM to the script ends everything in order, and what it wrote was its user's alone", TIMEOUT, async () => {
  const { redisLog, lines } = await endedBy('npm', ['start'], ({ script, state, members }) => {
    const open: string[] = [];
    const look = (path: string): void => {
      const { mode } = statSync(path);
      if ((mode & 0o077) !== 0) open.push(`${path} ${(mode & 0o777).toString(8)}`);
      if (statSync(path).isDirectory()) for (const name of readdirSync(path)) look(join(path, name));
    };
    look(state);
    assert.deepEqual(open, []);
    const { password } = JSON.parse(readFileSync(join(state, 'redis', 'server.json'), 'utf8')) as {
      readonly password: string;
    };
    assert.match(password, /^[\w-]{43}$/);
    assert.ok(!members.some(({ command }) => command.includes(password)));
    for (const name of readdirSync(join(state, 'logs')))
      assert.ok(!readFileSync(join(state, 'logs', name), 'utf8').includes(password), name);
    process.kill(script, 'SIGTERM');
  });
  assert.match(lines.join('\n'), /ending in order/);
  assert.match(redisLog, /bye bye/);
});

for (const signal of ['SIGHUP', 'SIGKILL'] as const) {
  test(`${signal} to npm, which it does not pass on, ends everything in order`, TIMEOUT, async () => {
    const { redisLog } = await endedBy('npm', ['start'], ({ child }) => {
      child.kill(signal);
    });
    assert.match(redisLog, /bye bye/);
  });
}

test('A script that is killed leaves nothing running', TIMEOUT, async () => {
  await endedBy('npm', ['start'], ({ script, state, members }) => {
    assert.ok(existsSync(join(state, 'start.json')));
    assert.ok(members.filter(({ pid }) => isAlive(pid)).length >= 6);
    process.kill(script, 'SIGKILL');
  });
});
