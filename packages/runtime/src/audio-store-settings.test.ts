import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { audioStoreSettings, audioStoreVariables, type AudioStoreSettings } from './audio-store-settings.js';
import { EnvironmentError, parseEnvironment } from './environment.js';

function settings(environment: Record<string, string>): AudioStoreSettings {
  return audioStoreSettings(parseEnvironment(audioStoreVariables, environment));
}

test('A folder is the store unless another is named, and a store in Redis needs an address of its own', () => {
  assert.deepEqual(settings({}), { kind: 'directory', budgetBytes: 536_870_912, dir: resolve('.murmuration/audio') });
  assert.deepEqual(settings({ AUDIO_STORE: 'redis', AUDIO_REDIS_URL: 'redis://audio:6379' }), {
    kind: 'redis',
    budgetBytes: 536_870_912,
    url: 'redis://audio:6379',
  });
  assert.deepEqual(settings({ AUDIO_STORE: 'directory', AUDIO_STORE_DIR: 'x', AUDIO_STORE_BYTES: '2000000' }), {
    kind: 'directory',
    budgetBytes: 2_000_000,
    dir: resolve('x'),
  });
});

test('S3 takes its address and keys, or leaves both to the SDK', () => {
  const plain = {
    kind: 's3',
    budgetBytes: 536_870_912,
    endpoint: null,
    bucket: 'audio',
    region: 'us-east-1',
    prefix: 'murmuration',
    credentials: null,
  };
  assert.deepEqual(settings({ AUDIO_STORE: 's3', S3_BUCKET: 'audio' }), plain);
  assert.deepEqual(
    settings({
      AUDIO_STORE: 's3',
      S3_BUCKET: 'audio',
      S3_ENDPOINT: 'http://minio:9000',
      S3_REGION: 'eu-west-1',
      S3_PREFIX: 'a/b',
      S3_ACCESS_KEY_ID: 'id',
      S3_SECRET_ACCESS_KEY: 'secret',
    }),
    {
      ...plain,
      endpoint: 'http://minio:9000',
      region: 'eu-west-1',
      prefix: 'a/b',
      credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
    },
  );
});

test('What does not fit together is refused by name and without its value', () => {
  const bad: [Record<string, string>, RegExp][] = [
    [{ AUDIO_STORE: 'hunter2' }, /AUDIO_STORE/],
    [{ AUDIO_STORE: 'redis' }, /AUDIO_REDIS_URL: must be set/],
    [{ AUDIO_STORE: 'redis', AUDIO_REDIS_URL: 'hunter2' }, /AUDIO_REDIS_URL/],
    [{ AUDIO_STORE: 's3' }, /S3_BUCKET/],
    [{ AUDIO_STORE: 's3', S3_BUCKET: 'HUNTER2/' }, /S3_BUCKET/],
    [{ AUDIO_STORE: 's3', S3_BUCKET: 'audio', S3_SECRET_ACCESS_KEY: 'hunter2' }, /S3_ACCESS_KEY_ID/],
    [{ AUDIO_STORE: 's3', S3_BUCKET: 'audio', S3_ENDPOINT: 'http://user:hunter2@minio' }, /S3_ENDPOINT/],
    [{ AUDIO_STORE: 's3', S3_BUCKET: 'audio', S3_PREFIX: '../hunter2//' }, /S3_PREFIX/],
  ];
  for (const [environment, name] of bad) {
    assert.throws(
      () => settings(environment),
      (error: Error) =>
        error instanceof EnvironmentError && name.test(error.message) && !/hunter2/i.test(error.message),
      String(name),
    );
  }
});
