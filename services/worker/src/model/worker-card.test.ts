import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HEARTBEAT_EVERY_MS, listCards, patientConnection } from '@murmuration/store';
import { TEST_MODEL, startRedis } from '@murmuration/store/testing';
import { createLogger } from '@murmuration/runtime';
import { WorkerCard } from './worker-card.js';

test('heartbeats do not pile up while Redis is away', async () => {
  const server = await startRedis();
  const logger = createLogger({ service: 'test', level: 'silent' });
  const [redis, admin] = [patientConnection(server.url, logger), patientConnection(server.url, logger)];
  const card = new WorkerCard(
    redis,
    {
      workerId: 'w',
      model: TEST_MODEL,
      device: 'simulated',
      gpu: null,
      sessions: 1,
      maxBatch: 1,
      holds: 1,
      speed: 1,
      startedAtMs: 1,
    },
    () => null,
  );
  try {
    await card.start();
    await admin.config('RESETSTAT');
    server.signal('SIGSTOP');
    await new Promise((resolve) => {
      setTimeout(resolve, HEARTBEAT_EVERY_MS * 3.5);
    });
    server.signal('SIGCONT');
    const beats = async (): Promise<number> =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0);
    while ((await beats()) === 0)
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
    assert.ok((await beats()) <= 2, 'the one that waited, and the next where it is due');
    assert.equal((await listCards(admin)).workers.length, 1);
  } finally {
    await card.withdraw();
    redis.disconnect();
    admin.disconnect();
    await server.close();
  }
});
