import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { bench, benchNames } from './main.mjs';

test('Measurements are the files of their folder that are no tests', () => {
  const root = mkdtempSync(join(tmpdir(), 'murmuration-bench-'));
  try {
    assert.deepEqual(benchNames(root), []);
    const folder = join(root, 'test', 'src', 'bench');
    mkdirSync(join(folder, 'report'), { recursive: true });
    for (const name of ['offline.ts', 'live.ts', 'offline.test.ts', 'README.md']) writeFileSync(join(folder, name), '');
    assert.deepEqual(benchNames(root), ['live', 'offline']);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test('An unknown measurement is refused before anything is prepared', async () => {
  assert.equal(await bench(['no-such-measurement']), 2);
  assert.equal(await bench([]), 2);
});
