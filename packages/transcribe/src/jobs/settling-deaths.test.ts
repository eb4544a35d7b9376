import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Allowlist, GuardedClient } from '@murmuration/outbound';
import { JobArchive, JobIndex, WebhookLog, WebhookQueue } from '@murmuration/store';
import { NO_TRACING } from '@murmuration/runtime';
import { heard, pieces, startNode, submission, textOf, until, untilStatus } from '../testing/jobs-node.js';
import { UNHEARD_WEBHOOK, WEBHOOK_SECRET, startDeafNode } from '../testing/deaf-node.js';
import { logger, startRedisAndWorker } from '../testing/jobs-cluster.js';
import { POISON } from '../testing/simulated-worker.js';
import { Settler, type SettlerParts } from './settler.js';
import { Webhooks } from './webhooks.js';

const client = new GuardedClient({ allowlist: Allowlist.parse('127.0.0.1') });
const { server, worker } = await startRedisAndWorker(() => client.close());

/** The steps of settling, each of which may be the last that a node does. */
const STEPS = [
  'claim',
  'countAttempt',
  'results',
  'finish',
  'open',
  'close',
  'endWork',
  'stopWork',
  'announce',
  'unwatch',
] as const;
type Step = (typeof STEPS)[number];

/** Passes everything on until the step has been done, or is to be done; then nothing goes through any more. */
function dying(parts: SettlerParts, step: Step, when: 'before' | 'after', died: { yet: boolean }): SettlerParts {
  const wrap = <T extends object>(target: T): T =>
    new Proxy(target, {
      get: (_target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return async (...parameters: unknown[]): Promise<unknown> => {
          if (died.yet || (name === step && when === 'before')) {
            died.yet = true;
            throw new Error('the node is dead');
          }
          const answer = await (member as (...all: unknown[]) => Promise<unknown>).apply(target, parameters);
          if (name !== step) return answer;
          died.yet = true;
          throw new Error('the node is dead');
        };
      },
    });
  return {
    ...parts,
    archive: wrap(parts.archive),
    jobs: wrap(parts.jobs),
    jobIndex: wrap(parts.jobIndex),
    webhooks: wrap(parts.webhooks),
  };
}

test('A node that dies before or after any step of settling changes nothing of how a job ends', async () => {
  const node = await startDeafNode(server.url, client);
  const queue = new WebhookQueue(node.redis);
  const jobIndex = new JobIndex(node.redis);
  const parts: SettlerParts = {
    jobIndex,
    logger,
    archive: new JobArchive(node.redis),
    jobs: node.store,
    webhooks: new Webhooks(new WebhookLog(node.redis), queue, {
      client,
      secret: WEBHOOK_SECRET,
      ownSecret: () => null,
      partingMs: 60_000,
    }),
    onJobEnd: () => undefined,
    tracing: NO_TRACING,
  };
  for (const step of STEPS) {
    for (const when of ['before', 'after'] as const) {
      for (const words of [[1, 2], [POISON]]) {
        worker.hold();
        const { job } = await node.jobs.submit(submission({ source: pieces(...words), webhook: UNHEARD_WEBHOOK }));
        // Keeps the node's own settler away.
        await node.redis.set(`murm:{j.${job.id}}:settling`, 'nobody');
        worker.open();
        const ended = await until(async () => {
          const found = await jobIndex.read(job.id);
          return found?.state === 'assembling' || found?.state === 'failed' ? found.state : null;
        });
        await node.redis.del(`murm:{j.${job.id}}:settling`);
        const died = { yet: false };
        await new Settler(dying(parts, step, when, died)).settle(job.id).catch(() => undefined);
        await node.redis.del(`murm:{j.${job.id}}:settling`);
        for (let again = 0; again < 2; again++) await new Settler(parts).settle(job.id);
        const status = ended === 'failed' ? 'failed' : 'done';
        assert.equal((await node.jobs.get(job.id, 'everybody')).status, status, `${when} ${step}`);
        const events = await heard(node.jobs, job.id);
        assert.equal(events.filter((one) => one.type === 'done' || one.type === 'failed').length, 1);
        if (status === 'done') assert.equal((await node.jobs.transcript(job.id, 'everybody')).text, textOf(1, 2));
        const deliveries = await node.jobs.deliveries(job.id, 'everybody');
        assert.deepEqual(
          deliveries.map((delivery) => [delivery.id, delivery.event]),
          [[`msg_${job.id}_${status}`, `job.${status}`]],
          `${when} ${step}`,
        );
        assert.equal(
          await node.redis.exists(
            'murm:{jobs}:accepted',
            `murm:{j.${job.id}}:chunks`,
            `murm:{j.${job.id}}:pcm`,
            `murm:{j.${job.id}}:results`,
          ),
          0,
        );
      }
    }
  }
  await queue.close();
  await node.close();
});

test('A job whose last result came when no node was there is settled by the next one', async () => {
  worker.hold();
  const node = await startDeafNode(server.url, client);
  const { job } = await node.jobs.submit(submission());
  node.crash();
  worker.open();
  const next = await startNode(server.url, logger);
  await untilStatus(next.jobs, job.id, 'done');
  assert.equal((await heard(next.jobs, job.id)).filter((one) => one.type === 'done').length, 1);
  await next.close();
});
