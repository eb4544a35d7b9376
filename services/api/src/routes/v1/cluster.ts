import { z } from 'zod';
import type { FastifyInstance } from 'fastify';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import type { ModelCard } from '@murmuration/contracts';
import type { ApiContext, Gpu } from '../../api-context.js';
import { errorResponses } from '../../replies/error-responses.js';

/** A worker, as clients are told of it. */
export const workerSchema = z.object({
  id: z.string(),
  model: z.string(),
  device: z.string(),
  gpu: z.string().nullable(),
  sessions: z.number().int(),
  max_batch: z.number().int(),
  speed: z.number().describe('Audio seconds a second, as measured while it warmed up.'),
  draining: z.boolean(),
});

export function workerJson(card: ModelCard): z.output<typeof workerSchema> {
  return {
    id: card.workerId,
    model: card.model.id,
    device: card.device,
    gpu: card.gpu?.name ?? null,
    sessions: card.sessions,
    max_batch: card.maxBatch,
    speed: card.speed,
    draining: card.draining,
  };
}

/** GPUs of the machine that answers. */
export const gpusSchema = z
  .array(
    z.object({
      name: z.string(),
      memory_mib: z.number().nullable(),
      memory_used_mib: z.number().nullable(),
      utilization_percent: z.number().nullable(),
      temperature_c: z.number().nullable(),
      /** Drawn now, watts. */
      power_w: z.number().nullable(),
    }),
  )
  .describe('GPUs of the machine that answers.');

export function gpuJson(gpu: Gpu): z.output<typeof gpusSchema>[number] {
  return {
    name: gpu.name,
    memory_mib: gpu.memoryMiB,
    memory_used_mib: gpu.memoryUsedMiB,
    utilization_percent: gpu.utilizationPercent,
    temperature_c: gpu.temperatureC,
    power_w: gpu.powerW,
  };
}

const clusterSchema = z
  .object({
    at: z.iso.datetime(),
    redis: z.object({
      status: z.enum(['up', 'down']),
      concerns: z.array(z.string()).describe('Sentences for an operator.'),
    }),
    workers: z.array(
      workerSchema.extend({
        recent_speed: z
          .number()
          .nullable()
          .describe('Audio seconds a second over its last busy minute; null when it had nothing to do.'),
        memory_bytes: z.number(),
        started_at: z.iso.datetime(),
      }),
    ),
    backlog: z
      .array(
        z.object({
          model: z.string(),
          audio_seconds: z.number().describe('Audio of recordings that waits or is in work.'),
          waiting: z.number().int().describe('Entries of the queue.'),
          active: z.number().int(),
        }),
      )
      .describe('By model, of the whole cluster.'),
    live: z.object({ sessions: z.number().int(), longest_lag_ms: z.number() }),
    answers: z
      .array(z.object({ route: z.string(), count: z.number().int(), p50_ms: z.number(), p95_ms: z.number() }))
      .describe('How long this node took for its answers of the last 15 minutes, by route.'),
    gpus: gpusSchema,
  })
  .meta({ id: 'Cluster' });

/** `GET /v1/cluster`: workers, backlog, live sessions and answer times at this moment, for administrators; the console draws them over time. */
export function clusterRoute(app: FastifyInstance, context: ApiContext): void {
  app.get(
    '/v1/cluster',
    {
      config: { access: ['admin'] },
      schema: {
        summary: 'Figures of the cluster at this moment',
        tags: ['operations'],
        response: {
          200: { description: 'The figures.', content: { 'application/json': { schema: clusterSchema } } },
          ...errorResponses([]),
        },
      },
    },
    async (): Promise<z.output<typeof clusterSchema>> => {
      const [status, backlog, live, gpus] = await Promise.all([
        context.service.status(),
        // Redis that is away is told by `redis`, not by a refusal.
        context.backlog().catch(leaveAlone('shown_without', [])),
        context.live.list('everybody').catch(leaveAlone('shown_without', [])),
        context.gpus(),
      ]);
      return {
        at: new Date().toISOString(),
        redis: { status: status.redis, concerns: [...status.redisConcerns] },
        workers: status.workers.map((card) => ({
          ...workerJson(card),
          recent_speed: card.recentSpeed ?? null,
          memory_bytes: card.memoryBytes,
          started_at: new Date(card.startedAtMs).toISOString(),
        })),
        backlog: backlog.map(({ slug, audioSeconds, waiting, active }) => ({
          model: slug,
          audio_seconds: audioSeconds,
          waiting,
          active,
        })),
        live: { sessions: live.length, longest_lag_ms: Math.max(0, ...live.map(({ lagMs }) => lagMs)) },
        answers: context.answers.times().map(({ route, count, p50Ms, p95Ms }) => ({
          route,
          count,
          p50_ms: p50Ms,
          p95_ms: p95Ms,
        })),
        gpus: gpus.map(gpuJson),
      };
    },
  );
}
