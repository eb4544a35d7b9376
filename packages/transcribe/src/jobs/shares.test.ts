import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { AsrError, transcribeOptionsSchema, type Webhook } from '@murmuration/contracts';
import { Allowlist, GuardedClient } from '@murmuration/outbound';
import { logger, startRedisAndWorker } from '../testing/jobs-cluster.js';
import { pieces, startNode, submission, until, type JobsNode } from '../testing/jobs-node.js';

const { server, worker } = await startRedisAndWorker();

async function refusal(node: JobsNode, owner: string): Promise<AsrError | null> {
  const error: unknown = await node.jobs.submit(submission({ owner, source: pieces(1) })).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error === null) return null;
  assert.ok(error instanceof AsrError);
  return error;
}

test(
  'When the store is scarce an owner that fills it is refused and others are let in; what it deletes is free again',
  { timeout: 120_000 },
  async () => {
    worker.hold();
    const node = await startNode(server.url, logger);
    const options = transcribeOptionsSchema.parse({
      decode: { prompt: 'あ'.repeat(16_000), hotwords: 'い'.repeat(16_000) },
    });
    const ids: string[] = [];
    for (let count = 0; count < 60; count++)
      ids.push((await node.jobs.submit(submission({ owner: 'greedy', source: pieces(1), options }))).job.id);
    const used = async (): Promise<number> => Number(/^used_memory:(\d+)/m.exec(await node.redis.info('memory'))?.[1]);
    const full = await used();
    /** So that seven tenths of what may be stored are taken; seen anew each time, for what Redis uses changes with the buffers of its connections. */
    const scarce = async (): Promise<unknown> =>
      node.redis.config('SET', 'maxmemory', String(Math.round((await used()) / 0.7 / 0.8)));
    const refused = await until(async () => {
      await scarce();
      const error = await refusal(node, 'greedy');
      return error?.message.includes('share of what may be stored') === true ? error : null;
    });
    assert.deepEqual([refused.code, refused.retryAfterSeconds], ['queue_full', 10]);
    await scarce();
    assert.equal(await refusal(node, 'modest'), null);
    for (const id of ids) await node.jobs.cancel(id, { owner: 'greedy' });
    assert.ok((await used()) < full - 60 * 90_000, 'what a deleted job held is free');
    await until(async () => ((await refusal(node, 'greedy')) === null ? true : null));
    await node.redis.config('SET', 'maxmemory', '0');
    worker.open();
    await node.close();
  },
);

test('Work that waits is shared: an owner with half of it is refused, others are let in', async () => {
  worker.hold();
  const node = await startNode(server.url, logger, { maxBacklogMs: 2_000 });
  await node.jobs.submit(submission({ owner: 'busy', source: pieces(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11) }));
  // A node that has not looked yet, since a look is good for a second.
  const fresh = await startNode(server.url, logger, { maxBacklogMs: 2_000 });
  assert.match((await refusal(fresh, 'busy'))?.message ?? '', /share of the work/);
  assert.equal(await refusal(fresh, 'other'), null);
  const alone = await startNode(server.url, logger, { maxBacklogMs: 2_000, owners: () => 1 });
  assert.equal(await refusal(alone, 'busy'), null, 'where there is one owner it has all');
  worker.open();
  await Promise.all([node.close(), fresh.close(), alone.close()]);
});

test('Receivers that never answer hold up their own owner only', { timeout: 120_000 }, async () => {
  const waiting: ServerResponse[] = [];
  const silent = createServer((_request, response) => {
    waiting.push(response);
  });
  const quick = createServer((_request, response) => {
    response.end();
  });
  for (const receiver of [silent, quick])
    await new Promise<void>((resolve) => {
      receiver.listen(0, '127.0.0.1', resolve);
    });
  const hook = (receiver: typeof silent): Webhook => ({
    url: `http://127.0.0.1:${String((receiver.address() as AddressInfo).port)}/`,
    events: ['job.done'],
  });
  const outbound = new GuardedClient({ allowlist: Allowlist.parse('127.0.0.1') });
  const node = await startNode(server.url, logger, {
    outbound,
    webhookSecret: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
  });
  try {
    const slow: string[] = [];
    for (let count = 0; count < 80; count++)
      slow.push((await node.jobs.submit(submission({ owner: 'a', source: pieces(1), webhook: hook(silent) }))).job.id);
    await until(() => Promise.resolve(waiting.length >= 16 ? true : null));
    const { job } = await node.jobs.submit(submission({ owner: 'b', source: pieces(1), webhook: hook(quick) }));
    const delivered = await until(
      async () =>
        (await node.jobs.deliveries(job.id, 'everybody')).find((delivery) => delivery.state === 'delivered') ?? null,
    );
    const done = await node.jobs.get(job.id, 'everybody');
    const delayMs = (delivered.attempts[0]?.atMs ?? Infinity) - (done.finishedAtMs ?? 0);
    // An attempt at a silent receiver takes 10 s: whoever waits for one to end waits for longer than this.
    assert.ok(delayMs < 5_000, `told after ${String(delayMs)} ms`);
    for (const response of waiting.splice(0)) response.end();
    silent.removeAllListeners('request').on('request', (_request, response: ServerResponse) => {
      response.end();
    });
    await until(async () => {
      const open = await Promise.all(slow.map(async (id) => (await node.jobs.deliveries(id, 'everybody'))[0]?.state));
      for (const response of waiting.splice(0)) response.end();
      return open.every((state) => state === 'delivered') ? true : null;
    });
  } finally {
    await node.close();
    await outbound.close();
    for (const receiver of [silent, quick]) {
      receiver.closeAllConnections();
      await new Promise((resolve) => {
        receiver.close(resolve);
      });
    }
  }
});
