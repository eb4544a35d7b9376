import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HUB_MODELS, isCommit, readHubReference } from './known-models.js';

test('Names, their aliases and hub ids are read, each with a revision if one is given', () => {
  assert.deepEqual(readHubReference('base'), {
    id: 'base',
    repository: 'onnx-community/whisper-base_timestamped',
    revision: HUB_MODELS['base']?.revision,
  });
  assert.deepEqual(readHubReference('whisper-base'), readHubReference('base'));
  assert.deepEqual(readHubReference('turbo'), readHubReference('large-v3-turbo'));
  assert.equal(readHubReference('large')?.id, 'large-v3');
  assert.equal(readHubReference('base@main')?.revision, 'main');
  assert.deepEqual(readHubReference('some.one/model_1.en@refs/pr/3'), {
    id: 'some.one/model_1.en',
    repository: 'some.one/model_1.en',
    revision: 'refs/pr/3',
  });
});

test('What could become a path, or is no name at all, is no reference', () => {
  for (const asked of [
    '',
    'no-such-model',
    '../base',
    './a/b',
    'a/b/c',
    '/a/b',
    'a/..',
    '../..',
    'a/b@../../c',
    'a/b@',
    'toString',
    'a b/c',
  ])
    assert.equal(readHubReference(asked), null, asked);
});

test('Every known name has a repository, and a revision that is a commit or the main branch', () => {
  for (const size of ['tiny', 'base', 'small', 'medium'])
    for (const name of [size, `${size}.en`]) assert.ok(Object.hasOwn(HUB_MODELS, name), name);
  for (const [name, { repository, revision }] of Object.entries(HUB_MODELS)) {
    assert.ok(isCommit(revision) || revision === 'main', name);
    assert.deepEqual(readHubReference(repository)?.repository, repository);
  }
});
