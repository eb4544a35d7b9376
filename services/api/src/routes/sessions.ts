import { z } from 'zod';
import type { FastifyInstance } from 'fastify';
import { reachOf } from '@murmuration/access';
import { jobStateSchema, laneSchema, liveStateSchema, type LiveSummary } from '@murmuration/contracts';
import type { ActiveJob } from '@murmuration/transcribe';
import type { ApiContext } from '../api-context.js';
import { errorResponses } from '../replies/error-responses.js';

const jobSessionSchema = z.object({
  type: z.literal('job'),
  id: z.string(),
  state: jobStateSchema,
  lane: laneSchema,
  model: z.string(),
  started_at: z.iso.datetime(),
  chunks_planned: z.number().int(),
  chunks_done: z.number().int(),
});
const liveSessionSchema = z.object({
  type: z.literal('live'),
  id: z.string(),
  state: liveStateSchema,
  model: z.string(),
  started_at: z.iso.datetime(),
  relay: z.string().nullable().describe('The relay that owns it now.'),
  language: z.string().nullable(),
  audio_ms: z.number(),
  lag_ms: z.number().describe('Audio received and not yet final.'),
  utterances: z.number().int(),
});
const sessionsSchema = z
  .object({ sessions: z.array(z.discriminatedUnion('type', [jobSessionSchema, liveSessionSchema])) })
  .meta({ id: 'Sessions' });

/** `GET /sessions`: what is in progress in the whole cluster, recordings and live sessions, as far as it belongs to the key; to an administrator everything. */
export function sessionsRoute(app: FastifyInstance, context: ApiContext): void {
  app.get(
    '/sessions',
    {
      config: { access: ['read'] },
      schema: {
        summary: 'Work in progress',
        tags: ['operations'],
        response: {
          200: {
            description: 'Recordings and live sessions in progress.',
            content: { 'application/json': { schema: sessionsSchema } },
          },
          ...errorResponses(['backend_unavailable']),
        },
      },
    },
    async (request): Promise<z.output<typeof sessionsSchema>> => {
      const whose = reachOf(request.principal);
      const [jobs, live] = await Promise.all([context.service.activeJobs(whose), context.live.list(whose)]);
      return { sessions: [...jobs.map(jobSession), ...live.map(liveSession)] };
    },
  );
}

function jobSession(job: ActiveJob): z.output<typeof jobSessionSchema> {
  return {
    type: 'job',
    id: job.id,
    state: job.state,
    lane: job.lane,
    model: job.model,
    started_at: new Date(job.startedAtMs).toISOString(),
    chunks_planned: job.chunksPlanned,
    chunks_done: job.chunksDone,
  };
}

function liveSession(live: LiveSummary): z.output<typeof liveSessionSchema> {
  return {
    type: 'live',
    id: live.id,
    state: live.state,
    model: live.model,
    started_at: new Date(live.startedAtMs).toISOString(),
    relay: live.relay,
    language: live.language,
    audio_ms: live.audioMs,
    lag_ms: live.lagMs,
    utterances: live.utterances,
  };
}
