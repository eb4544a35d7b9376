import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { refusal } from '@murmuration/contracts/testing';
import { logger, startJobsCluster } from '../testing/jobs-cluster.js';
import { heard, piece, pieces, startNode, submission, textOf, until, untilStatus } from '../testing/jobs-node.js';

const { server, worker, nodes } = await startJobsCluster();
const [node, other] = nodes;

test('A submitted job is done on whatever node, and its transcript and events are read on any other', async () => {
  const { job, created } = await node.jobs.submit(submission({ metadata: { order: 7 }, retentionSeconds: 60 }));
  assert.equal(created, true);
  assert.ok(job.acceptedAtMs !== null && job.durationMs === 300 && job.plannedMs === 300);
  const events = await heard(other.jobs, job.id);
  assert.equal(events.filter((one) => one.type === 'accepted').length, 1);
  assert.equal(events.at(-1)?.type, 'done');
  assert.equal(events.filter((one) => one.type === 'progress').length, 3);
  assert.deepEqual(
    events.flatMap((one) => (one.type === 'segment' ? [one.index] : [])),
    [0, 1, 2, 3, 4, 5],
  );
  const transcript = await other.jobs.transcript(job.id, 'everybody');
  assert.equal(transcript.text, textOf(1, 2, 3));
  const done = await other.jobs.get(job.id, 'everybody');
  assert.deepEqual(
    {
      status: done.status,
      metadata: done.metadata,
      purged: done.purged,
      position: done.position,
      language: done.language,
      doneMs: done.doneMs,
    },
    { status: 'done', metadata: { order: 7 }, purged: false, position: null, language: 'en', doneMs: 300 },
  );
  assert.ok(done.expiresAtMs !== null && done.finishedAtMs !== null && done.expiresAtMs - done.finishedAtMs === 60_000);
  await until(async () =>
    (await node.redis.exists('murm:{jobs}:accepted', `murm:{j.${job.id}}:settling`)) === 0 ? true : null,
  );
  assert.equal((await node.store.inProgress.unfinished('simulated')).length, 0, 'a settled job takes no share');
  // Another node may look once more whether something is left to settle.
  const left = await until(async () => {
    const keys = await node.redis.keys(`*{j.${job.id}}*`);
    return keys.some((key) => key.endsWith(':settling')) ? null : keys;
  });
  assert.deepEqual(left.map((key) => key.split(':').at(-1)).sort(), ['events', 'job', 'terms', 'transcript']);
  for (const key of left) assert.ok((await node.redis.pttl(key)) > 0, key);
  assert.ok(
    (await node.redis.pttl(`murm:{j.${job.id}}:terms`)) <= 60_000,
    'what the client attached goes with the transcript',
  );
  assert.equal(await node.redis.hexists(`murm:{j.${job.id}}:job`, 'decode'), 0, 'prompt and hotwords go with the end');
});

test('A job that its client names can be followed from its first byte, and segments come before the upload has ended', async () => {
  const id = randomUUID();
  let release: () => void = () => undefined;
  const rest = new Promise<void>((resolve) => {
    release = resolve;
  });
  async function* slow(): AsyncGenerator<Uint8Array> {
    yield piece(1);
    await rest;
    yield piece(2);
  }
  const submitting = node.jobs.submit(submission({ id, source: slow() }));
  await until(async () => other.jobs.get(id, 'everybody').catch(() => null));
  const events = [];
  for await (const one of await other.jobs.follow(id, 'everybody', '0', AbortSignal.timeout(20_000))) {
    events.push(one);
    if (one.type === 'segment' && one.index === 0) {
      assert.equal((await other.jobs.get(id, 'everybody')).status, 'receiving');
      release();
    }
  }
  assert.equal(events.at(-1)?.type, 'done');
  assert.equal((await submitting).job.id, id);
  await assert.rejects(node.jobs.submit(submission({ id })), refusal('job_exists'));
});

test('An accepted job has no lease and needs the node that took it in no more', async () => {
  worker.hold();
  const short = await startNode(server.url, logger);
  const { job } = await short.jobs.submit(submission());
  short.crash();
  for (const key of await node.redis.keys(`*{j.${job.id}}*`)) {
    const lifeMs = await node.redis.pttl(key);
    assert.ok(lifeMs === -1 || (key.endsWith(':pcm') && lifeMs > 3_600_000), key);
  }
  assert.ok((await node.store.inProgress.list(100, 'everybody')).some((active) => active.id === job.id));
  worker.open();
  await untilStatus(node.jobs, job.id, 'done');
  assert.equal((await node.jobs.transcript(job.id, 'everybody')).text, textOf(1, 2, 3));
});

test('A listener that comes back at any event, on any node, hears every event once', async () => {
  worker.hold();
  const { job } = await node.jobs.submit(submission({ source: pieces(1, 2, 3, 4, 5, 6, 7) }));
  const following = (async () => {
    const events = [];
    let after = '0';
    for (let turn = 0; ; turn++) {
      const left = new AbortController();
      let ended = false;
      for await (const one of await (turn % 2 === 0 ? node : other).jobs.follow(
        job.id,
        'everybody',
        after,
        left.signal,
      )) {
        events.push(one);
        after = one.id;
        ended = one.type === 'done';
        // Comes back after one, two, three, four events.
        if (events.length % (1 + (turn % 4)) === 0) break;
      }
      left.abort();
      if (ended) return events;
    }
  })();
  worker.open();
  const events = await following;
  assert.deepEqual(events, await heard(other.jobs, job.id));
  assert.equal(new Set(events.map((one) => one.id)).size, events.length);
  for (const [i, one] of events.entries())
    assert.deepEqual(await heard(node.jobs, job.id, one.id), events.slice(i + 1));
});

test('An id that is none of the stream is taken by its place, and one that is no id as the beginning', async () => {
  const { job } = await node.jobs.submit(submission());
  const all = await heard(node.jobs, job.id);
  assert.deepEqual(await heard(node.jobs, job.id, 'x\r\nevent: forged'), all);
  assert.deepEqual(await heard(node.jobs, job.id, '-1'), all);
  assert.deepEqual(
    await heard(node.jobs, job.id, '2-999999999'),
    all.filter((one) => Number(one.id.split('-')[0]) > 2),
  );
  assert.deepEqual(await heard(node.jobs, job.id, '999999-1'), []);
});

test('A result that is over its time is told from one that never was', async () => {
  const { job } = await node.jobs.submit(submission({ retentionSeconds: 1 }));
  await until(async () => {
    const found = await node.jobs.get(job.id, 'everybody');
    return found.purged ? found : null;
  });
  await until(async () => ((await node.redis.exists(`murm:{j.${job.id}}:events`)) === 0 ? true : null));
  await assert.rejects(node.jobs.transcript(job.id, 'everybody'), refusal('result_expired'));
  await assert.rejects(
    node.jobs.follow(job.id, 'everybody', '0', new AbortController().signal),
    refusal('result_expired'),
  );
  assert.equal((await node.jobs.get(job.id, 'everybody')).status, 'done');
});
