import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createLogger } from '@murmuration/runtime';
import { patientConnection, type Redis } from './connections.js';
import { FileRewriter } from './file-rewriter.js';
import { REWRITE_KEYS, jobKeys } from './keys.js';
import { startRedis, type TestRedis } from './testing/start-redis.js';

const logger = createLogger({ service: 'test', level: 'silent' });
let server: TestRedis;
let redis: Redis;

before(async () => {
  server = await startRedis();
  redis = patientConnection(server.url, logger);
});

after(async () => {
  await redis.quit();
  await server.close();
});

/** True when a file of Redis holds the text. */
async function onDisk(text: string): Promise<boolean> {
  const [, dir = ''] = await redis.config('GET', 'dir');
  for (const name of await readdir(dir, { recursive: true })) {
    const bytes = await readFile(join(dir, name)).catch(() => Buffer.alloc(0));
    if (bytes.includes(text)) return true;
  }
  return false;
}

async function until(look: () => Promise<boolean>): Promise<void> {
  while (!(await look())) await pause(20);
}

async function rewrites(): Promise<number> {
  return Number(/^aof_rewrites:(\d+)/m.exec(await redis.info('persistence'))?.[1]);
}

test(
  'what was deleted and what has expired leaves the append-only file, and a cluster at rest rewrites nothing',
  { timeout: 60_000 },
  async () => {
    await redis.set(jobKeys('deleted').transcript, 'canary-of-the-deleted');
    await redis.set(jobKeys('expired').transcript, 'canary-of-the-expired', 'PX', 300);
    await redis.set(jobKeys('kept').transcript, 'canary-of-the-kept');
    await redis.del(jobKeys('deleted').transcript);
    assert.ok(
      (await onDisk('canary-of-the-deleted')) && (await onDisk('canary-of-the-expired')),
      'the file keeps every command',
    );
    const nodes = [new FileRewriter(redis, logger, 100), new FileRewriter(redis, logger, 100)];
    await until(async () => !(await onDisk('canary-of-the-deleted')) && !(await onDisk('canary-of-the-expired')));
    assert.equal(await redis.get(jobKeys('kept').transcript), 'canary-of-the-kept');
    await until(async () => (await redis.get(REWRITE_KEYS.seen)) !== null);
    const before = await rewrites();
    for (let looks = 0; looks < 5; looks++) {
      await until(async () => (await redis.exists(REWRITE_KEYS.turn)) === 0);
      await until(async () => (await redis.exists(REWRITE_KEYS.turn)) === 1);
    }
    assert.equal(await rewrites(), before);
    await redis.incr(REWRITE_KEYS.begun);
    await until(async () => (await rewrites()) > before);
    await Promise.all(nodes.map((node) => node.close()));
  },
);

test('a Redis that forbids rewriting is asked on and harms nothing', { timeout: 60_000 }, async () => {
  await redis.call('ACL', 'SETUSER', 'tenant', 'on', '>secret', '~*', '&*', '+@all', '-bgrewriteaof');
  const address = new URL(server.url);
  [address.username, address.password] = ['tenant', 'secret'];
  const tenant = patientConnection(address.href, logger);
  await redis.incr(REWRITE_KEYS.begun);
  const seen = await redis.get(REWRITE_KEYS.seen);
  const node = new FileRewriter(tenant, logger, 50);
  for (let looks = 0; looks < 3; looks++) {
    await until(async () => (await redis.exists(REWRITE_KEYS.turn)) === 0);
    await until(async () => (await redis.exists(REWRITE_KEYS.turn)) === 1);
  }
  assert.equal(await redis.get(REWRITE_KEYS.seen), seen);
  await node.close();
  await tenant.quit();
});
