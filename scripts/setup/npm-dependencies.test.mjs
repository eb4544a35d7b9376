import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { dependencyState, stampOf, treeMatchesLock } from './npm-dependencies.mjs';

const LOCK = {
  packages: {
    '': { name: 'top' },
    'packages/a': { name: 'a', version: '1.0.0' },
    'node_modules/a': { resolved: 'packages/a', link: true },
    'node_modules/b': { version: '2.0.0', integrity: 'sha512-b' },
    'node_modules/other-machine': { version: '3.0.0', integrity: 'sha512-o', optional: true },
  },
};

function without(path) {
  return { packages: Object.fromEntries(Object.entries(LOCK.packages).filter(([key]) => key !== path && key !== '')) };
}

test('An installed tree fits the lockfile when only optional packages of other machines are missing', () => {
  assert.equal(treeMatchesLock(LOCK, without('node_modules/other-machine')), true);
  assert.equal(treeMatchesLock(LOCK, without('node_modules/b')), false);
});

test('An installed tree with another version or a package too many does not fit', () => {
  const changed = structuredClone(without(''));
  changed.packages['node_modules/b'].version = '2.0.1';
  assert.equal(treeMatchesLock(LOCK, changed), false);
  const more = structuredClone(without(''));
  Object.assign(more.packages, { 'node_modules/left-over': { version: '1.0.0' } });
  assert.equal(treeMatchesLock(LOCK, more), false);
});

test('The stamp goes stale with the lockfile and with the machine', () => {
  assert.notEqual(stampOf('{}'), stampOf('{} '));
  assert.notEqual(stampOf('{}', 'linux-x64'), stampOf('{}', 'darwin-arm64'));
});

test('A folder is stale without node_modules, unstamped after an installation by hand, current with the stamp, stale after a change', () => {
  const root = mkdtempSync(join(tmpdir(), 'murmuration-npm-'));
  try {
    const lockText = JSON.stringify(LOCK);
    writeFileSync(join(root, 'package-lock.json'), lockText);
    assert.equal(dependencyState(root), 'stale');
    mkdirSync(join(root, 'node_modules'));
    writeFileSync(join(root, 'node_modules', '.package-lock.json'), JSON.stringify(without('')));
    assert.equal(dependencyState(root), 'unstamped');
    writeFileSync(join(root, 'node_modules', '.murmuration-stamp'), stampOf(lockText));
    assert.equal(dependencyState(root), 'current');
    const next = structuredClone(LOCK);
    next.packages['node_modules/b'].version = '2.1.0';
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify(next));
    assert.equal(dependencyState(root), 'stale');
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
