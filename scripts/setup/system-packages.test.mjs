import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { aptScript, lineToType, packageManager } from './system-packages.mjs';

const only =
  (...names) =>
  (name) =>
    names.includes(name);

test('The package manager of the machine is found', () => {
  assert.equal(packageManager(only('apt-get'), 'linux'), 'apt-get');
  assert.equal(packageManager(only('apk'), 'linux'), 'apk');
  assert.equal(packageManager(only('brew'), 'darwin'), 'brew');
  assert.equal(packageManager(only('apt-get'), 'darwin'), null);
  assert.equal(packageManager(only(), 'linux'), null);
});

test('The line to type asks for root only where it is needed', () => {
  assert.equal(
    lineToType('redis', 'apt-get', { isRoot: false, platform: 'linux' }),
    'sudo apt-get update && sudo apt-get install -y redis-server',
  );
  assert.equal(lineToType('redis', 'dnf', { isRoot: true, platform: 'linux' }), 'dnf install -y valkey');
  assert.equal(lineToType('redis', 'brew', { isRoot: false, platform: 'darwin' }), 'brew install redis');
  assert.match(lineToType('ffmpeg', null, { isRoot: false, platform: 'linux' }), /package manager/);
  assert.match(lineToType('ffmpeg', null, { isRoot: false, platform: 'darwin' }), /brew install ffmpeg/);
});

test('The installing script is sound shell and forbids services to start', () => {
  const script = aptScript('redis-server');
  assert.equal(spawnSync('sh', ['-n', '-c', script]).status, 0);
  assert.match(script, /policy-rc\.d/);
});
