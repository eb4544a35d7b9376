import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LOCAL_FOLDER, ROOT, modelCache, stateFolder, typedPath } from './paths.mjs';

test('Folders lie in the checkout unless a variable says otherwise', () => {
  assert.ok(existsSync(join(ROOT, 'package-lock.json')));
  assert.equal(modelCache({}), join(LOCAL_FOLDER, 'models'));
  assert.equal(modelCache({ MODEL_CACHE: 'cache' }), join(ROOT, 'cache'));
  assert.equal(modelCache({ MODEL_CACHE: '/var/cache/models' }), '/var/cache/models');
  assert.equal(stateFolder({ STATE_DIR: '' }), LOCAL_FOLDER);
  assert.equal(stateFolder({ STATE_DIR: '/var/lib/murmuration' }), '/var/lib/murmuration');
});

test('A path that was typed counts from the folder in which it was typed', () => {
  assert.equal(typedPath('a.wav', { INIT_CWD: '/home/ada' }), '/home/ada/a.wav');
  assert.equal(typedPath('/a.wav', { INIT_CWD: '/home/ada' }), '/a.wav');
});
