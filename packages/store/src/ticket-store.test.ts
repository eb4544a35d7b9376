import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createLogger } from '@murmuration/runtime';
import { impatientConnection, whenReady, type Redis } from './connections.js';
import { ticketKey } from './keys.js';
import { startRedis, type TestRedis } from './testing/start-redis.js';
import { RedisTicketStore } from './ticket-store.js';

const logger = createLogger({ service: 'test', level: 'silent' });
let server: TestRedis;
let nodes: Redis[];

before(async () => {
  server = await startRedis();
  nodes = [impatientConnection(server.url, logger), impatientConnection(server.url, logger)];
  for (const node of nodes) await whenReady(node, 10_000);
});

after(async () => {
  for (const node of nodes) node.disconnect();
  await server.close();
});

function stores(): [RedisTicketStore, RedisTicketStore] {
  const [one, other] = nodes;
  assert.ok(one && other);
  return [new RedisTicketStore(one), new RedisTicketStore(other)];
}

test('A ticket that one node stores is read on another, any number of times, and lives as long as it was told', async () => {
  const [one, other] = stores();
  await one.put('a'.repeat(64), 'key-1', 60_000, 'k1');
  assert.deepEqual([await other.read('a'.repeat(64)), await other.read('a'.repeat(64))], ['key-1', 'key-1']);
  const leftMs = (await nodes[0]?.pttl(ticketKey('a'.repeat(64)))) ?? 0;
  assert.ok(leftMs > 0 && leftMs <= 60_000);
});

test('Of many who take a ticket at once on two nodes one gets it', async () => {
  const [one, other] = stores();
  await one.put('b'.repeat(64), 'key-1', 60_000, 'k1');
  const taken = await Promise.all(
    Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? one : other).take('b'.repeat(64))),
  );
  assert.deepEqual(
    taken.filter((id) => id !== null),
    ['key-1'],
  );
  assert.equal(await one.read('b'.repeat(64)), null);
});

test('A ticket that has expired is gone', async () => {
  const [one, other] = stores();
  await one.put('c'.repeat(64), 'key-1', 1, 'k1');
  while ((await one.read('c'.repeat(64))) !== null)
    await new Promise((resolve) => {
      setTimeout(resolve, 1);
    });
  assert.equal(await other.take('c'.repeat(64)), null);
});

test('Without Redis the API node is told so in its own words', async () => {
  const gone = impatientConnection('redis://127.0.0.1:1', logger);
  await assert.rejects(new RedisTicketStore(gone).read('d'.repeat(64)), { code: 'backend_unavailable' });
  gone.disconnect();
});

test('rejects a ticket of a key that has as many as it may, whatever node it asks, until one has expired', async () => {
  const [one, other] = nodes;
  assert.ok(one && other);
  const stores = [new RedisTicketStore(one, { mostAKey: 3 }), new RedisTicketStore(other, { mostAKey: 3 })] as const;
  await stores[0].put('1'.repeat(64), 'x', 60_000, 'greedy');
  await stores[1].put('2'.repeat(64), 'x', 60_000, 'greedy');
  await stores[0].put('3'.repeat(64), 'x', 300, 'greedy');
  await assert.rejects(stores[1].put('4'.repeat(64), 'x', 60_000, 'greedy'), {
    code: 'queue_full',
    retryAfterSeconds: 1,
  });
  await stores[1].put('5'.repeat(64), 'x', 60_000, 'modest');
  while ((await one.exists(ticketKey('3'.repeat(64)))) === 1)
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  await stores[1].put('4'.repeat(64), 'x', 60_000, 'greedy');
});
