import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AsrError } from '@murmuration/contracts';
import { UsageStore, impatientConnection, whenReady, type Redis } from '@murmuration/store';
import { logger, startRedisAndWorker } from './testing/jobs-cluster.js';
import { pieces, startNode, submission, until, untilText, textOf, type JobsNode } from './testing/jobs-node.js';
import { Usage } from './usage.js';

const { server, worker } = await startRedisAndWorker();

async function monthOf(node: JobsNode, owner: string): Promise<{ recordings: number; recordedMs: number }> {
  const [usage] = await node.usage.of([owner]);
  assert.ok(usage);
  const { recordings, recordedMs } = usage.month;
  return { recordings, recordedMs };
}

test('an owner that has used up its month is refused until it may use more; what was let in goes on, and others are let in', async () => {
  const quotas = new Map([['acme', 0.25]]);
  const node = await startNode(server.url, logger, { monthlyAudioSeconds: (owner) => quotas.get(owner) ?? null });
  worker.hold();
  const { job } = await node.jobs.submit(submission({ owner: 'acme', idempotencyKey: 'one' }));
  assert.deepEqual(await monthOf(node, 'acme'), { recordings: 1, recordedMs: 300 });
  await assert.rejects(node.jobs.submit(submission({ owner: 'acme' })), (error: unknown) => {
    assert.ok(error instanceof AsrError);
    assert.equal(error.code, 'insufficient_quota');
    const untilNextMonth = (Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth() + 1) - Date.now()) / 1_000;
    assert.ok(Math.abs(Number(error.retryAfter) - untilNextMonth) < 60, error.message);
    return true;
  });
  await node.jobs.submit(submission({ owner: 'other' }));
  const again = await node.jobs.submit(submission({ owner: 'acme', idempotencyKey: 'one' }));
  assert.equal(again.job.id, job.id);
  worker.open();
  assert.equal(await untilText(node.jobs, job.id), textOf(1, 2, 3));
  assert.deepEqual(await monthOf(node, 'acme'), { recordings: 1, recordedMs: 300 });
  quotas.set('acme', 0.5);
  await node.jobs.submit(submission({ owner: 'acme' }));
  await node.close();
});

test('recordings that were let in together use no more than one after the other: one alone may exceed the quota', async () => {
  const node = await startNode(server.url, logger, { monthlyAudioSeconds: () => 0.5, countEveryMs: 100 });
  const used = (ms: number): Promise<true> =>
    until(async () => ((await monthOf(node, 'parallel')).recordedMs >= ms ? true : null));
  let refused = (): void => undefined;
  const secondEnded = new Promise<void>((resolve) => {
    refused = resolve;
  });
  async function* first(): AsyncGenerator<Uint8Array> {
    yield* pieces(1, 2, 3, 4, 5, 6);
    await secondEnded;
    yield* pieces(7);
  }
  async function* second(): AsyncGenerator<Uint8Array> {
    await used(600);
    yield* pieces(1, 2, 3);
  }
  const both = [first(), second()].map((source) => node.jobs.submit(submission({ owner: 'parallel', source })));
  await assert.rejects(both[1] ?? Promise.resolve(), { code: 'insufficient_quota' });
  refused();
  assert.ok(await both[0]);
  await used(700);
  const { recordings, recordedMs } = await monthOf(node, 'parallel');
  assert.ok(recordings === 2 && recordedMs > 700 && recordedMs <= 1_000, String(recordedMs));
  await node.close();
});

test('a recording that breaks off counts with what was queued of it; one without audio and one without an owner do not count', async () => {
  const node = await startNode(server.url, logger);
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield* pieces(1, 2);
    throw new AsrError('upload_timeout');
  }
  await assert.rejects(node.jobs.submit(submission({ owner: 'broken', source: broken() })));
  // A piece of one byte cannot be decoded.
  async function* noAudio(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(Buffer.alloc(1));
  }
  await assert.rejects(node.jobs.submit(submission({ owner: 'broken', source: noAudio() })));
  await node.jobs.submit(submission({ owner: null }));
  assert.deepEqual(await monthOf(node, 'broken'), { recordings: 1, recordedMs: 200 });
  assert.deepEqual(
    (await node.redis.keys('*:usage')).filter((key) => /null|undefined|\{u\.\}/.test(key)),
    [],
  );
  await node.close();
});

test('what cannot be written while Redis is full is written later', { timeout: 60_000 }, async () => {
  const redis: Redis = impatientConnection(server.url, logger);
  await whenReady(redis, 10_000);
  const usage = new Usage(new UsageStore(redis), () => null);
  await redis.config('SET', 'maxmemory', '1');
  usage.count('late', { recordings: 1, recordedMs: 100 });
  assert.equal((await usage.of(['late']))[0]?.month.recordings, 0);
  usage.count('late', { recordings: 1, recordedMs: 50 });
  await redis.config('SET', 'maxmemory', '0');
  const month = await until(async () => {
    const [late] = await usage.of(['late']);
    return late?.month.recordings === 0 ? null : late?.month;
  });
  assert.deepEqual([month?.recordings, month?.recordedMs], [2, 150]);
  await usage.close();
  redis.disconnect();
});
