import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { onCancelled, subscriberConnection, type Redis } from '@murmuration/store';
import { startRedis, type TestRedis } from '@murmuration/store/testing';
import { createLogger } from '@murmuration/runtime';
import { refusal } from '@murmuration/contracts/testing';
import {
  heard,
  piece,
  pieces,
  startNode,
  submission,
  until,
  untilStatus,
  type JobsNode,
} from '../testing/jobs-node.js';
import { POISON, SimulatedWorker } from '../testing/simulated-worker.js';

const logger = createLogger({ service: 'test', level: 'silent' });
let server: TestRedis;
let worker: SimulatedWorker;
let node: JobsNode;
let other: JobsNode;
let listener: Redis;
const called = new Set<string>();

before(async () => {
  server = await startRedis();
  worker = await SimulatedWorker.start(server.url, logger);
  [node, other] = await Promise.all([startNode(server.url, logger), startNode(server.url, logger)]);
  listener = subscriberConnection(server.url, logger);
  await onCancelled(listener, (job) => {
    called.add(job);
  });
});

after(async () => {
  listener.disconnect();
  await worker.close();
  await Promise.all([node.close(), other.close()]);
  await server.close();
});

/** Manifest and last event, both for a day. */
async function requireTombstone(id: string): Promise<void> {
  await until(async () =>
    (await node.redis.exists('murm:{jobs}:accepted', `murm:{j.${id}}:settling`)) === 0 ? true : null,
  );
  // Another node may look once more whether something is left to settle.
  const left = await until(async () => {
    const keys = await node.redis.keys(`*{j.${id}}*`);
    return keys.some((key) => key.endsWith(':settling')) ? null : keys;
  });
  assert.deepEqual(left.map((key) => key.split(':').at(-1)).sort(), ['events', 'job']);
  for (const key of left) {
    const lifeMs = await node.redis.pttl(key);
    assert.ok(lifeMs > 23 * 3_600_000 && lifeMs <= 24 * 3_600_000, key);
  }
  assert.equal(await node.redis.xlen(`murm:{j.${id}}:events`), 1);
}

test('A job that is cancelled while it runs leaves the queue, is called out to the workers, and leaves a tombstone without its metadata', async () => {
  worker.hold();
  const { job } = await node.jobs.submit(
    submission({ source: pieces(1, 2, 3, 4, 5, 6, 7, 8, 9), metadata: { order: 7 } }),
  );
  const listening = heard(other.jobs, job.id);
  const cancelled = await other.jobs.cancel(job.id, 'everybody');
  assert.deepEqual(
    { status: cancelled.status, purged: cancelled.purged, metadata: cancelled.metadata },
    { status: 'cancelled', purged: true, metadata: null },
  );
  assert.equal((await listening).at(-1)?.type, 'cancelled');
  await until(() => Promise.resolve(called.has(job.id) ? true : null));
  assert.equal((await other.jobs.cancel(job.id, 'everybody')).status, 'cancelled', 'a second time is no error');
  worker.open();
  await until(async () => {
    const { waiting, active } = await node.queues.counts('simulated');
    return waiting + active === 0 ? true : null;
  });
  await requireTombstone(job.id);
  assert.deepEqual(
    (await heard(node.jobs, job.id)).map((one) => one.type),
    ['cancelled'],
  );
  await assert.rejects(node.jobs.transcript(job.id, 'everybody'), refusal('result_expired'));
  assert.equal((await node.store.inProgress.unfinished('simulated')).length, 0);
});

test('A job that is cancelled while it is received is refused to the one who sends it', async () => {
  const id = randomUUID();
  let sent = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      sent++;
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      yield piece(1);
    }
  }
  const submitting = node.jobs.submit(submission({ id, source: endless() }));
  submitting.catch(() => undefined);
  await until(() => Promise.resolve(sent > 3 ? true : null));
  assert.equal((await other.jobs.cancel(id, 'everybody')).status, 'cancelled');
  await assert.rejects(submitting, refusal('cancelled'));
  await requireTombstone(id);
  assert.equal((await node.jobs.get(id, 'everybody')).status, 'cancelled');
});

test('Of a job that is done or failed only what is there is deleted; its status and error stay', async () => {
  for (const [words, status] of [
    [[1, 2], 'done'],
    [[POISON], 'failed'],
  ] as const) {
    worker.hold();
    const { job } = await node.jobs.submit(submission({ source: pieces(...words) }));
    worker.open();
    await untilStatus(node.jobs, job.id, status);
    const error = (await node.jobs.get(job.id, 'everybody')).error;
    const purged = await other.jobs.cancel(job.id, 'everybody');
    assert.deepEqual(
      { status: purged.status, purged: purged.purged, error: purged.error },
      { status, purged: true, error },
    );
    await requireTombstone(job.id);
    await assert.rejects(node.jobs.transcript(job.id, 'everybody'), refusal('result_expired'));
    assert.deepEqual(
      (await heard(node.jobs, job.id)).map((one) => one.type),
      [status],
    );
  }
});
