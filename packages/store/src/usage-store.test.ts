import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createLogger } from '@murmuration/runtime';
import { impatientConnection, whenReady, type Redis } from './connections.js';
import { usageKey } from './keys.js';
import { startRedisCluster } from './testing/start-redis-cluster.js';
import { startRedis, type TestRedis } from './testing/start-redis.js';
import { UsageStore, usageOf } from './usage-store.js';

const logger = createLogger({ service: 'test', level: 'silent' });
const DAY_MS = 86_400_000;
const NOTHING = { recordings: 0, recordedMs: 0, liveSessions: 0, liveMs: 0 };

function fieldsOn(date: string, counts: Readonly<Record<string, number>>): [string, string][] {
  const day = String(Date.parse(date) / DAY_MS);
  return Object.entries(counts).map(([what, count]) => [`${day}:${what}`, String(count)]);
}

test('days are summed by the calendar in UTC, and what is older than last month is left out', () => {
  const usage = usageOf(
    [
      ['day', '20000'],
      ...fieldsOn('2027-01-31', { recordings: 9 }),
      ...fieldsOn('2027-02-01', { recordings: 1, recordedMs: 1_000 }),
      ...fieldsOn('2027-02-28', { liveSessions: 2, liveMs: 500 }),
      ...fieldsOn('2027-03-01', { recordings: 3, recordedMs: 30 }),
      ...fieldsOn('2027-03-02', { recordings: 4, recordedMs: 40 }),
    ],
    Date.parse('2027-03-02T22:00:00Z'),
  );
  assert.deepEqual(usage.today, { ...NOTHING, recordings: 4, recordedMs: 40 });
  assert.deepEqual(usage.month, { ...NOTHING, recordings: 7, recordedMs: 70 });
  assert.deepEqual(usage.lastMonth, { recordings: 1, recordedMs: 1_000, liveSessions: 2, liveMs: 500 });
  assert.deepEqual(
    usage.days.map(({ day }) => day),
    ['2027-03-02', '2027-03-01', '2027-02-28', '2027-02-01'],
  );
  assert.equal(usage.monthLeftMs, 29 * DAY_MS + 2 * 3_600_000);
});

describe('in Redis', () => {
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

  test('what two nodes count for an owner adds up, and owners do not mix', async () => {
    await Promise.all(
      nodes.map((node) => new UsageStore(node).add('acme', { ...NOTHING, recordings: 1, recordedMs: 250.4 })),
    );
    const [acme, other] = await new UsageStore(nodes[0] as Redis).read(['acme', 'other']);
    assert.deepEqual(acme?.today, { ...NOTHING, recordings: 2, recordedMs: 500 });
    assert.deepEqual(other?.month, NOTHING);
  });

  test('days that are too old are forgotten with the first count of a new day, and all of it some time after the last', async () => {
    const [redis] = nodes;
    assert.ok(redis);
    const today = Math.floor(Date.now() / DAY_MS);
    await redis.hset(usageKey('old'), {
      day: today - 1,
      [`${String(today - 62)}:liveMs`]: 5,
      [`${String(today - 61)}:liveMs`]: 6,
    });
    await new UsageStore(redis).add('old', { ...NOTHING, liveMs: 7 });
    const days = Object.keys(await redis.hgetall(usageKey('old'))).filter((field) => field !== 'day');
    assert.deepEqual(days.sort(), [`${String(today - 61)}:liveMs`, `${String(today)}:liveMs`]);
    assert.ok((await redis.ttl(usageKey('old'))) > 60 * 86_400);
  });
});

test('a Cluster counts and tells as a single server does', async (t) => {
  const cluster = await startRedisCluster();
  const redis = impatientConnection(cluster.url, logger);
  t.after(async () => {
    redis.disconnect();
    await cluster.close();
  });
  await whenReady(redis, 10_000);
  const store = new UsageStore(redis);
  const owners = ['acme', 'beta', 'gamma', 'delta'];
  for (const owner of owners) await store.add(owner, { ...NOTHING, recordings: 1, liveMs: 20 });
  for (const { today } of await store.read(owners)) assert.deepEqual(today, { ...NOTHING, recordings: 1, liveMs: 20 });
});
