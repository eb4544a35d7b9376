import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TicketQueues, TicketWorker, patientConnection } from '@murmuration/store';
import { startRedis } from '@murmuration/store/testing';
import { createLogger } from '@murmuration/runtime';
import { BatchShare } from './holdings.js';

test('lets one item of batch work go before its turn for every ten interactive ones', () => {
  let promoted = 0;
  const share = new BatchShare(() => {
    promoted++;
    return Promise.resolve();
  });
  for (let i = 0; i < 35; i++) share.took('interactive', 1);
  assert.equal(promoted, 3);
});

test('lets none go before its turn where batch work comes by itself', () => {
  let promoted = 0;
  const share = new BatchShare(() => {
    promoted++;
    return Promise.resolve();
  });
  for (let i = 0; i < 100; i++) share.took(i % 10 === 9 ? 'batch' : 'interactive', 1);
  assert.equal(promoted, 0);
});

test(
  'recordings keep a share of the queue under live speech without end, interactive ones first',
  { timeout: 60_000 },
  async () => {
    const server = await startRedis();
    const redis = patientConnection(server.url, createLogger({ service: 'test', level: 'silent' }));
    const queues = new TicketQueues(redis);
    const share = new BatchShare((to) => queues.promote('m', to));
    const taken: string[] = [];
    let utterance = 0;
    const speak = (): Promise<void> =>
      queues.add(
        'm',
        { id: 's', lane: 'live' },
        Array.from({ length: 2 }, () => ({ ticket: ++utterance, first: 0 })),
      );
    await queues.add('m', { id: 'batch', lane: 'batch' }, [{ ticket: 1, first: 0 }]);
    await queues.add('m', { id: 'short', lane: 'interactive' }, [{ ticket: 1, first: 0 }]);
    await speak();
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const worker = new TicketWorker(
      'm',
      redis,
      {
        ticket: async (entry) => {
          share.took(entry.lane, 1);
          if (entry.lane === 'live') {
            if (utterance > 200) end();
            await speak();
            return;
          }
          taken.push(entry.job);
          if (taken.length === 2) end();
        },
        partial: () => Promise.resolve(),
        hasRoom: () => true,
      },
      { onFetch: () => undefined, onStalled: () => undefined, onError: () => undefined },
    );
    await ended;
    await worker.close();
    await queues.close();
    redis.disconnect();
    await server.close();
    assert.deepEqual(taken, ['short', 'batch']);
  },
);
