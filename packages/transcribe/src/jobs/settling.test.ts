import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Allowlist, GuardedClient } from '@murmuration/outbound';
import { JobArchive, JobIndex } from '@murmuration/store';
import { heard, pieces, startNode, submission, textOf, until, untilStatus } from '../testing/jobs-node.js';
import { UNHEARD_WEBHOOK, WEBHOOK_SECRET, startDeafNode } from '../testing/deaf-node.js';
import { logger, startRedisAndWorker } from '../testing/jobs-cluster.js';

const client = new GuardedClient({ allowlist: Allowlist.parse('127.0.0.1') });
const { server, worker } = await startRedisAndWorker(() => client.close());

test('After the loss of all queues every accepted job still ends, each result once', async () => {
  worker.hold();
  const node = await startNode(server.url, logger);
  const submitted = await Promise.all(
    [1, 2, 3, 4, 5].map((start) =>
      node.jobs.submit(submission({ source: pieces(start, start + 1, start + 2, start + 3) })),
    ),
  );
  const queueKeys = await node.redis.keys('{murm.simulated}:*');
  assert.ok(queueKeys.length > 0);
  await node.redis.del(...queueKeys);
  worker.open();
  for (const [i, { job }] of submitted.entries()) {
    await untilStatus(node.jobs, job.id, 'done');
    assert.equal((await node.jobs.transcript(job.id, 'everybody')).text, textOf(i + 1, i + 2, i + 3, i + 4));
  }
  await node.close();
});

test('A Redis that is killed and comes back loses no accepted job', async () => {
  worker.hold();
  const node = await startNode(server.url, logger);
  const submitted = await Promise.all(
    [1, 2, 3].map((word) => node.jobs.submit(submission({ source: pieces(word, word + 1) }))),
  );
  await server.kill();
  await server.restart();
  worker.open();
  for (const [i, { job }] of submitted.entries()) {
    await until(async () =>
      node.jobs.get(job.id, 'everybody').then(
        (found) => (found.status === 'done' ? true : null),
        () => null,
      ),
    );
    assert.equal((await node.jobs.transcript(job.id, 'everybody')).text, textOf(i + 1, i + 2));
  }
  await node.close();
});

test('Two nodes that look after the same jobs settle each once', async () => {
  worker.hold();
  const nodes = await Promise.all([startNode(server.url, logger), startNode(server.url, logger)]);
  const submitted = await Promise.all(
    Array.from({ length: 20 }, (_value, i) =>
      (i % 2 === 0 ? nodes[0] : nodes[1]).jobs.submit(submission({ source: pieces(i + 1) })),
    ),
  );
  worker.open();
  for (const one of submitted) {
    const events = await heard(nodes[0].jobs, one.job.id);
    assert.equal(events.filter((event) => event.type === 'done').length, 1);
  }
  await Promise.all(nodes.map((node) => node.close()));
});

test('What was to be accepted when its node died is taken off the lists', async () => {
  const node = await startNode(server.url, logger);
  const jobIndex = new JobIndex(node.redis);
  await jobIndex.watch({ id: 'never', modelSlug: 'simulated', priority: 'batch' });
  await node.redis.zadd('murm:active-jobs', '+inf', 'never');
  await node.redis.zadd('murm:active-jobs.simulated', '+inf', 'never');
  await until(async () =>
    (await node.redis.exists(
      'murm:{jobs}:accepted',
      'murm:{jobs}:waiting.simulated.batch',
      'murm:active-jobs.simulated',
    )) === 0
      ? true
      : null,
  );
  assert.equal(await node.redis.zscore('murm:active-jobs', 'never'), null);
  await node.close();
});

test('The stream of a finished job goes soon after its end, and its events come from what is stored with the transcript, after any id', async () => {
  worker.open();
  const node = await startNode(server.url, logger);
  const { job } = await node.jobs.submit(submission({ source: pieces(1, 2, 3, 4, 5, 6, 7) }));
  await untilStatus(node.jobs, job.id, 'done');
  const [events, transcript] = [`murm:{j.${job.id}}:events`, `murm:{j.${job.id}}:transcript`];
  const lifeMs = await node.redis.pttl(events);
  assert.ok(lifeMs > 0 && lifeMs <= 60_000 && (await node.redis.pttl(transcript)) > 600_000_000, String(lifeMs));
  const all = await heard(node.jobs, job.id);
  assert.deepEqual([all.filter((one) => one.type === 'segment').length, all.at(-1)?.type], [14, 'done']);
  // A reader that is in the middle when the stream goes.
  const middle: unknown[] = [];
  for await (const one of await node.jobs.follow(job.id, 'everybody', '0', AbortSignal.timeout(20_000))) {
    middle.push(one);
    if (middle.length === 1) await node.redis.del(events);
  }
  assert.deepEqual(middle, all);
  for (const [i, one] of all.entries())
    assert.deepEqual(await heard(node.jobs, job.id, one.id), all.slice(i + 1), one.id);
  assert.deepEqual(await heard(node.jobs, job.id), all);
  // Deleted, it tells its last event as any other job does.
  await node.jobs.cancel(job.id, 'everybody');
  assert.deepEqual(
    (await heard(node.jobs, job.id)).map((one) => one.type),
    ['done'],
  );
  await node.close();
});

test('A job whose results cannot be put together fails with a code after some attempts, and its webhook is told', async () => {
  worker.hold();
  const node = await startNode(server.url, logger, { outbound: client, webhookSecret: WEBHOOK_SECRET });
  const { job } = await node.jobs.submit(submission({ source: pieces(1), webhook: UNHEARD_WEBHOOK }));
  const keys = (name: string): string => `murm:{j.${job.id}}:${name}`;
  // A result that this version does not read.
  await node.redis.xadd(
    keys('events'),
    '900-1000000',
    'type',
    'result',
    'result',
    '{}',
    'doneMs',
    '1',
    'plannedMs',
    '1',
  );
  await node.redis.hset(keys('job'), 'entries', '900');
  worker.open();
  await untilStatus(node.jobs, job.id, 'failed');
  assert.equal((await node.jobs.get(job.id, 'everybody')).error?.code, 'transcription_failed');
  await until(async () =>
    (await node.jobs.deliveries(job.id, 'everybody')).some((delivery) => delivery.event === 'job.failed') ? true : null,
  );
  await until(async () =>
    (await node.redis.exists('murm:{jobs}:accepted')) === 0 && (await node.redis.pttl(keys('job'))) > 0 ? true : null,
  );
  await node.close();
});

test('While Redis is full no attempt at putting a job together counts', async () => {
  worker.hold();
  const node = await startDeafNode(server.url, client);
  const { job } = await node.jobs.submit(submission({ source: pieces(1, 2) }));
  const archive = new JobArchive(node.redis);
  await node.redis.set(`murm:{j.${job.id}}:settling`, 'nobody');
  worker.open();
  const jobIndex = new JobIndex(node.redis);
  await until(async () => ((await jobIndex.read(job.id))?.state === 'assembling' ? true : null));
  const limit = String((await node.redis.config('GET', 'maxmemory'))[1]);
  await node.redis.config('SET', 'maxmemory', '100000');
  try {
    for (let attempt = 0; attempt < 20; attempt++) assert.equal(await archive.countAttempt(job.id), 0);
    const results = await archive.results(job.id);
    assert.equal(results?.results.length, 2);
  } finally {
    await node.redis.config('SET', 'maxmemory', limit);
  }
  assert.equal(await archive.countAttempt(job.id), 1);
  await node.redis.del(`murm:{j.${job.id}}:settling`);
  await node.close();
});
