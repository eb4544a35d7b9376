import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from './ports.js';
import { redisEndpoint, requireRedisAt } from './redis-address.js';

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
