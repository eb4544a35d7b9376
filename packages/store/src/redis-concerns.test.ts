import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '@murmuration/runtime';
import { Redis } from 'ioredis';
import { patientConnection } from './connections.js';
import { redisConcerns } from './redis-health.js';
import { startRedis } from './testing/index.js';

test('a Redis that may evict or forget is told in sentences, also to a user without rights to CONFIG; a safe one is not', async () => {
  const server = await startRedis();
  const admin = patientConnection(server.url, createLogger({ service: 'test', level: 'silent' }));
  try {
    await admin.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '+@all', '-config');
    const app = new Redis(server.url.replace('://', '://app:secret@'), { enableReadyCheck: false });
    await assert.rejects(app.config('GET', 'maxmemory-policy'));
    assert.deepEqual(await redisConcerns(app), []);
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await admin.config('SET', 'appendonly', 'no');
    const told = await redisConcerns(app);
    assert.match(told[0] ?? '', /policy of Redis is allkeys-lru.*set it to noeviction/);
    assert.match(told[1] ?? '', /no append-only file/);
    await admin.call('ACL', 'SETUSER', 'app', '-info');
    assert.deepEqual(
      (await redisConcerns(app)).map((sentence) => /unknown/.test(sentence)),
      [true, true],
    );
    app.disconnect();
  } finally {
    await admin.quit();
    await server.close();
  }
});
