import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LOCAL_FOLDER, ROOT, modelCache, stateFolder, typedModel, typedPath } from './paths.mjs';

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

test('A model that was typed is a folder where one is meant or lies there, else a name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'murmuration-typed-'));
  const there = { INIT_CWD: folder };
  try {
    mkdirSync(join(folder, 'models', 'mine'), { recursive: true });
    mkdirSync(join(folder, 'base'));
    assert.equal(typedModel('models/mine', there), join(folder, 'models', 'mine'));
    assert.equal(typedModel('../absent', { INIT_CWD: join(folder, 'models') }), join(folder, 'absent'));
    assert.equal(typedModel('./base', there), join(folder, 'base'));
    for (const name of ['base', 'onnx-community/whisper-base', folder]) assert.equal(typedModel(name, there), name);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
