import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRedisVersion } from './redis-binary.mjs';

test('The version is read from what Redis and Valkey print', () => {
  assert.deepEqual(
    parseRedisVersion('Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=1'),
    [7, 0, 15],
  );
  assert.deepEqual(parseRedisVersion('Valkey server v=8.1.1 sha=00000000:1 malloc=libc bits=64'), [8, 1, 1]);
  assert.equal(parseRedisVersion('something else'), null);
});
