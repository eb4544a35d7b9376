import { z } from 'zod';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { reachOf } from '@murmuration/access';
import { AsrError, liveEvent } from '@murmuration/contracts';
import { EventStream, logFault, toAsrError } from '@murmuration/service';
import type { ApiContext } from '../../api-context.js';
import { errorResponses } from '../../replies/error-responses.js';
import { clientGone } from '../../upload/client-gone.js';
import { EVENTS } from '../../upload/upload-schema.js';
import { unvalidated } from '../../upload/upload-route.js';

const EVENT_ID = /^\d{1,16}(?:-\d{1,16})?$/;

const querySchema = z.object({ last_event_id: z.string().optional().describe('In place of the header `Last-Event-ID`, for clients that cannot send it; 0 for everything from the session\'s start.') });

/** `GET /v1/sessions/:id/events`: a live session as server-sent events, for any number of viewers, on any node. */
export function sessionEventsRoute(app: FastifyInstance, door: ApiContext): void {
  app.get<{ Params: { id: string } }>('/v1/sessions/:id/events', {
    config: { access: ['read'] },
    schema: {
      summary: 'What happens in a live session', tags: ['live'], params: z.object({ id: z.string().describe('The session\'s id, from `ready` or `GET /sessions`.') }), querystring: querySchema,
      description: 'Server-sent events from now on, or from after `Last-Event-ID`: `speech_started`, `partial`, `final`, `warning`, `error`, and `closed` as the last one; their data are the messages of the live protocol (docs/live.md). A viewer that was cut off continues without loss, on any node. 204 when nothing comes after the id: an EventSource then stops asking.',
      response: { 200: EVENTS, 204: z.null().describe('Nothing more will come.'), ...errorResponses(['invalid_field', 'not_found', 'backend_unavailable', 'shutting_down']) },
    },
    validatorCompiler: unvalidated,
  }, async (request, reply) => follow(door, request, reply));
}

async function follow(door: ApiContext, request: FastifyRequest<{ Params: { id: string } }>, reply: FastifyReply): Promise<FastifyReply> {
  if (door.stopping()) throw new AsrError('shutting_down', undefined, { retryAfterSeconds: 1 });
  const afterId = lastEventId(request);
  const gone = clientGone(reply.raw);
  const { news, isClosed } = await door.live.watch(request.params.id, reachOf(request.principal), afterId, AbortSignal.any([gone, door.leaving]));
  const stream = new EventStream(reply, { heartbeatMs: door.config.SSE_HEARTBEAT_MS, stallTimeoutMs: door.config.SSE_STALL_TIMEOUT_MS });
  // Who watches from now on may wait long; of a session that has ended there may be nothing more to tell.
  if (!isClosed) stream.open();
  try {
    for await (const one of news) {
      const event = liveEvent(one);
      if (event !== null) await stream.send(event.type, event, one.id);
    }
  } catch (thrown) {
    if (!stream.begun) throw thrown;
    const error = toAsrError(thrown);
    if (error.code !== 'cancelled' && !gone.aborted) {
      logFault(request, error);
      stream.close(`${error.code}; continue with Last-Event-ID`);
    }
  }
  if (door.leaving.aborted) stream.close('this node stops; continue elsewhere with Last-Event-ID');
  stream.end();
  return stream.begun ? reply : reply.code(204).send();
}

/** Null: from now. The header counts before the parameter: a browser that comes back by itself sends the newer id there. */
function lastEventId(request: FastifyRequest): string | null {
  const { last_event_id: parameter } = request.query as { last_event_id?: unknown };
  const header = request.headers['last-event-id'];
  const given = header ?? parameter;
  if (given === undefined || given === '') return null;
  if (typeof given !== 'string' || !EVENT_ID.test(given)) throw new AsrError('invalid_field', 'Last-Event-ID: not an id of an event.', { param: header === undefined ? 'last_event_id' : 'Last-Event-ID' });
  return given;
}
