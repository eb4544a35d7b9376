import { z } from 'zod';
import type { FastifyInstance } from 'fastify';
import { reachOf } from '@murmuration/access';
import { liveMessage, type LiveEvent } from '@murmuration/contracts';
import type { ApiContext } from '../../api-context.js';
import { errorResponses } from '../../replies/error-responses.js';
import { replyWithEvents } from '../../replies/event-reply.js';
import { EVENTS, unvalidated } from '../../upload/upload-route.js';

const querySchema = z.object({
  last_event_id: z
    .string()
    .optional()
    .describe(
      "In place of the header `Last-Event-ID`, for clients that cannot send it; 0 for everything from the session's start.",
    ),
});

/** `GET /v1/sessions/:id/events`: a live session as server-sent events, for any number of viewers, on any node; `DELETE /v1/sessions/:id` deletes it. */
export function liveSessionRoutes(app: FastifyInstance, context: ApiContext): void {
  app.get<{ Params: { id: string } }>(
    '/v1/sessions/:id/events',
    {
      config: { access: ['read'] },
      schema: {
        summary: 'What happens in a live session',
        tags: ['live'],
        params: z.object({ id: z.string().describe("The session's id, from `ready` or `GET /sessions`.") }),
        querystring: querySchema,
        description:
          'Server-sent events from now on, or from after `Last-Event-ID`: `speech_started`, `partial`, `final`, `warning`, `error`, and `closed` as the last one; their data are the messages of the live protocol (docs/live.md). A viewer that was cut off continues without loss, on any node. 204 when nothing comes after the id: an EventSource then stops asking.',
        response: {
          200: EVENTS,
          204: z.null().describe('Nothing more will come.'),
          ...errorResponses(['invalid_field', 'not_found', 'backend_unavailable', 'shutting_down']),
        },
      },
      validatorCompiler: unvalidated,
    },
    (request, reply) =>
      replyWithEvents(context, request, reply, async (afterId, signal) => {
        const { events, isClosed } = await context.live.watch(
          request.params.id,
          reachOf(request.principal),
          afterId,
          signal,
        );
        return { events: eventsOf(events), hasEnded: isClosed };
      }),
  );

  app.delete<{ Params: { id: string } }>(
    '/v1/sessions/:id',
    {
      config: { access: ['transcribe', 'admin'] },
      schema: {
        summary: 'Delete a live session',
        description:
          'It closes at once, whoever is connected to it, and nothing of it stays: no audio, no text, no prompt. One that has closed already goes before its time.',
        tags: ['live'],
        params: z.object({ id: z.string().describe("The session's id, from `ready` or `GET /sessions`.") }),
        response: { 204: z.null().describe('It is deleted.'), ...errorResponses(['not_found', 'backend_unavailable']) },
      },
    },
    async (request, reply) => {
      await context.live.erase(request.params.id, reachOf(request.principal));
      return reply.code(204).send();
    },
  );
}

async function* eventsOf(events: AsyncIterable<LiveEvent>) {
  for await (const one of events) {
    const event = liveMessage(one);
    if (event !== null) yield { name: event.type, data: event, id: one.id };
  }
}
