import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AsrError } from '@murmuration/contracts';
import { startRedis, type TestRedis } from '@murmuration/store/testing';
import { createLogger } from '@murmuration/runtime';
import { pieces, startNode, submission, until, untilStatus, type JobsNode } from '../testing/jobs-node.js';
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
  const view = new BacklogView([
    { lane: 'batch', owner: null, leftMs: 10_000 },
    { lane: 'batch', owner: null, leftMs: 100 },
    { lane: 'batch', owner: null, leftMs: 300 },
    { lane: 'interactive', owner: null, leftMs: 50 },
  ]);
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
  const error: unknown = await fresh.jobs
    .submit(submission({ source: pieces(1) }))
    .catch((refusal: unknown) => refusal);
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

/** Fills Redis to where nothing more is admitted, with room to spare on both sides: buffers come and go. */
async function fill(node: JobsNode): Promise<void> {
  await node.redis.setrange('test:ballast', 20_000_000, 'x');
  await node.redis.config('SET', 'maxmemory', String(Math.round((await usedMemory(node)) * 1.15)));
}

async function empty(node: JobsNode): Promise<void> {
  await node.redis.config('SET', 'maxmemory', '0');
  await node.redis.del('test:ballast');
}

async function usedMemory(node: JobsNode): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await node.redis.info('memory'))?.[1]);
}

/** A recording of which one chunk comes at once and the others when `go` is called; `begun` resolves when the first is stored. */
function gated(): {
  readonly source: AsyncGenerator<Uint8Array>;
  readonly begun: Promise<void>;
  readonly go: () => void;
} {
  let begin: () => void = () => undefined;
  let go: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const source = (async function* () {
    yield* pieces(1);
    begin();
    await gate;
    yield* pieces(2, 3);
  })();
  return { source, begun, go };
}

/** Counts how often the node looks for room. */
function countLooks(node: JobsNode): () => number {
  const hasRoom = node.audio.hasRoom.bind(node.audio);
  let looks = 0;
  node.audio.hasRoom = async () => {
    const room = await hasRoom();
    looks++;
    return room;
  };
  return () => looks;
}

async function refusalOf(submitting: Promise<unknown>): Promise<AsrError> {
  const error: unknown = await submitting.then(
    () => null,
    (refusal: unknown) => refusal,
  );
  assert.ok(error instanceof AsrError, String(error));
  return error;
}

test(
  'A submission is refused once the store is full, however recently there was room',
  { timeout: 60_000 },
  async () => {
    const node = await startNode(server.url, logger);
    const { job } = await node.jobs.submit(submission());
    await fill(node);
    const error = await refusalOf(node.jobs.submit(submission()));
    assert.deepEqual([error.code, error.retryAfterSeconds], ['queue_full', 10]);
    await empty(node);
    await untilStatus(node.jobs, job.id, 'done');
    await node.close();
  },
);

test(
  'While the store is full an upload that was admitted is slowed, and goes on when there is room',
  { timeout: 60_000 },
  async () => {
    const node = await startNode(server.url, logger);
    worker.hold();
    const { source, begun, go } = gated();
    const submitting = node.jobs.submit(submission({ id: 'slowed', source }));
    await begun;
    await fill(node);
    const looks = countLooks(node);
    go();
    await until(() => Promise.resolve(looks() > 2 ? true : null));
    assert.equal(await node.redis.hget('murm:{j.slowed}:job', 'planned'), '1');
    await empty(node);
    worker.open();
    const { job } = await submitting;
    await untilStatus(node.jobs, job.id, 'done');
    await node.close();
  },
);

for (const [how, share] of [
  ['nearly full', 1.15],
  ['beyond its limit, where it refuses writes', 0.9],
] as const) {
  test(
    `An upload that finds no room for too long is refused, and nothing of it is left: Redis ${how}`,
    { timeout: 60_000 },
    async () => {
      const node = await startNode(server.url, logger, { roomWaitMs: 300 });
      const { source, begun, go } = gated();
      await fill(node);
      await node.redis.config('SET', 'maxmemory', '0');
      const before = await node.redis.keys('*');
      const submitting = refusalOf(node.jobs.submit(submission({ id: 'refused', source, idempotencyKey: 'once' })));
      await begun;
      await until(async () => ((await node.redis.hget('murm:{j.refused}:job', 'done')) === '1' ? true : null));
      await node.redis.config('SET', 'maxmemory', String(Math.round((await usedMemory(node)) * share)));
      go();
      const error = await submitting;
      assert.deepEqual([error.code, error.retryAfterSeconds], ['queue_full', 10]);
      // Its last event alone may be read for ten seconds more.
      const left = (await node.redis.keys('*')).filter((key) => !before.includes(key) && /refused|once/.test(key));
      assert.deepEqual(
        left.filter((key) => !key.endsWith(':events')),
        [],
      );
      await until(async () => ((await node.redis.keys('*refused*')).length === 0 ? true : null));
      await assert.rejects(node.jobs.get('refused', 'everybody'), { code: 'not_found' });
      await empty(node);
      const again = await node.jobs.submit(submission({ id: 'refused', idempotencyKey: 'once' }));
      assert.equal(again.created, true);
      await untilStatus(node.jobs, 'refused', 'done');
      await node.redis.del(...(await node.redis.keys('*refused*')));
      await node.close();
    },
  );
}

test('Chunks of a long upload that stalls are queued while it stalls', { timeout: 60_000 }, async () => {
  const node = await startNode(server.url, logger);
  let stalled: () => void = () => undefined;
  const stall = new Promise<void>((resolve) => {
    stalled = resolve;
  });
  const submitting = node.jobs.submit(
    submission({
      id: 'stalls',
      source: (async function* () {
        // The ninth and the tenth would wait for more, so that they are queued together.
        yield* pieces(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
        await stall;
        yield* pieces(11);
      })(),
    }),
  );
  await until(async () => (await node.redis.hget('murm:{j.stalls}:job', 'planned')) === '10' || null);
  stalled();
  const { job } = await submitting;
  await untilStatus(node.jobs, job.id, 'done');
  await node.close();
});
