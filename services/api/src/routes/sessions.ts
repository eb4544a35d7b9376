import { z } from 'zod';
import type { FastifyInstance } from 'fastify';
import { reachOf } from '@murmuration/access';
import { jobStateSchema, laneSchema } from '@murmuration/contracts';
import type { Door } from '../door.js';
import { errorResponses } from '../replies/error-responses.js';

const sessionsSchema = z.object({
  sessions: z.array(z.object({
    id: z.string(), state: jobStateSchema, lane: laneSchema, model: z.string(), started_at: z.iso.datetime(),
    chunks_planned: z.number().int(), chunks_done: z.number().int(),
  })),
}).meta({ id: 'Sessions' });

/** `GET /sessions`: what is in progress in the whole cluster, as far as it belongs to the key; to an administrator everything. */
export function sessionsRoute(app: FastifyInstance, door: Door): void {
  app.get('/sessions', {
    config: { access: ['read'] },
    schema: { summary: 'Work in progress', tags: ['operations'], response: { 200: { description: 'Jobs in progress.', content: { 'application/json': { schema: sessionsSchema } } }, ...errorResponses(['backend_unavailable']) } },
  }, async (request): Promise<z.output<typeof sessionsSchema>> => {
    const jobs = await door.service.activeJobs(reachOf(request.principal));
    return {
      sessions: jobs.map((job) => ({
        id: job.id, state: job.state, lane: job.lane, model: job.model, started_at: new Date(job.startedAtMs).toISOString(), chunks_planned: job.chunksPlanned, chunks_done: job.chunksDone,
      })),
    };
  });
}
