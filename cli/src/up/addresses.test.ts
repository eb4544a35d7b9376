import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bracketed, describeAddresses, reachableHost, redisEndpoint, requireRedisAt } from './addresses.js';
import { freePort } from './ports.js';

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

test('Plain addresses are read, with the usual port as default', () => {
  assert.deepEqual(redisEndpoint('redis://127.0.0.1'), { host: '127.0.0.1', port: 6379 });
  assert.deepEqual(redisEndpoint('rediss://user:secret@cache.example:7000/1'), { host: 'cache.example', port: 7000 });
  assert.deepEqual(redisEndpoint('redis://[::1]:7000'), { host: '::1', port: 7000 });
});

test('Forms with several hosts are left to the services', () => {
  assert.equal(redisEndpoint('redis://a:1,b:2'), null);
  assert.equal(redisEndpoint('redis+sentinel://a:1/name'), null);
});

test('What is no Redis address is refused without being repeated', () => {
  assert.throws(
    () => redisEndpoint('http://user:secret@host'),
    (error: Error) => error.name === 'SetupError' && !error.message.includes('secret'),
  );
});

test('An address where nothing listens is refused at once, without its password', async () => {
  const port = await freePort();
  await assert.rejects(
    requireRedisAt(`redis://user:secret@127.0.0.1:${String(port)}`),
    (error: Error) => error.message.includes(`127.0.0.1:${String(port)}`) && !error.message.includes('secret'),
  );
});
