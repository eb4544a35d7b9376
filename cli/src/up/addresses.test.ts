import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bracketed, describeAddresses, reachableHost } from './addresses.js';

test('A server that listens everywhere is reached on loopback', () => {
  assert.equal(reachableHost('0.0.0.0'), '127.0.0.1');
  assert.equal(bracketed(reachableHost('::')), '[::1]');
  assert.equal(bracketed(reachableHost('localhost')), 'localhost');
});

test('No address of a Redis is printed, since it may hold a password', () => {
  const lines = describeAddresses({
    url: 'http://127.0.0.1:8000',
    relayHost: '0.0.0.0',
    ports: {
      api: 8000,
      webSocket: 8765,
      grpc: 50_051,
      public: {},
      apis: [{ port: 8000, metrics: 9100 }],
      relays: [{ listens: {}, metrics: 9101 }],
      workerMetrics: [9102],
    },
    redisRecord: '/state/redis/server.json',
  }).join('\n');
  assert.match(lines, /redis +its own; port and password are in \/state\/redis\/server\.json/);
  for (const address of [
    'http://127.0.0.1:8000/v1',
    'ws://127.0.0.1:8000/ws/transcribe',
    'ws://127.0.0.1:8765',
    ' 127.0.0.1:50051',
    '9100, 9101, 9102',
  ])
    assert.ok(lines.includes(address), address);
});
