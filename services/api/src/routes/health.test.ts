import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MEMORY_CARD } from '../testing/memory-service.js';
import { testApp } from '../testing/test-app.js';

describe('GET /health', () => {
  test('It passes when a worker serves the default model, and tells of the parts.', async (t) => {
    const { app } = await testApp(t);
    const reply = await app.inject({ url: '/health' });
    assert.equal(reply.statusCode, 200);
    const body = reply.json<Record<string, Record<string, unknown>>>();
    assert.equal(body['status'], 'pass');
    assert.equal(body['queue']?.['waiting'], 3);
    assert.equal(body['model']?.['id'], 'org/memory-model');
    assert.equal(body['workers']?.['count'], 1);
  });

  test('It warns when another model is known that nobody serves.', async (t) => {
    const { app, service } = await testApp(t);
    service.status_ = {
      ...service.status_,
      models: [MEMORY_CARD, { ...MEMORY_CARD, model: { ...MEMORY_CARD.model, id: 'other' } }],
    };
    const reply = await app.inject({ url: '/health' });
    assert.deepEqual([reply.statusCode, reply.json<{ status: string }>().status], [200, 'warn']);
  });

  test('It warns, with a sentence each, when the settings of Redis put accepted work at risk.', async (t) => {
    const { app, service } = await testApp(t);
    service.status_ = { ...service.status_, redisConcerns: ['It may evict.', 'It may forget.'] };
    const reply = await app.inject({ url: '/health' });
    const body = reply.json<{ status: string; redis: { status: string; detail: string } }>();
    assert.deepEqual(
      [reply.statusCode, body.status, body.redis.status, body.redis.detail],
      [200, 'warn', 'warn', 'It may evict. It may forget.'],
    );
  });

  const failures: readonly [string, (app: Awaited<ReturnType<typeof testApp>>) => void, RegExp][] = [
    [
      'Redis is down',
      ({ service }) => {
        service.status_ = { redis: 'down', workers: [], models: [], asleep: [], queues: {}, redisConcerns: [] };
      },
      /Redis does not answer/,
    ],
    [
      'no worker is there',
      ({ service }) => {
        service.status_ = { ...service.status_, workers: [] };
      },
      /No worker serves org\/memory-model/,
    ],
    [
      'no worker was ever there',
      ({ service }) => {
        service.status_ = { ...service.status_, workers: [], models: [] };
      },
      /No worker was ever seen/,
    ],
    [
      'all workers drain',
      ({ service }) => {
        service.status_ = { ...service.status_, workers: [{ ...MEMORY_CARD, draining: true }] };
      },
      /No worker serves/,
    ],
    [
      'the status cannot be asked for',
      ({ service }) => {
        service.status = () => Promise.reject(new Error('x'));
      },
      /Redis does not answer/,
    ],
    [
      'the node is stopping',
      ({ stop }) => {
        stop();
      },
      /stopping/,
    ],
  ];
  for (const [what, change, reason] of failures) {
    test(`It fails with 503 and says why when ${what}.`, async (t) => {
      const context = await testApp(t);
      change(context);
      const reply = await context.app.inject({ url: '/health' });
      assert.deepEqual([reply.statusCode, reply.json<{ status: string }>().status], [503, 'fail']);
      assert.match(reply.body, reason);
    });
  }
});
