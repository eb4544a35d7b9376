import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { startRedis } from '@murmuration/store/testing';
import { refusal } from '@murmuration/contracts/testing';
import { logger, startJobsCluster } from '../testing/jobs-cluster.js';
import { heard, piece, pieces, startNode, submission, until, untilStatus } from '../testing/jobs-node.js';
import { POISON, SimulatedWorker } from '../testing/simulated-worker.js';

const { server, worker, nodes } = await startJobsCluster();
const [node, other] = nodes;

test('Bytes that cannot be read leave nothing behind, and a listener hears why', async () => {
  const id = randomUUID();
  let release: () => void = () => undefined;
  const rest = new Promise<void>((resolve) => {
    release = resolve;
  });
  async function* bad(): AsyncGenerator<Uint8Array> {
    yield piece(1);
    await rest;
    yield Buffer.alloc(1);
  }
  const submitting = node.jobs.submit(submission({ id, source: bad() }));
  submitting.catch(() => undefined);
  await until(async () => other.jobs.get(id, 'everybody').catch(() => null));
  const listening = heard(other.jobs, id);
  await until(async () => ((await node.redis.pubsub('NUMSUB', `murm:{j.${id}}:wake`))[1] === 1 ? true : null));
  release();
  await assert.rejects(submitting, refusal('unprocessable_audio'));
  assert.equal((await listening).at(-1)?.type, 'failed');
  await assert.rejects(node.jobs.get(id, 'everybody'), refusal('not_found'));
  assert.deepEqual(
    (
      await node.jobs.list({
        whose: 'everybody',
        statuses: ['receiving'],
        createdAfterMs: null,
        createdBeforeMs: null,
        limit: 10,
        cursor: null,
      })
    ).jobs,
    [],
  );
  assert.equal((await node.jobs.submit(submission({ id }))).created, true, 'the id is free again');
});

test('A listener of a job whose node dies while it is received hears that it is cancelled', async () => {
  const dying = await startNode(server.url, logger, { leaseMs: 2_000 });
  const id = randomUUID();
  async function* stuck(): AsyncGenerator<Uint8Array> {
    yield piece(1);
    await new Promise(() => undefined);
  }
  dying.jobs.submit(submission({ id, source: stuck() })).catch(() => undefined);
  await until(async () => other.jobs.get(id, 'everybody').catch(() => null));
  const listening = heard(other.jobs, id);
  dying.crash();
  assert.equal((await listening).at(-1)?.type, 'cancelled');
  await assert.rejects(other.jobs.get(id, 'everybody'), refusal('not_found'));
});

test('A client that goes away before the job is accepted takes it back', async () => {
  const gone = new AbortController();
  const id = randomUUID();
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (let word = 1; ; word++) {
      if (word === 5) gone.abort();
      await Promise.resolve();
      yield piece(word);
    }
  }
  await assert.rejects(
    node.jobs.submit(submission({ id, source: endless(), signal: gone.signal })),
    refusal('cancelled'),
  );
  await assert.rejects(node.jobs.get(id, 'everybody'), refusal('not_found'));
  assert.deepEqual(
    (await node.redis.keys(`*{j.${id}}*`)).filter((key) => !key.endsWith(':events')),
    [],
  );
});

test('A job that fails before it is accepted is refused with the reason', async () => {
  const id = randomUUID();
  async function* watched(): AsyncGenerator<Uint8Array> {
    yield piece(POISON);
    await until(async () =>
      (await node.jobs.get(id, 'everybody').catch(() => null))?.status === 'failed' ? true : null,
    );
    yield piece(2);
  }
  await assert.rejects(node.jobs.submit(submission({ id, source: watched() })), refusal('unprocessable_audio'));
  await assert.rejects(node.jobs.get(id, 'everybody'), refusal('not_found'));
});

test('A job whose audio the model cannot work on fails with its reason, once', async () => {
  worker.hold();
  const { job } = await node.jobs.submit(submission({ source: pieces(1, POISON, 3) }));
  worker.open();
  const events = await heard(other.jobs, job.id);
  const last = events.at(-1);
  assert.ok(last?.type === 'failed' && last.error.code === 'unprocessable_audio');
  await untilStatus(node.jobs, job.id, 'failed');
  assert.equal((await node.jobs.get(job.id, 'everybody')).error?.code, 'unprocessable_audio');
  await assert.rejects(node.jobs.transcript(job.id, 'everybody'), refusal('unprocessable_audio'));
  await until(async () => ((await node.jobs.get(job.id, 'everybody')).expiresAtMs === null ? null : true));
  await until(async () => ((await node.redis.exists(`murm:{j.${job.id}}:pcm`)) === 0 ? true : null));
});

test('The end of each job is told once in the cluster, with the code of what it failed by', async (t) => {
  const ends: (string | null)[] = [];
  const onJobEnd = (code: string | null): void => {
    ends.push(code);
  };
  // The nodes of this file settle jobs, too: these have a Redis of their own.
  const own = await startRedis();
  const ownWorker = await SimulatedWorker.start(own.url, logger);
  const nodes = await Promise.all([startNode(own.url, logger, { onJobEnd }), startNode(own.url, logger, { onJobEnd })]);
  t.after(async () => {
    await ownWorker.close();
    await Promise.all(nodes.map((each) => each.close()));
    await own.close();
  });
  const [first, second] = nodes;
  const told = (count: number): Promise<true> => until(() => Promise.resolve(ends.length >= count ? true : null));
  await first.jobs.submit(submission());
  await told(1);
  await first.jobs.submit(submission({ source: pieces(1, POISON) })).catch(() => undefined);
  await told(2);
  await assert.rejects(first.jobs.submit(submission({ source: broken() })), refusal('unprocessable_audio'));
  await told(3);
  ownWorker.hold();
  const { job } = await first.jobs.submit(submission());
  await second.jobs.cancel(job.id, 'everybody');
  await told(4);
  ownWorker.open();
  // Whoever settles one again finds it off the list.
  for (const each of nodes) await each.jobs.cancel(job.id, 'everybody');
  const last = await second.jobs.submit(submission());
  await untilStatus(second.jobs, last.job.id, 'done');
  await told(5);
  assert.deepEqual(ends, [null, 'unprocessable_audio', 'unprocessable_audio', 'cancelled', null]);
});

async function* broken(): AsyncGenerator<Uint8Array> {
  yield piece(1);
  await Promise.resolve();
  yield Buffer.alloc(1);
}

test('A job whose audio was lost fails instead of waiting for ever', async () => {
  worker.hold();
  const { job } = await node.jobs.submit(submission({ source: pieces(1, 2, 3, 4, 5, 6, 7, 8, 9) }));
  await node.audio.deleteAll(job.id);
  worker.open();
  await untilStatus(node.jobs, job.id, 'failed');
  assert.equal((await node.jobs.get(job.id, 'everybody')).error?.code, 'transcription_failed');
});

test('A job belongs to the key that made it: to any other it does not exist', async () => {
  const { job } = await node.jobs.submit(submission({ owner: 'acme' }));
  const stranger = { owner: 'bolt' };
  const signal = new AbortController().signal;
  for (const attempt of [
    () => node.jobs.get(job.id, stranger),
    () => node.jobs.cancel(job.id, stranger),
    () => node.jobs.transcript(job.id, stranger),
    () => node.jobs.deliveries(job.id, stranger),
    () => node.jobs.redeliver(job.id, stranger),
    () => node.jobs.follow(job.id, stranger, '0', signal),
    () => node.jobs.get(randomUUID(), { owner: 'acme' }),
    () => node.jobs.get(job.id, { owner: '' }),
  ])
    await assert.rejects(attempt, refusal('not_found'));
  assert.equal((await node.jobs.get(job.id, { owner: 'acme' })).id, job.id);
});
