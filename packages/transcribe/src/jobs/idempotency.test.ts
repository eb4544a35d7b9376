import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { IdempotencyClaims } from '@murmuration/store';
import { startRedis, type TestRedis } from '@murmuration/store/testing';
import { createLogger } from '@murmuration/runtime';
import { refusal } from '@murmuration/contracts/testing';
import { piece, pieces, startNode, submission, until, untilStatus, type JobsNode } from '../testing/jobs-node.js';
import { SimulatedWorker } from '../testing/simulated-worker.js';
import { RequestHash } from './earlier-requests.js';

const logger = createLogger({ service: 'test', level: 'silent' });
let server: TestRedis;
let worker: SimulatedWorker;
let nodes: [JobsNode, JobsNode];
let node: JobsNode;

before(async () => {
  server = await startRedis();
  worker = await SimulatedWorker.start(server.url, logger);
  nodes = [await startNode(server.url, logger), await startNode(server.url, logger)];
  [node] = nodes;
});

after(async () => {
  await worker.close();
  await Promise.all(nodes.map((one) => one.close()));
  await server.close();
});

const jobKeysLeft = async (): Promise<string[]> => (await node.redis.keys('murm:{j.*}:job')).sort();

test('The same key with the same request leads to the same job, without transcribing it again', async () => {
  const first = await node.jobs.submit(submission({ idempotencyKey: 'a' }));
  await untilStatus(node.jobs, first.job.id, 'done');
  const before = await jobKeysLeft();
  const second = await nodes[1].jobs.submit(submission({ idempotencyKey: 'a' }));
  assert.deepEqual([second.created, second.job.id, second.job.status], [false, first.job.id, 'done']);
  assert.deepEqual(await jobKeysLeft(), before);
  const life = await node.redis.pttl((await node.redis.keys('murm:{i.*'))[0] ?? '');
  assert.ok(life > 23 * 3_600_000 && life <= 24 * 3_600_000);
});

test('The same key with other bytes or other fields is a conflict, and nothing is left of it', async () => {
  await node.jobs.submit(submission({ idempotencyKey: 'b' }));
  const before = await jobKeysLeft();
  await assert.rejects(
    node.jobs.submit(submission({ idempotencyKey: 'b', source: pieces(1, 2, 4) })),
    refusal('idempotency_conflict'),
  );
  await assert.rejects(
    node.jobs.submit(submission({ idempotencyKey: 'b', fingerprint: '{"other":1}' })),
    refusal('idempotency_conflict'),
  );
  assert.deepEqual(await jobKeysLeft(), before);
});

test('A key belongs to its owner', async () => {
  const acme = await node.jobs.submit(submission({ idempotencyKey: 'c', owner: 'acme' }));
  const bolt = await node.jobs.submit(submission({ idempotencyKey: 'c', owner: 'bolt', source: pieces(9) }));
  assert.ok(bolt.created && bolt.job.id !== acme.job.id);
});

test('Requests with one key that arrive at once on two nodes lead to one job', async () => {
  for (let round = 0; round < 5; round++) {
    const before = await jobKeysLeft();
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_value, i) =>
        (i % 2 === 0 ? nodes[0] : nodes[1]).jobs.submit(
          submission({ idempotencyKey: `race${String(round)}`, source: pieces(5, 6) }),
        ),
      ),
    );
    assert.equal(new Set(answers.map((answer) => answer.job.id)).size, 1);
    assert.equal(answers.filter((answer) => answer.created).length, 1);
    assert.equal((await jobKeysLeft()).length, before.length + 1, 'nothing is left of the others');
  }
});

test('Of two other requests with one key at once one is a conflict', async () => {
  const answers = await Promise.allSettled([
    node.jobs.submit(submission({ idempotencyKey: 'd', source: pieces(1) })),
    nodes[1].jobs.submit(submission({ idempotencyKey: 'd', source: pieces(2) })),
  ]);
  assert.deepEqual(answers.map((answer) => answer.status).sort(), ['fulfilled', 'rejected']);
  assert.ok(answers.some((answer) => answer.status === 'rejected' && refusal('idempotency_conflict')(answer.reason)));
});

test('A key whose node died before its job was accepted is taken over', async () => {
  const claims = new IdempotencyClaims(node.redis);
  const claim = { job: randomUUID(), hash: await new RequestHash('{}', pieces(1, 2, 3)).end() };
  await claims.take(null, 'e', claim);
  const known = await node.jobs.submit(submission({ idempotencyKey: 'e' }));
  assert.ok(known.created);
  assert.equal((await claims.read(null, 'e'))?.job, known.job.id);
});

test('Whoever waits for a job whose node dies on the way is told to come again, and then has the key', async () => {
  const dying = await startNode(server.url, logger, { leaseMs: 2_000 });
  let hang: () => void = () => undefined;
  const hung = new Promise<void>((resolve) => {
    hang = resolve;
  });
  const id = randomUUID();
  async function* stuck(): AsyncGenerator<Uint8Array> {
    yield piece(1);
    await hung;
    yield piece(2);
  }
  const lost = dying.jobs.submit(submission({ id, idempotencyKey: 'f', source: stuck() }));
  lost.catch(() => undefined);
  await until(async () => node.jobs.get(id, 'everybody').catch(() => null));
  // As if it had just taken the key.
  const claims = new IdempotencyClaims(node.redis);
  await claims.take(null, 'f', { job: id, hash: await new RequestHash('{}', pieces(1, 2)).end() });
  const waiting = node.jobs.submit(submission({ idempotencyKey: 'f', source: pieces(1, 2) }));
  waiting.catch(() => undefined);
  dying.crash();
  hang();
  // Its bytes are only compared, so that there is nothing to go on with: it is told to come again.
  await assert.rejects(waiting, refusal('backend_unavailable'));
  assert.ok((await node.jobs.submit(submission({ idempotencyKey: 'f', source: pieces(1, 2) }))).created);
});

test('The same id and key twice at once is one job', async () => {
  const id = randomUUID();
  const answers = await Promise.all(nodes.map((one) => one.jobs.submit(submission({ id, idempotencyKey: 'g' }))));
  assert.deepEqual(
    answers.map((answer) => answer.job.id),
    [id, id],
  );
  assert.deepEqual(answers.map((answer) => answer.created).sort(), [false, true]);
});

test('A URL stands for its bytes: they are not compared', async () => {
  const first = await node.jobs.submit(
    submission({ idempotencyKey: 'h', hashBytes: false, fingerprint: '{"url":"x"}' }),
  );
  let read = false;
  async function* untouched(): AsyncGenerator<Uint8Array> {
    read = true;
    await Promise.resolve();
    yield piece(1);
  }
  const second = await node.jobs.submit(
    submission({ idempotencyKey: 'h', hashBytes: false, fingerprint: '{"url":"x"}', source: untouched() }),
  );
  assert.deepEqual([second.job.id, second.created, read], [first.job.id, false, false]);
});

test('A key of a request that was refused is free', async () => {
  await assert.rejects(
    node.jobs.submit(
      submission({
        idempotencyKey: 'i',
        source: (async function* () {
          await Promise.resolve();
          yield Buffer.alloc(1);
        })(),
      }),
    ),
    refusal('unprocessable_audio'),
  );
  assert.ok((await node.jobs.submit(submission({ idempotencyKey: 'i' }))).created);
});
