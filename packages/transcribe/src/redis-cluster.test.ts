import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { listCards, patientConnection, type Redis } from '@murmuration/store';
import { startRedisCluster, type TestRedisCluster } from '@murmuration/store/testing';
import { createLogger } from '@murmuration/runtime';
import { heard, pieces, startNode, submission, textOf, until, untilText, type JobsNode } from './testing/jobs-node.js';
import { LiveWalk } from './testing/live-walk.js';
import { SIMULATED_MODEL, SimulatedWorker } from './testing/simulated-worker.js';

const lines: string[] = [];
const logger = createLogger({ service: 'test', level: 'silent' });
logger.warn = logger.info = (...line: unknown[]) => {
  lines.push(JSON.stringify(line));
};
let cluster: TestRedisCluster;
let worker: SimulatedWorker;
let node: JobsNode;
let other: JobsNode;
/** A connection to each node, the replica last. */
let admins: Redis[];

before(async () => {
  cluster = await startRedisCluster({ replicas: 1 });
  worker = await SimulatedWorker.start(cluster.url, logger);
  [node, other] = await Promise.all([startNode(cluster.url, logger), startNode(cluster.url, logger)]);
  admins = cluster.nodes.map(({ url }) => patientConnection(url, createLogger({ service: 'test', level: 'silent' })));
});

after(async () => {
  for (const admin of admins) admin.disconnect();
  await worker.close();
  await Promise.all([node.close(), other.close()]);
  await cluster.close();
});

/** Enough that every node has some. */
const JOBS = [1, 2, 3, 4, 5, 6, 7, 8];

async function submitted(): Promise<string[]> {
  return Promise.all(
    JOBS.map(
      async (word) => (await node.jobs.submit(submission({ source: pieces(word, word + 10, word + 20) }))).job.id,
    ),
  );
}

async function requireDone(ids: readonly string[]): Promise<void> {
  for (const [at, id] of ids.entries()) {
    const word = JOBS[at] ?? 0;
    assert.equal(await untilText(other.jobs, id), textOf(word, word + 10, word + 20));
  }
}

test(
  'Jobs on all nodes of a Cluster are done, listed, followed, cancelled and settled, and model cards are read',
  { timeout: 120_000 },
  async () => {
    worker.hold();
    const ids = await submitted();
    const listed = await other.jobs.list({
      whose: 'everybody',
      statuses: null,
      createdAfterMs: null,
      createdBeforeMs: null,
      limit: 100,
      cursor: null,
    });
    assert.deepEqual(listed.jobs.map((job) => job.id).sort(), [...ids].sort());
    assert.equal((await node.store.inProgress.list(100, 'everybody')).length, ids.length);
    assert.equal((await node.store.inProgress.unfinished('simulated')).length, ids.length);
    const { job } = await node.jobs.submit(submission({ source: pieces(50, 51) }));
    assert.equal((await other.jobs.cancel(job.id, 'everybody')).status, 'cancelled');
    const following = heard(other.jobs, ids[0] ?? '');
    worker.open();
    await requireDone(ids);
    assert.equal((await following).at(-1)?.type, 'done');
    await until(async () => ((await node.redis.exists('murm:{jobs}:accepted')) === 0 ? true : null));
    assert.deepEqual(
      (await listCards(node.redis)).workers.map((card) => card.workerId),
      ['w'],
    );
    assert.equal(await node.audio.hasRoom(), true);
  },
);

test('A live session on a Cluster is opened, stored, answered and finished', { timeout: 120_000 }, async () => {
  const walk = await LiveWalk.open(cluster.url, logger, SIMULATED_MODEL);
  await walk.say('one');
  assert.deepEqual(await walk.listed(), [walk.id]);
  await walk.say('two');
  await walk.say('three', true);
  assert.deepEqual(await walk.finals(), ['one', 'two', 'three']);
  walk.close();
});

test('A job goes on while its slot moves to another node, and after it has moved', { timeout: 120_000 }, async () => {
  worker.hold();
  const { job } = await node.jobs.submit(submission({ source: pieces(1, 2, 3) }));
  const slot = Number(await admins[0]?.call('CLUSTER', 'KEYSLOT', `murm:{j.${job.id}}:job`));
  const ids = await Promise.all(admins.map(async (admin) => String(await admin.call('CLUSTER', 'MYID'))));
  const from = Math.floor((slot * 3) / 16_384);
  const to = (from + 1) % 3;
  await admins[to]?.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[from] ?? '');
  await admins[from]?.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[to] ?? '');
  const keys = (await admins[from]?.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
  assert.ok(keys.includes(`murm:{j.${job.id}}:job`));
  for (const key of keys) await admins[from]?.call('MIGRATE', '127.0.0.1', cluster.nodes[to]?.port ?? 0, key, 0, 5_000);
  assert.equal((await other.jobs.get(job.id, 'everybody')).id, job.id, 'it is asked for at the new node');
  worker.open();
  for (const at of [to, from]) await admins[at]?.call('CLUSTER', 'SETSLOT', slot, 'NODE', ids[to] ?? '');
  assert.equal(await untilText(other.jobs, job.id), textOf(1, 2, 3));
  assert.equal(await admins[to]?.exists(`murm:{j.${job.id}}:job`), 1);
});

test(
  'A master of a Cluster dies in the midst of work: its replica has what was accepted, all goes on, and each state is told once',
  { timeout: 120_000 },
  async () => {
    lines.length = 0;
    worker.hold();
    const walk = await LiveWalk.open(cluster.url, logger, SIMULATED_MODEL);
    await walk.say('before');
    const ids = await submitted();
    // What a master has not passed on yet dies with it: replication is asynchronous.
    await until(async () => {
      const info = (await admins[0]?.info('replication')) ?? '';
      const [own, passedOn] = [/^master_repl_offset:(\d+)/m.exec(info)?.[1], /,offset=(\d+),/.exec(info)?.[1]];
      return own === passedOn ? true : null;
    });
    await cluster.nodes[0]?.kill();
    worker.open();
    await requireDone(ids);
    await walk.say('after', true);
    assert.deepEqual(await walk.finals(), ['before', 'after']);
    walk.close();
    // Four connections lose the node, and those that listen to it.
    assert.ok(lines.length <= 20, `${String(lines.length)} lines: ${lines.join('\n')}`);
  },
);
