import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../setup/paths.mjs';
import { bench, benchHelp, benchNames } from './main.mjs';

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

test('Every measurement says what it measures, and how it is called where it has options', () => {
  for (const name of benchNames(ROOT)) {
    const help = benchHelp(ROOT, name);
    assert.ok(help.length > 80 && !help.includes(' * '), name);
    const source = readFileSync(join(ROOT, 'test', 'src', 'bench', `${name}.ts`), 'utf8');
    if (source.includes('benchOptions({')) assert.ok(help.includes(`npm run bench -- ${name} `), name);
  }
});

test('--help of a measurement starts nothing', async () => {
  assert.equal(await bench(['scale', '--help']), 0);
});
