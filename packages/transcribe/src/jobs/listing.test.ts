import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AsrError, type JobStatus } from '@murmuration/contracts';
import { JobIndex } from '@murmuration/store';
import { startRedis, type TestRedis } from '@murmuration/store/testing';
import { createLogger } from '@murmuration/runtime';
import type { JobFilter } from '../job-service.js';
import { pieces, startNode, submission, untilStatus, type JobsNode } from '../testing/jobs-node.js';
import { SimulatedWorker } from '../testing/simulated-worker.js';

const logger = createLogger({ service: 'test', level: 'silent' });
let server: TestRedis;
let worker: SimulatedWorker;
let node: JobsNode;

before(async () => {
  server = await startRedis();
  worker = await SimulatedWorker.start(server.url, logger);
  node = await startNode(server.url, logger);
});

after(async () => {
  await worker.close();
  await node.close();
  await server.close();
});

const ALL: JobFilter = {
  whose: 'everybody',
  statuses: null,
  createdAfterMs: null,
  createdBeforeMs: null,
  limit: 100,
  cursor: null,
};

async function ids(filter: Partial<JobFilter>): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | null = null;
  do {
    const page = await node.jobs.list({ ...ALL, ...filter, cursor });
    assert.ok(page.jobs.length <= (filter.limit ?? ALL.limit));
    found.push(...page.jobs.map((job) => job.id));
    cursor = page.nextCursor;
  } while (cursor !== null);
  return found;
}

test('Jobs are listed newest first in pages, by owner, status and time, and jobs that are gone drop out', async () => {
  worker.hold();
  const made: string[] = [];
  for (let i = 0; i < 7; i++)
    made.push((await node.jobs.submit(submission({ source: pieces(i), owner: i % 2 === 0 ? 'acme' : 'bolt' }))).job.id);
  const newest = [...made].reverse();
  const times = await Promise.all(made.map(async (id) => (await node.jobs.get(id, 'everybody')).createdAtMs));
  const byPlace = [...newest].sort(
    (left, right) => (times[made.indexOf(right)] ?? 0) - (times[made.indexOf(left)] ?? 0) || (left < right ? 1 : -1),
  );
  for (const limit of [1, 2, 3, 7, 8]) assert.deepEqual(await ids({ limit }), byPlace, `pages of ${String(limit)}`);
  assert.deepEqual(
    (await ids({ whose: { owner: 'acme' }, limit: 2 })).sort(),
    made.filter((_id, i) => i % 2 === 0).sort(),
  );
  assert.deepEqual(await ids({ whose: { owner: 'nobody' } }), []);
  const middle = times[3] ?? 0;
  assert.deepEqual(
    (await ids({ createdAfterMs: middle, limit: 2 })).sort(),
    made.filter((_id, i) => (times[i] ?? 0) >= middle).sort(),
  );
  assert.deepEqual(
    (await ids({ createdBeforeMs: middle, limit: 2 })).sort(),
    made.filter((_id, i) => (times[i] ?? 0) <= middle).sort(),
  );
  assert.deepEqual(await ids({ statuses: ['done'] }), []);
  await node.jobs.cancel(made[0] ?? '', 'everybody');
  worker.open();
  for (const id of made.slice(1)) await untilStatus(node.jobs, id, 'done');
  assert.deepEqual(
    (await ids({ statuses: ['done', 'failed'] satisfies JobStatus[], limit: 2 })).sort(),
    made.slice(1).sort(),
  );
  assert.deepEqual(await ids({ statuses: ['cancelled'] }), [made[0]]);
  await node.redis.del(`murm:{j.${made[2] ?? ''}}:job`);
  assert.deepEqual((await ids({ whose: { owner: 'acme' } })).sort(), [made[0], made[4], made[6]].sort());
  assert.equal((await ids({})).length, 6);
  const jobIndex = new JobIndex(node.redis);
  for (let cursor = '0'; (cursor = await jobIndex.prune(cursor, 10)) !== '0';);
  assert.equal(await node.redis.zcard('murm:{jobs}:all'), 6);
});

test('A cursor that is none is refused by its name', async () => {
  for (const cursor of ['', 'x', Buffer.from('1.').toString('base64url'), Buffer.from('1.a b').toString('base64url')]) {
    await assert.rejects(
      node.jobs.list({ ...ALL, cursor }),
      (error: unknown) => error instanceof AsrError && error.code === 'invalid_field' && error.param === 'cursor',
    );
  }
});

test('The position counts accepted jobs of the same model and priority that were there before', async () => {
  worker.hold();
  const first = await node.jobs.submit(submission());
  const urgent = await node.jobs.submit(submission({ priority: 'interactive' }));
  const second = await node.jobs.submit(submission());
  assert.deepEqual([first.job.position, urgent.job.position, second.job.position], [0, 0, 1]);
  assert.deepEqual([first.job.status, second.job.status], ['queued', 'queued']);
  worker.open();
  await untilStatus(node.jobs, second.job.id, 'done');
  assert.equal((await node.jobs.get(second.job.id, 'everybody')).position, null);
});
