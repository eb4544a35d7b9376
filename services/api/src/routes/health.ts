import { z } from 'zod';
import type { FastifyInstance } from 'fastify';
import { AsrError, type ModelCard } from '@murmuration/contracts';
import type { ClusterStatus } from '@murmuration/transcribe';
import type { ApiContext } from '../api-context.js';

const statusSchema = z.enum(['pass', 'warn', 'fail']);
const partSchema = z.object({ status: statusSchema, detail: z.string().describe('A sentence for an operator.') });
const healthSchema = z
  .object({
    status: statusSchema.describe('`pass`: a request sent now would be served.'),
    redis: partSchema,
    workers: partSchema.extend({ count: z.number().int(), draining: z.number().int() }),
    queue: partSchema.extend({ waiting: z.number().int(), active: z.number().int() }),
    model: partSchema.extend({ id: z.string().nullable() }),
  })
  .meta({ id: 'Health' });

type Health = z.output<typeof healthSchema>;
type Status = z.output<typeof statusSchema>;

/** Redis that does not answer for this long is down. */
const ANSWER_MS = 2_000;
const DOWN: ClusterStatus = { redis: 'down', workers: [], models: [], asleep: [], queues: {}, redisConcerns: [] };

/** `GET /health`: 200, or 503 with the reason when a request sent now would not be served. */
export function healthRoute(app: FastifyInstance, context: ApiContext): void {
  const answer = { description: 'State of the parts.', content: { 'application/json': { schema: healthSchema } } };
  app.get(
    '/health',
    {
      config: { access: 'public' },
      schema: {
        summary: 'Whether a request sent now would be served',
        tags: ['operations'],
        response: { 200: answer, 503: answer },
      },
    },
    async (_request, reply) => {
      const health = await healthOf(context);
      return reply
        .code(health.status === 'fail' ? 503 : 200)
        .header('cache-control', 'no-store')
        .send(health);
    },
  );
}

async function healthOf(context: ApiContext): Promise<Health> {
  const status = await inTime(context.service.status(), DOWN);
  const card =
    status.redis === 'down'
      ? null
      : await inTime(
          context.service.resolveModel(null).catch((error: unknown) => reasonOf(error)),
          'Redis does not answer.',
        );
  const parts = { redis: redisPart(status), ...modelParts(status, card), queue: queuePart(status) };
  const worst = worstOf([parts.redis.status, parts.workers.status, parts.queue.status, parts.model.status]);
  if (!context.stopping()) return { status: worst, ...parts };
  return { status: 'fail', ...parts, workers: { ...parts.workers, status: 'fail', detail: 'This node is stopping.' } };
}

function redisPart(status: ClusterStatus): Health['redis'] {
  if (status.redis === 'down') return { status: 'fail', detail: 'Redis does not answer.' };
  return status.redisConcerns.length === 0
    ? { status: 'pass', detail: 'Redis answers.' }
    : { status: 'warn', detail: status.redisConcerns.join(' ') };
}

function queuePart(status: ClusterStatus): Health['queue'] {
  const counts = Object.values(status.queues);
  const waiting = counts.reduce((sum, queue) => sum + queue.waiting, 0);
  const active = counts.reduce((sum, queue) => sum + queue.active, 0);
  return status.redis === 'up'
    ? { status: 'pass', detail: `${String(waiting)} chunks wait, ${String(active)} are worked on.`, waiting, active }
    : { status: 'fail', detail: 'The queue is in Redis, which does not answer.', waiting, active };
}

/** @param card of the default model, the reason why there is none, or null when Redis does not answer */
function modelParts(status: ClusterStatus, card: ModelCard | string | null): Pick<Health, 'workers' | 'model'> {
  const count = status.workers.length;
  const draining = status.workers.filter((worker) => worker.draining).length;
  if (card === null || typeof card === 'string') {
    const detail = card ?? 'Not known while Redis does not answer.';
    return { workers: { status: 'fail', detail, count, draining }, model: { status: 'fail', detail, id: null } };
  }
  const { id } = card.model;
  const serving = status.workers.filter((worker) => worker.model.id === id && !worker.draining).length;
  const unserved = status.models.filter(
    (model) =>
      !status.workers.some((worker) => worker.model.id === model.model.id && !worker.draining) &&
      model.model.id !== id &&
      !status.asleep.includes(model.model.id),
  );
  if (serving === 0 && status.asleep.includes(id)) {
    const detail = `${id} sleeps: the first request wakes a worker and waits for it.`;
    return { workers: { status: 'pass', detail, count, draining }, model: { status: 'pass', detail, id } };
  }
  if (serving === 0) {
    const detail = `No worker serves ${id}. Start one: requests wait for a while, then end with no_worker.`;
    return { workers: { status: 'fail', detail, count, draining }, model: { status: 'fail', detail, id } };
  }
  const workers = { status: 'pass' as const, detail: `${String(serving)} serve the default model.`, count, draining };
  if (unserved.length > 0)
    return {
      workers,
      model: {
        status: 'warn',
        detail: `${id} is served; no worker serves ${unserved.map((model) => model.model.id).join(', ')}.`,
        id,
      },
    };
  return { workers, model: { status: 'pass', detail: `${id} is served.`, id } };
}

function worstOf(all: readonly Status[]): Status {
  return all.includes('fail') ? 'fail' : all.includes('warn') ? 'warn' : 'pass';
}

function reasonOf(error: unknown): string {
  return error instanceof AsrError ? error.message : 'The model cannot be found out.';
}

async function inTime<T>(work: Promise<T>, otherwise: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(() => {
      resolve(otherwise);
    }, ANSWER_MS);
  });
  try {
    return await Promise.race([work, late]);
  } catch {
    return otherwise;
  } finally {
    clearTimeout(timer);
  }
}
