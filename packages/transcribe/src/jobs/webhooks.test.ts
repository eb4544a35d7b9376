import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { AsrError, type Webhook } from '@murmuration/contracts';
import { Allowlist, GuardedClient } from '@murmuration/outbound';
import { startRedis, type TestRedis } from '@murmuration/store/testing';
import { createLogger } from '@murmuration/runtime';
import { pieces, startNode, submission, until, untilStatus, type JobsNode } from '../testing/jobs-node.js';
import { SimulatedWorker } from '../testing/simulated-worker.js';

interface Hit {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const logger = createLogger({ service: 'test', level: 'silent' });
const key = Buffer.alloc(32, 7);
const webhookSecret = `whsec_${key.toString('base64')}`;
const ownKey = Buffer.alloc(32, 9);
const outbound = new GuardedClient({ allowlist: Allowlist.parse('127.0.0.1') });
let server: TestRedis;
let worker: SimulatedWorker;
let receiver: Server;
let url: string;
let hits: Hit[];
/** Statuses to answer with, in order; 204 when there is none. */
let answers: number[];
/** The pause after a failed attempt. */
let pauseMs = 10;

before(async () => {
  server = await startRedis();
  worker = await SimulatedWorker.start(server.url, logger);
  receiver = createServer((request, response) => {
    const body: Buffer[] = [];
    request.on('data', (piece: Buffer) => {
      body.push(piece);
    });
    request.on('end', () => {
      hits.push({ headers: request.headers, body: Buffer.concat(body).toString() });
      response.writeHead(answers.shift() ?? 204).end();
    });
  });
  await new Promise<void>((resolve) => {
    receiver.listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${String((receiver.address() as AddressInfo).port)}/hook`;
});

after(async () => {
  await worker.close();
  await outbound.close();
  await new Promise((resolve) => {
    receiver.close(resolve);
  });
  await server.close();
});

function reset(): void {
  hits = [];
  answers = [];
  pauseMs = 10;
}

async function withNode(use: (node: JobsNode) => Promise<void>): Promise<void> {
  reset();
  const node = await startReceiverNode();
  try {
    await use(node);
  } finally {
    await node.close();
  }
}

function startReceiverNode(): Promise<JobsNode> {
  return startNode(server.url, logger, {
    outbound,
    webhookSecret,
    ownWebhookSecret: (owner) => (owner === 'acme' ? `whsec_${ownKey.toString('base64')}` : null),
    retryPauseMs: ({ attempt }) => (attempt >= 5 ? null : pauseMs),
  });
}

const webhook = (events: Webhook['events'] = ['job.done', 'job.failed', 'job.cancelled']): Webhook => ({ url, events });
const refused =
  (code: string, param: string | null = null) =>
  (error: unknown) =>
    error instanceof AsrError && error.code === code && error.param === param;

function signedBy(hit: Hit, secret: Buffer): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = hit.headers;
  return (
    signature ===
    `v1,${createHmac('sha256', secret)
      .update(`${String(id)}.${String(timestamp)}.${hit.body}`)
      .digest('base64')}`
  );
}

/** The job's delivery once it is in this state. */
async function untilDelivery(node: JobsNode, id: string, state: string) {
  return until(
    async () => (await node.jobs.deliveries(id, 'everybody')).find((delivery) => delivery.state === state) ?? null,
  );
}

test('A webhook hears of the end once, signed, without the transcript', async () => {
  await withNode(async (node) => {
    const { job } = await node.jobs.submit(submission({ webhook: webhook(), metadata: { order: 7 } }));
    const delivery = await untilDelivery(node, job.id, 'delivered');
    assert.deepEqual(
      [delivery.id, delivery.event, delivery.attempts.length, delivery.attempts[0]?.status, delivery.nextAttemptAtMs],
      [`msg_${job.id}_done`, 'job.done', 1, 204, null],
    );
    assert.equal(hits.length, 1);
    const [hit] = hits;
    assert.ok(hit !== undefined && signedBy(hit, key));
    assert.equal(hit.headers['webhook-id'], delivery.id);
    const done = await node.jobs.get(job.id, 'everybody');
    const self = `/v1/jobs/${job.id}`;
    assert.deepEqual(JSON.parse(hit.body), {
      type: 'job.done',
      timestamp: new Date(done.finishedAtMs ?? 0).toISOString(),
      data: {
        id: job.id,
        status: 'done',
        metadata: { order: 7 },
        error: null,
        urls: { self, events: `${self}/events`, transcript: `${self}/transcript.json` },
      },
    });
  });
});

test('A receiver that fails is told again, each time the same under the same id, until it answers', async () => {
  await withNode(async (node) => {
    answers = [500, 503, 301];
    const { job } = await node.jobs.submit(submission({ webhook: webhook(), owner: 'acme' }));
    const delivery = await untilDelivery(node, job.id, 'delivered');
    assert.deepEqual(
      delivery.attempts.map((attempt) => [attempt.status, attempt.fault]),
      [
        [500, 'status'],
        [503, 'status'],
        [301, 'status'],
        [204, null],
      ],
    );
    assert.equal(new Set(hits.map((hit) => hit.body)).size, 1);
    assert.deepEqual([...new Set(hits.map((hit) => hit.headers['webhook-id']))], [`msg_${job.id}_done`]);
    assert.ok(
      hits.every((hit) => signedBy(hit, ownKey)),
      "the key's own secret goes before the general one",
    );
  });
});

test('410 ends it, and so does the end of the day', async () => {
  await withNode(async (node) => {
    answers = [500, 410];
    const gone = await node.jobs.submit(submission({ webhook: webhook() }));
    assert.deepEqual(
      (await untilDelivery(node, gone.job.id, 'failed')).attempts.map((attempt) => attempt.fault),
      ['status', 'gone'],
    );
    hits = [];
    answers = [500, 500, 500, 500, 500, 500, 500];
    const deaf = await node.jobs.submit(submission({ webhook: webhook() }));
    assert.equal((await untilDelivery(node, deaf.job.id, 'failed')).attempts.length, 5);
    assert.equal(await node.redis.zcard('murm:{jobs}:webhooks'), 0);
  });
});

test('A restart between two attempts loses none, nor does the loss of the queue', async () => {
  reset();
  answers = [500, 500];
  pauseMs = 600;
  const first = await startReceiverNode();
  const { job } = await first.jobs.submit(submission({ webhook: webhook() }));
  await until(async () => ((await first.jobs.deliveries(job.id, 'everybody'))[0]?.attempts.length === 1 ? true : null));
  first.crash();
  const second = await startReceiverNode();
  await until(async () =>
    (await second.jobs.deliveries(job.id, 'everybody'))[0]?.attempts.length === 2 ? true : null,
  );
  const keys = await second.redis.keys('{murm-webhooks}:*');
  assert.ok(keys.length > 0);
  await second.redis.del(...keys);
  const delivery = await untilDelivery(second, job.id, 'delivered');
  assert.equal(delivery.attempts.length, 3);
  assert.equal(new Set(hits.map((hit) => `${String(hit.headers['webhook-id'])} ${hit.body}`)).size, 1);
  await second.close();
});

test('A delivery is begun again on demand under the same id; without a webhook, and before the end, there is nothing to deliver', async () => {
  await withNode(async (node) => {
    answers = [410];
    const { job } = await node.jobs.submit(submission({ webhook: webhook() }));
    await untilDelivery(node, job.id, 'failed');
    const [pending] = await node.jobs.redeliver(job.id, 'everybody');
    assert.equal(pending?.id, `msg_${job.id}_done`);
    const delivered = await untilDelivery(node, job.id, 'delivered');
    assert.deepEqual(
      delivered.attempts.map((attempt) => attempt.status),
      [410, 204],
    );
    assert.deepEqual(hits[0]?.body, hits[1]?.body);
    const silent = await node.jobs.submit(submission());
    await assert.rejects(node.jobs.redeliver(silent.job.id, 'everybody'), refused('no_webhook'));
    worker.hold();
    const running = await node.jobs.submit(submission({ webhook: webhook(), source: pieces(4) }));
    await assert.rejects(node.jobs.redeliver(running.job.id, 'everybody'), refused('job_not_done'));
    worker.open();
    await untilDelivery(node, running.job.id, 'delivered');
  });
});

test('A node that cannot sign a message leaves it to one that can, as if it had never seen it', async () => {
  const without = await startNode(server.url, logger, { ownWebhookSecret: () => null });
  await withNode(async (node) => {
    const jobs = await Promise.all(
      Array.from({ length: 10 }, async () => (await node.jobs.submit(submission({ webhook: webhook() }))).job.id),
    );
    for (const id of jobs) {
      const { attempts } = await untilDelivery(node, id, 'delivered');
      assert.deepEqual(
        attempts.map(({ status, fault }) => [status, fault]),
        [[204, null]],
      );
    }
  });
  await without.close();
});

test('Only events that were asked for are told; a cancelled job is told of too', async () => {
  await withNode(async (node) => {
    const quiet = await node.jobs.submit(submission({ webhook: webhook(['job.failed']) }));
    await untilStatus(node.jobs, quiet.job.id, 'done');
    worker.hold();
    const { job } = await node.jobs.submit(submission({ webhook: webhook() }));
    await node.jobs.cancel(job.id, 'everybody');
    const delivery = await untilDelivery(node, job.id, 'delivered');
    worker.open();
    assert.equal(delivery.event, 'job.cancelled');
    assert.equal(hits.length, 1);
    assert.deepEqual(await node.jobs.deliveries(quiet.job.id, 'everybody'), []);
  });
});

test('Of a job that is deleted before its end the webhook hears without its metadata, and its address goes; a message of one that had ended is not sent any more', async () => {
  await withNode(async (node) => {
    worker.hold();
    const running = await node.jobs.submit(submission({ webhook: webhook(), metadata: { order: 7 } }));
    const cancelled = await node.jobs.cancel(running.job.id, 'everybody');
    assert.deepEqual([cancelled.metadata, cancelled.webhook], [null, null]);
    await untilDelivery(node, running.job.id, 'delivered');
    worker.open();
    const [hit] = hits;
    assert.equal((JSON.parse(hit?.body ?? '') as { data: { metadata: unknown } }).data.metadata, null);
    for (const key of [`murm:{j.${running.job.id}}:terms`, `murm:{j.${running.job.id}}:delivery`]) {
      const lifeMs = await node.redis.pttl(key);
      assert.ok(lifeMs > 0 && lifeMs <= 150_000, `${key} ${String(lifeMs)}`);
    }
    pauseMs = 100;
    answers = Array.from({ length: 100 }, () => 500);
    const done = await node.jobs.submit(submission({ webhook: webhook(), metadata: { order: 8 } }));
    await until(async () => (await node.jobs.deliveries(done.job.id, 'everybody'))[0]?.attempts.length ?? null);
    await node.jobs.cancel(done.job.id, 'everybody');
    assert.deepEqual(await node.jobs.deliveries(done.job.id, 'everybody'), []);
    await until(async () => ((await node.redis.zcard('murm:{jobs}:webhooks')) === 1 ? null : true));
    await assert.rejects(node.jobs.redeliver(done.job.id, 'everybody'), refused('result_expired'));
  });
});

test('A message is tried no longer than its job is kept', async () => {
  await withNode(async (node) => {
    answers = [410];
    const { job } = await node.jobs.submit(submission({ webhook: webhook(), retentionSeconds: 600 }));
    await untilDelivery(node, job.id, 'failed');
    await node.jobs.redeliver(job.id, 'everybody');
    const lifeMs = await node.redis.pttl(`murm:{j.${job.id}}:delivery`);
    assert.ok(lifeMs > 600_000 && lifeMs <= 750_000, String(lifeMs));
  });
});

test('A webhook that may not be reached, or that nothing could sign, is refused at once', async () => {
  await withNode(async (node) => {
    for (const bad of [
      'http://10.0.0.1/x',
      'http://[::1]/x',
      'ftp://example.com/x',
      'http://user:pass@example.com/x',
      'http://169.254.169.254/',
    ]) {
      await assert.rejects(
        node.jobs.submit(submission({ webhook: { ...webhook(), url: bad } })),
        refused('url_not_allowed', 'webhook'),
        bad,
      );
    }
  });
  const node = await startNode(server.url, logger, { outbound });
  await assert.rejects(node.jobs.submit(submission({ webhook: webhook() })), refused('invalid_field', 'webhook'));
  await node.close();
});
