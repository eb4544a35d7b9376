import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { decodeOptionsSchema } from '@murmuration/contracts';
import { createLogger } from '@murmuration/runtime';
import { openAudioStore } from '../audio-store/open-audio-store.js';
import { patientConnection, type Redis } from '../connections.js';
import { JobStore, type JobIdentity } from '../job-store.js';
import { startRedis, type TestRedis } from '../testing/start-redis.js';
import { TroubleLog } from '../redis-health.js';
import { WebhookQueue, WebhookWorker } from '../webhook-queue.js';
import { TicketQueues } from './ticket-queue.js';
import { TicketWorker } from './ticket-worker.js';

const DEMOTED_MS = 3_000;
/** Two kinds of workers, a reconnection a second each, and one line where trouble begins and one where it ends. */
const MOST_LINES = 20;
let server: TestRedis;
let admin: Redis;
const lines: string[] = [];
const logger = createLogger({ service: 'test', level: 'silent' });
logger.warn = logger.info = (...line: unknown[]) => {
  lines.push(JSON.stringify(line));
};

before(async () => {
  server = await startRedis();
  admin = patientConnection(server.url, createLogger({ service: 'test', level: 'silent' }));
});

after(async () => {
  await admin.quit();
  await server.close();
});

test('goes on by itself after a primary was a replica for a while, and neither spins nor floods the log', async () => {
  const redis = patientConnection(server.url, logger);
  const queues = new TicketQueues(admin);
  const audio = await openAudioStore({ kind: 'redis', url: server.url, budgetBytes: 100_000_000 }, admin, (url) =>
    patientConnection(url, logger),
  );
  const jobs = new JobStore(admin, queues, audio, 60_000);
  const job: JobIdentity = {
    id: 'failover',
    lane: 'interactive',
    modelId: 'm',
    modelSlug: 'm',
    decode: decodeOptionsSchema.parse({}),
    awaitsLanguage: false,
    owner: null,
  };
  const taken: string[] = [];
  const told: string[] = [];
  const trouble = new TroubleLog(logger, 'the queue');
  const tickets = new TicketWorker(
    'm',
    redis,
    {
      ticket: (entry) => {
        taken.push(entry.job);
        return Promise.resolve();
      },
      partial: () => Promise.resolve(),
      hasRoom: () => true,
    },
    {
      onFetch: () => {
        trouble.over();
      },
      onStalled: () => undefined,
      onError: (error) => {
        trouble.met(error);
      },
    },
  );
  const webhooks = new WebhookWorker(
    redis,
    4,
    (id) => {
      told.push(id);
      return Promise.resolve(null);
    },
    new TroubleLog(logger, 'the queue of webhooks'),
  );
  await admin.replicaof('127.0.0.1', '1');
  const before = process.cpuUsage();
  await pause(DEMOTED_MS);
  const used = process.cpuUsage(before);
  await admin.replicaof('NO', 'ONE');
  await jobs.create(job);
  await jobs.addChunk(
    job,
    {
      index: 0,
      channel: 0,
      samples: 160,
      spans: [{ chunkMs: 0, startMs: 0, durationMs: 10 }],
      speech: [],
      overlapMs: 0,
    },
    new Uint8Array(320),
  );
  const webhookQueue = new WebhookQueue(admin);
  await webhookQueue.add('failover');
  while (taken.length === 0 || told.length === 0) await pause(10);
  assert.deepEqual([taken, told], [['failover'], ['failover']]);
  assert.ok(lines.length <= MOST_LINES, `${String(lines.length)} lines: ${lines.slice(0, 5).join('')}`);
  assert.ok((used.user + used.system) / 1_000 < DEMOTED_MS / 2, 'the workers spin');
  await tickets.close();
  await webhooks.close();
  await webhookQueue.close();
  await queues.close();
  audio.close();
  redis.disconnect();
});
