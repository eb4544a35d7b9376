import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readConfig } from './config.js';

describe('The configuration of the relay', () => {
  test('gives defaults for an empty environment, with the protocols that have ports of their own switched off', () => {
    const config = readConfig({});
    assert.deepEqual(
      [config.RELAY_HOST, config.WS_PORT, config.GRPC_PORT, config.METRICS_PORT, config.SESSION_GRACE],
      ['127.0.0.1', 8_765, 50_051, 9_101, 60],
    );
    assert.deepEqual(
      [config.WHISPERLIVE_PORT, config.VOSK_PORT, config.WYOMING_PORT, config.ENABLE_WEBSOCKET, config.ENABLE_GRPC],
      [undefined, undefined, undefined, true, true],
    );
  });

  test('An address that others reach is refused without keys and without AUTH=off.', () => {
    assert.throws(() => readConfig({ RELAY_HOST: '0.0.0.0' }), /RELAY_HOST: .*API_KEYS_FILE.*AUTH=off/);
    assert.equal(readConfig({ RELAY_HOST: '0.0.0.0', AUTH: 'off' }).RELAY_HOST, '0.0.0.0');
  });

  test('Wyoming, which has no keys, is open to others only where somebody says so', () => {
    const keyed = { WYOMING_PORT: '10300', RELAY_HOST: '0.0.0.0', API_KEYS_FILE: '/keys.json' };
    assert.throws(() => readConfig(keyed), /WYOMING_PORT, API_KEYS_FILE: .*WYOMING_WITHOUT_KEYS=true/);
    assert.equal(readConfig({ ...keyed, WYOMING_WITHOUT_KEYS: 'true' }).WYOMING_HOST, '0.0.0.0');
    assert.equal(readConfig({ ...keyed, WYOMING_HOST: '127.0.0.1' }).WYOMING_HOST, '127.0.0.1');
    assert.throws(() => readConfig({ WYOMING_PORT: '10300', WYOMING_HOST: '0.0.0.0' }), /WYOMING_HOST: .*AUTH=off/);
    const off = { WYOMING_PORT: '10300', RELAY_HOST: '0.0.0.0', AUTH: 'off' };
    assert.equal(readConfig(off).WYOMING_HOST, '0.0.0.0');
    assert.equal(readConfig({ WYOMING_PORT: '10300' }).WYOMING_HOST, '127.0.0.1');
  });

  for (const [name, value] of [
    ['WS_PORT', '70000'],
    ['GRPC_PORT', 'grpc'],
    ['SESSION_GRACE', '60s'],
    ['MAX_SESSIONS', '0'],
    ['VOSK_PORT', '-1'],
    ['WYOMING_PORT', 'yes'],
    ['WYOMING_WITHOUT_KEYS', 'perhaps'],
    ['ENABLE_GRPC', 'perhaps'],
    ['CORS_ORIGINS', 'app.example'],
  ] as const) {
    test(`The bad value ${value} stops the start, and ${name} is named without it.`, () => {
      assert.throws(
        () => readConfig({ [name]: value }),
        (error: Error) => error.message.includes(name) && !error.message.includes(`"${value}"`),
      );
    });
  }
});
