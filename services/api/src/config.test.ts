import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readConfig } from './config.js';

describe('The configuration of the API', () => {
  test('An empty environment gives the defaults.', () => {
    const config = readConfig({});
    assert.deepEqual(
      [config.API_HOST, config.API_PORT, config.METRICS_PORT, config.MAX_UPLOAD_BYTES, config.UPLOAD_IDLE_TIMEOUT_MS],
      ['127.0.0.1', 8_000, 9_100, 2_147_483_648, 30_000],
    );
    assert.equal(config.vadModelPath, '.murmuration/models/silero-vad/silero_vad_v6.onnx');
    assert.deepEqual(config.CORS_ORIGINS, []);
  });

  test('An address that others reach is refused without keys and without AUTH=off.', () => {
    assert.throws(() => readConfig({ API_HOST: '0.0.0.0' }), /API_HOST: .*API_KEYS_FILE.*AUTH=off/);
    assert.equal(readConfig({ API_HOST: '0.0.0.0', API_KEYS_FILE: 'keys.json' }).API_KEYS_FILE, 'keys.json');
    assert.equal(readConfig({ API_HOST: '0.0.0.0', AUTH: 'off' }).API_HOST, '0.0.0.0');
  });

  test('Keys together with AUTH=off contradict each other and stop the start.', () => {
    assert.throws(() => readConfig({ API_KEYS_FILE: 'keys.json', AUTH: 'off' }), /AUTH, API_KEYS_FILE: both are set/);
  });

  test('Jobs stay a week unless said otherwise, never longer than the most, and a default above it stops the start.', () => {
    assert.deepEqual(
      [readConfig({}).jobRetentionSeconds, readConfig({}).MAX_JOB_RETENTION_SECONDS],
      [604_800, 2_592_000],
    );
    assert.equal(readConfig({ MAX_JOB_RETENTION_SECONDS: '60' }).jobRetentionSeconds, 60);
    assert.equal(readConfig({ JOB_RETENTION_SECONDS: '5' }).jobRetentionSeconds, 5);
    assert.throws(
      () => readConfig({ JOB_RETENTION_SECONDS: '61', MAX_JOB_RETENTION_SECONDS: '60' }),
      /JOB_RETENTION_SECONDS, MAX_JOB_RETENTION_SECONDS/,
    );
  });

  for (const [name, value] of [
    ['API_PORT', '70000'],
    ['API_PORT', 'http'],
    ['MAX_UPLOAD_BYTES', '0'],
    ['MAX_UPLOAD_BYTES', '2G'],
    ['CORS_ORIGINS', 'app.example'],
    ['ENABLE_REST', 'perhaps'],
    ['REDIS_URL', 'localhost'],
    ['AUTH', 'on'],
    ['LOG_LEVEL', 'loud'],
    ['URL_ALLOWLIST', 'http://a.example/'],
    ['WEBHOOK_SECRET', 'whsec_short'],
    ['MAX_BACKLOG_SECONDS', '0'],
    ['JOB_RETENTION_SECONDS', '0'],
    ['MAX_JOB_RETENTION_SECONDS', 'week'],
  ] as const) {
    test(`The bad value ${value} stops the start, and ${name} is named without it.`, () => {
      assert.throws(
        () => readConfig({ [name]: value }),
        (error: Error) => error.message.includes(name) && !error.message.includes(`"${value}"`),
      );
    });
  }
});
