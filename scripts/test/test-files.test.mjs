import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { findTestFiles, inTurn } from './test-files.mjs';

function withTree(paths, work) {
  const root = mkdtempSync(join(tmpdir(), 'murmuration-tree-'));
  try {
    for (const path of paths) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), '');
    }
    work((...wanted) => findTestFiles(root, wanted));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const TREE = [
  'packages/audio/src/decode/wav.test.ts',
  'packages/audio/src/decode/wav.ts',
  'packages/audio/dist/deleted.test.js',
  'services/api/src/app.test.ts',
  'services/api/node_modules/x/src/y.test.ts',
  'scripts/setup/tar.test.mjs',
  'cli/src/run.test.ts',
  'test/src/killed.test.ts',
  'test/src/harness/x.ts',
];

test('Tests are found by their sources, so that what is left in dist of a deleted one is not run', () => {
  withTree(TREE, (find) => {
    const { units, system } = find();
    assert.deepEqual(
      units.map(({ file }) => file),
      [
        'scripts/setup/tar.test.mjs',
        'packages/audio/dist/decode/wav.test.js',
        'services/api/dist/app.test.js',
        'cli/dist/run.test.js',
      ],
    );
    assert.deepEqual(
      system.map(({ file }) => file),
      ['test/dist/killed.test.js'],
    );
  });
});

test('A path picks a package, a folder or a file, by source or by compiled name', () => {
  withTree(TREE, (find) => {
    const names = (...wanted) =>
      Object.values(find(...wanted))
        .flat()
        .map(({ source }) => source);
    assert.deepEqual(names('packages/audio'), ['packages/audio/src/decode/wav.test.ts']);
    assert.deepEqual(names('./packages/audio/src/decode/', 'test'), [
      'packages/audio/src/decode/wav.test.ts',
      'test/src/killed.test.ts',
    ]);
    assert.deepEqual(names('services/api/dist/app.test.js'), ['services/api/src/app.test.ts']);
    assert.deepEqual(names('packages/aud'), []);
  });
});

test('Whole systems start evenly among the other files, each file once', () => {
  const files = inTurn({ units: ['a', 'b', 'c', 'd', 'e', 'f'], system: ['X', 'Y'] });
  assert.deepEqual(files, ['a', 'b', 'X', 'c', 'd', 'e', 'Y', 'f']);
  assert.deepEqual(inTurn({ units: [], system: ['X'] }), ['X']);
});
