import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LogFile } from './log-file.js';
import { Service, restartPauseMs, type ServiceOptions } from './service.js';

// A service that counts its starts in a file, then does what the test wants.
const PREAMBLE = `
const fs = require('node:fs');
const starts = Number(fs.existsSync('starts') ? fs.readFileSync('starts', 'utf8') : 0) + 1;
fs.writeFileSync('starts', String(starts));
const serve = () => { fs.writeFileSync('ready', ''); process.on('SIGTERM', () => { fs.writeFileSync('drained', ''); process.exit(0); }); setInterval(() => {}, 1000); };
process.on('exit', () => { fs.rmSync('ready', { force: true }); });
`;

interface Tested {
  readonly service: Service;
  readonly folder: string;
  readonly has: (name: string) => boolean;
  readonly until: (condition: () => boolean) => Promise<void>;
  readonly starts: () => number;
}

/** The process of a service that runs. */
function pidOf(service: Service): number {
  assert.ok(service.pid !== null);
  return service.pid;
}

async function withService(
  body: string,
  options: Partial<ServiceOptions>,
  work: (tested: Tested) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'murmuration-service-'));
  const log = new LogFile(join(folder, 'service.log'));
  const has = (name: string): boolean => existsSync(join(folder, name));
  const service = new Service('tested', {
    command: process.execPath,
    args: ['-e', PREAMBLE + body],
    cwd: folder,
    env: process.env,
    log,
    quiet: true,
    pauseMs: () => 0,
    probe: () => Promise.resolve({ ready: has('ready'), detail: has('ready') ? '' : null }),
    ...options,
  });
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await sleep(10);
  };
  try {
    service.start();
    await work({
      service,
      folder,
      has,
      until,
      starts: () => Number(readFileSync(join(folder, 'starts'), 'utf8') || 0),
    });
  } finally {
    service.kill();
    await service.stop(1_000);
    log.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

test('A service that is told to end ends in order', async () => {
  await withService('console.log("here"); serve();', {}, async ({ service, has, folder }) => {
    await service.ready();
    await service.stop(10_000);
    assert.equal(has('drained'), true);
    assert.match(readFileSync(join(folder, 'service.log'), 'utf8'), /here/);
    assert.equal(service.pid, null);
  });
});

test('A service that does not end is killed after its grace', async () => {
  await withService(
    'process.on("SIGTERM", () => {}); fs.writeFileSync("ready", ""); setInterval(() => {}, 1000);',
    {},
    async ({ service }) => {
      await service.ready();
      await service.stop(50);
      assert.equal(service.pid, null);
    },
  );
});

test('A service that cannot start is told by name, status and last words, and is not started again', async () => {
  await withService('console.error("API_PORT: must be a port"); process.exit(3);', {}, async ({ service, starts }) => {
    await assert.rejects(
      service.ready(),
      (error: Error) =>
        error.name === 'SetupError' &&
        /tested ended with status 3/.test(error.message) &&
        error.message.includes('API_PORT: must be a port'),
    );
    assert.equal(starts(), 1);
  });
});

test('A program that does not exist is told', async () => {
  await withService('', { command: join(tmpdir(), 'no-such-program') }, async ({ service }) => {
    await assert.rejects(service.ready(), /ENOENT/);
  });
});

test('A service that dies is started again', async () => {
  await withService('serve();', {}, async ({ service, has, until, starts }) => {
    await service.ready();
    process.kill(pidOf(service), 'SIGKILL');
    await until(() => starts() === 2);
    await until(() => has('ready'));
  });
});

test('A service that dies again and again is given up where nothing works without it', async () => {
  const givenUp: string[] = [];
  await withService(
    'if (starts === 1) serve(); else { console.error("no luck"); process.exit(1); }',
    {
      triesInARow: 3,
      onGivenUp: (message) => {
        givenUp.push(message);
      },
    },
    async ({ service, folder, until, starts }) => {
      await service.ready();
      rmSync(join(folder, 'ready'));
      process.kill(pidOf(service), 'SIGKILL');
      await until(() => givenUp.length > 0);
      assert.match(givenUp[0] ?? '', /3 times in a row.*no luck/s);
      assert.equal(starts(), 4);
    },
  );
});

test('The pause before a new try grows and is bounded', () => {
  assert.deepEqual([0, 1, 2, 10].map(restartPauseMs), [1_000, 2_000, 4_000, 30_000]);
});

test('Being ended while it starts breaks off the waiting', async () => {
  await withService('setInterval(() => {}, 1000);', {}, async ({ service }) => {
    const waiting = assert.rejects(service.ready(), /ended before it was ready/);
    await service.stop(10_000);
    await waiting;
  });
});
