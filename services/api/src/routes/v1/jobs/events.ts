import { z } from 'zod';
import type { FastifyInstance } from 'fastify';
import { reachOf } from '@murmuration/access';
import { isFinal, type JobEvent } from '@murmuration/contracts';
import type { ApiContext } from '../../../api-context.js';
import { errorResponses } from '../../../replies/error-responses.js';
import { replyWithEvents } from '../../../replies/event-reply.js';
import { jobIdFrom, eventJson } from '../../../replies/job-json.js';
import { EVENTS, unvalidated } from '../../../upload/upload-route.js';
import { jobParamsSchema } from './jobs.js';

const FROM_THE_FIRST = '0';

const querySchema = z.object({
  last_event_id: z
    .string()
    .optional()
    .describe('In place of the header `Last-Event-ID`, for clients that cannot send it.'),
});

/** `GET /v1/jobs/:id/events`. */
export function jobEventsRoute(app: FastifyInstance, context: ApiContext): void {
  app.get<{ Params: { id: string } }>(
    '/v1/jobs/:id/events',
    {
      config: { access: ['read', 'jobs'] },
      schema: {
        summary: 'What happens to a job',
        tags: ['jobs'],
        params: jobParamsSchema,
        querystring: querySchema,
        description:
          'Server-sent events from the first on, or from after `Last-Event-ID`: `segment` as soon as it and all before it are final, `progress`, `accepted`, and as the last one `done`, `failed` or `cancelled`. A client that was cut off continues without loss or repetition, on any node. 204 when nothing comes after the id: an EventSource then stops asking.',
        response: {
          200: EVENTS,
          204: z.null().describe('Nothing more will come.'),
          ...errorResponses(['invalid_field', 'not_found', 'result_expired', 'backend_unavailable', 'shutting_down']),
        },
      },
      validatorCompiler: unvalidated,
    },
    (request, reply) =>
      replyWithEvents(context, request, reply, async (afterId, signal) => {
        const id = jobIdFrom(request.params.id);
        const whose = reachOf(request.principal);
        const job = await context.jobs.get(id, whose);
        return {
          events: eventsOf(id, await context.jobs.follow(id, whose, afterId ?? FROM_THE_FIRST, signal)),
          hasEnded: isFinal(job.status),
        };
      }),
  );
}

async function* eventsOf(id: string, events: AsyncIterable<JobEvent>) {
  for await (const one of events) yield { name: one.type, data: eventJson(id, one), id: one.id };
}
