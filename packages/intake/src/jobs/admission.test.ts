import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AsrError } from '@murmuration/contracts';
import { startRedis, type TestRedis } from '@murmuration/queue/testing';
import { createLogger } from '@murmuration/runtime';
import { pieces, startNode, submission, until, untilStatus } from '../testing/jobs-node.js';
import { SimulatedWorker } from '../testing/simulated-worker.js';
import { BacklogView } from './backlog.js';

const logger = createLogger({ service: 'test', level: 'silent' });
let server: TestRedis;
let worker: SimulatedWorker;

before(async () => {
  server = await startRedis();
  worker = await SimulatedWorker.start(server.url, logger, { recentSpeed: 0.05 });
});

after(async () => {
  await worker.close();
  await server.close();
});

test('Jobs of a lane progress together, so a short one waits for as much of each other as its own', () => {
  const view = new BacklogView([{ lane: 'batch', leftMs: 10_000 }, { lane: 'batch', leftMs: 100 }, { lane: 'batch', leftMs: 300 }, { lane: 'interactive', leftMs: 50 }]);
  assert.equal(view.untilDoneMs('batch', 300), 50 + 100 + 300 + 300);
  assert.equal(view.untilDoneMs('batch', 10_000), 50 + 100 + 300 + 10_000);
  assert.equal(view.untilDoneMs('interactive', 50), 50, 'urgent work does not wait for batch work');
  assert.equal(view.aheadMs('interactive'), 50);
  assert.equal(view.aheadMs('batch'), 10_450);
  assert.equal(new BacklogView([]).untilDoneMs('batch', 0), 0);
});

test('Past the budget submissions are told when to come back, nothing of them is left, and what is urgent is still let in', async () => {
  worker.hold();
  const node = await startNode(server.url, logger, { maxBacklogMs: 500 });
  const first = await node.jobs.submit(submission({ source: pieces(1, 2, 3, 4, 5, 6) }));
  const before = await node.redis.keys('murm:{j.*}:job');
  // One that has not looked yet: what is let in while a look is fresh is not counted.
  const fresh = await startNode(server.url, logger, { maxBacklogMs: 500 });
  const error: unknown = await fresh.jobs.submit(submission({ source: pieces(1) })).catch((refusal: unknown) => refusal);
  assert.ok(error instanceof AsrError && error.code === 'queue_full');
  assert.deepEqual((await node.redis.keys('murm:{j.*}:job')).sort(), before.sort());
  // 0.6 s of audio at 0.05 audio seconds a second; 0.1 s of it is above the budget.
  assert.match(error.message, /more work than is admitted: 1 second of audio, which takes about 12 seconds/);
  assert.equal(error.retryAfterSeconds, 2);
  await fresh.close();
  const urgent = await node.jobs.submit(submission({ source: pieces(1), priority: 'interactive' }));
  assert.ok(urgent.created);
  assert.ok((await node.jobs.get(first.job.id, 'everybody')).estimatedSecondsLeft !== null);
  worker.open();
  await untilStatus(node.jobs, first.job.id, 'done');
  await until(async () => node.jobs.submit(submission({ source: pieces(1) })).catch(() => null));
  await node.close();
});

test('When the store is full a submission is refused, and one that is on its way is slowed until there is room', async () => {
  const node = await startNode(server.url, logger);
  worker.hold();
  let first: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => { first = resolve; });
  const submitting = node.jobs.submit(submission({ source: (async function* () { yield* pieces(1); first(); yield* pieces(2, 3); })() }));
  await begun;
  const error = await until(async () => {
    // Seen anew each time: what Redis uses falls when buffers of connections are given back.
    const memory = Number(/used_memory:(\d+)/.exec(await node.redis.info('memory'))?.[1]);
    await node.redis.config('SET', 'maxmemory', String(Math.round(memory * 1.15)));
    return node.jobs.submit(submission()).then(() => null, (refusal: unknown) => refusal);
  });
  assert.ok(error instanceof AsrError && error.code === 'queue_full' && error.retryAfterSeconds !== null);
  await node.redis.config('SET', 'maxmemory', '0');
  worker.open();
  const { job } = await submitting;
  await untilStatus(node.jobs, job.id, 'done');
  await node.close();
});
