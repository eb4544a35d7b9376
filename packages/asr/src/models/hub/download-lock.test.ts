import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { withLock } from './download-lock.js';

suite('The lock of a download', () => {
  let path = '';
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'murmuration-lock-'));
    path = join(folder, 'model', '.lock');
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('One after the other gets it, and it is gone afterwards', async () => {
    let inside = 0;
    let most = 0;
    let waits = 0;
    const order: number[] = [];
    await Promise.all(
      [1, 2, 3].map((who) =>
        withLock(
          path,
          async () => {
            most = Math.max(most, ++inside);
            await new Promise((resolve) => {
              setImmediate(resolve);
            });
            order.push(who);
            inside--;
          },
          {
            onWait: () => {
              waits++;
            },
            pollMs: 5,
          },
        ),
      ),
    );
    assert.equal(most, 1);
    assert.equal(waits, 2);
    assert.deepEqual([...order].sort(), [1, 2, 3]);
    assert.equal(existsSync(path), false);
  });

  test('It is given back when the work fails', async () => {
    await assert.rejects(
      withLock(path, () => Promise.reject(new Error('broken')), { onWait: () => assert.fail() }),
      /broken/,
    );
    assert.equal(existsSync(path), false);
  });

  test('The lock of a process that is gone is taken over at once', async () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    await withLock(
      path,
      async () => {
        await rm(path);
        await writeFile(path, JSON.stringify({ pid, host: hostname(), token: 'gone' }));
      },
      { onWait: () => assert.fail() },
    );
    assert.equal(existsSync(path), true);
    assert.equal(
      await withLock(path, () => Promise.resolve('mine'), { onWait: () => undefined, staleMs: 3_600_000 }),
      'mine',
    );
  });

  test('A lock of another machine is taken over when nobody touches it any more', async () => {
    await withLock(
      path,
      async () => {
        await rm(path);
        await writeFile(path, JSON.stringify({ pid: process.pid, host: 'elsewhere', token: 'silent' }));
      },
      { onWait: () => assert.fail() },
    );
    assert.equal(
      await withLock(path, () => Promise.resolve('mine'), { onWait: () => undefined, staleMs: 60, pollMs: 5 }),
      'mine',
    );
  });
});
