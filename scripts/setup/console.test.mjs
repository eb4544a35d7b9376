import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ensureConsole, stampOf } from './console.mjs';

test('The console is built again for other sources, and not for what is compiled of them or for tests', async () => {
  const root = mkdtempSync(join(tmpdir(), 'console-stamp-'));
  try {
    const write = (path, text) => {
      mkdirSync(join(root, path, '..'), { recursive: true });
      writeFileSync(join(root, path), text);
    };
    write('console/src/main.tsx', 'one');
    write('packages/client/src/index.ts', 'two');
    write('package-lock.json', '{}');
    const before = stampOf(root);
    write('console/dist/main.d.ts', 'compiled');
    write('packages/client/src/jobs.test.ts', 'a test');
    assert.equal(stampOf(root), before);
    // Of the same sources: it is there, and Vite, which is not, is not asked.
    write('web/console/.stamp', before);
    await ensureConsole(root, join(root, 'web', 'console'));
    write('packages/client/src/index.ts', 'three');
    assert.notEqual(stampOf(root), before);
    await assert.rejects(ensureConsole(root, join(root, 'web', 'console')), /could not be built/);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
