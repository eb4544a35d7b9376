import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Instance } from './instance.mjs';

async function inFolder(work) {
  const folder = mkdtempSync(join(tmpdir(), 'murmuration-instance-'));
  try {
    await work(join(folder, 'state', 'start.json'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A process that waits, with `mark` on its command line. */
async function withProcess(mark, work) {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume(); console.log("up")', mark], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  try {
    await work(child.pid);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

test('The mark is there while it is held and gone afterwards', async () => {
  await inFolder(async (path) => {
    const instance = await Instance.claim(path);
    assert.equal(instance.afterCrash, false);
    instance.serves('http://127.0.0.1:8000');
    assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), { pid: process.pid, url: 'http://127.0.0.1:8000' });
    instance.release();
    assert.equal(existsSync(path), false);
  });
});

for (const program of ['scripts/start.mjs', 'node_modules/.bin/murmur up --api 2']) {
  test(`A second start is told which process runs (${program}), where it serves and how to end it`, async () => {
    await inFolder((path) =>
      withProcess(program, async (pid) => {
        (await Instance.claim(path)).release();
        writeFileSync(path, JSON.stringify({ pid, url: 'http://127.0.0.1:8000' }));
        await assert.rejects(Instance.claim(path), {
          name: 'SetupError',
          message: new RegExp(
            `process ${String(pid)}\\) and serves http://127\\.0\\.0\\.1:8000\\..*kill ${String(pid)}$`,
          ),
        });
        assert.equal(JSON.parse(readFileSync(path, 'utf8')).pid, pid);
      }),
    );
  });
}

test('The mark of a process that is gone, of another program under its number, or that cannot be read is taken over', async () => {
  await inFolder((path) =>
    withProcess('something-else', async (pid) => {
      for (const text of [JSON.stringify({ pid: 2 ** 22 + 1 }), JSON.stringify({ pid }), '{"pi']) {
        (await Instance.claim(path)).release();
        writeFileSync(path, text);
        const instance = await Instance.claim(path);
        assert.equal(instance.afterCrash, true);
        instance.release();
      }
    }),
  );
});
