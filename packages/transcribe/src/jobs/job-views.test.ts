import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { refusal } from '@murmuration/contracts/testing';
import { startJobsCluster } from '../testing/jobs-cluster.js';
import { piece, pieces, submission, textOf, until } from '../testing/jobs-node.js';
import { idSeenBy, storedIdOf } from './job-views.js';

const [acme, bolt] = [{ owner: 'acme' }, { owner: 'bolt' }] as const;
const { nodes } = await startJobsCluster();
const [node, other] = nodes;

const of = (whose: { readonly owner: string }) => ({ owner: whose.owner, whose });

test('Two owners use one id, each has a job of its own, and an administrator sees both under ids of their own', async () => {
  const id = randomUUID();
  await node.jobs.submit(submission({ id, ...of(acme), source: pieces(1, 2) }));
  assert.equal((await other.jobs.submit(submission({ id, ...of(bolt), source: pieces(8) }))).job.id, id);
  for (const [whose, words] of [
    [acme, [1, 2]],
    [bolt, [8]],
  ] as const) {
    await until(async () => ((await other.jobs.get(id, whose)).status === 'done' ? true : null));
    const { id: told, text } = await other.jobs.transcript(id, whose);
    assert.deepEqual([told, text], [id, textOf(...words)]);
    assert.deepEqual(await idsOf(whose), [id]);
    const events = [];
    for await (const { type } of await other.jobs.follow(id, whose, '0', AbortSignal.timeout(20_000)))
      events.push(type);
    assert.equal(events.at(-1), 'done');
  }
  const seen = (await listOf('everybody')).filter(({ submittedId }) => submittedId === id);
  assert.deepEqual(seen.map(({ owner }) => owner).sort(), ['acme', 'bolt']);
  assert.equal(new Set(seen.map((job) => job.id)).size, 2);
  for (const job of seen) {
    assert.equal((await node.jobs.get(job.id, 'everybody')).owner, job.owner);
    assert.equal((await node.jobs.transcript(job.id, 'everybody')).id, job.id);
  }
  await assert.rejects(node.jobs.get(id, 'everybody'), refusal('not_found'));
  await node.jobs.cancel(id, acme);
  assert.deepEqual([(await node.jobs.get(id, acme)).purged, (await node.jobs.get(id, bolt)).purged], [true, false]);
});

test("An id is taken by its owner's jobs alone: those it named, and those whose id the service drew", async () => {
  const id = randomUUID();
  await node.jobs.submit(submission({ id, ...of(acme) }));
  await assert.rejects(other.jobs.submit(submission({ id, ...of(acme) })), refusal('job_exists'));
  const drawn = (await node.jobs.submit(submission(of(acme)))).job.id;
  await assert.rejects(node.jobs.submit(submission({ id: drawn, ...of(acme) })), refusal('job_exists'));
  assert.equal((await node.jobs.submit(submission({ id: drawn, ...of(bolt) }))).created, true);
});

test('A job that was stored under the id that its owner gave it is found, and its id stays taken for that owner alone', async () => {
  const id = randomUUID();
  // As it was stored before ids belonged to owners.
  await node.jobs.submit(submission({ id, owner: 'acme', whose: 'everybody' }));
  assert.equal((await node.jobs.get(id, acme)).id, id);
  await assert.rejects(node.jobs.submit(submission({ id, ...of(acme) })), refusal('job_exists'));
  assert.equal((await node.jobs.submit(submission({ id, ...of(bolt) }))).created, true);
});

test('A submission with an id and an Idempotency-Key may be repeated, also while the first is on its way at another node', async () => {
  const id = randomUUID();
  let release: () => void = () => undefined;
  const rest = new Promise<void>((resolve) => {
    release = resolve;
  });
  async function* slow(): AsyncGenerator<Uint8Array> {
    yield piece(1);
    await rest;
  }
  const first = node.jobs.submit(submission({ id, ...of(acme), idempotencyKey: 'a', source: slow() }));
  await until(async () => other.jobs.get(id, acme).catch(() => null));
  assert.ok((await node.store.inProgress.list(100, acme)).some((job) => idSeenBy(acme, job) === id));
  const second = other.jobs.submit(submission({ id, ...of(acme), idempotencyKey: 'a', source: pieces(1) }));
  release();
  const answers = await Promise.all([first, second]);
  assert.deepEqual(
    answers.map(({ job, created }) => [job.id, created]),
    [
      [id, true],
      [id, false],
    ],
  );
  const third = await other.jobs.submit(submission({ id, ...of(acme), idempotencyKey: 'a', source: pieces(1) }));
  assert.deepEqual([third.job.id, third.created], [id, false]);
});

test('A stored id is a UUID of version 8, the same whenever it is made, and differs by owner and by name', () => {
  const [one, two] = [randomUUID(), randomUUID()];
  const all = [storedIdOf(one, acme), storedIdOf(one, bolt), storedIdOf(two, acme), storedIdOf(one, { owner: '' })];
  assert.equal(new Set(all).size, 4);
  for (const id of all) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(storedIdOf(one, acme), all[0]);
  assert.equal(storedIdOf(one, 'everybody'), one);
});

async function listOf(whose: 'everybody' | { readonly owner: string }) {
  const { jobs } = await other.jobs.list({
    whose,
    statuses: null,
    createdAfterMs: null,
    createdBeforeMs: null,
    limit: 100,
    cursor: null,
  });
  return jobs;
}

async function idsOf(whose: { readonly owner: string }): Promise<string[]> {
  return (await listOf(whose)).map(({ id }) => id);
}
