import { z } from 'zod';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { reachOf } from '@murmuration/access';
import { AsrError, isFinal } from '@murmuration/contracts';
import { EventStream, logFault, toAsrError } from '@murmuration/service';
import type { ApiContext } from '../../../api-context.js';
import { errorResponses } from '../../../replies/error-responses.js';
import { jobIdFrom, newsJson } from '../../../replies/job-json.js';
import { clientGone } from '../../../upload/client-gone.js';
import { jobParamsSchema } from './jobs.js';
import { EVENTS } from '../../../upload/upload-schema.js';
import { unvalidated } from '../../../upload/upload-route.js';

const FROM_THE_FIRST = '0';
const EVENT_ID = /^\d{1,15}(?:-\d{1,15})?$/;

const querySchema = z.object({ last_event_id: z.string().optional().describe('In place of the header `Last-Event-ID`, for clients that cannot send it.') });

/** `GET /v1/jobs/:id/events`. */
export function jobEventsRoute(app: FastifyInstance, door: ApiContext): void {
  app.get<{ Params: { id: string } }>('/v1/jobs/:id/events', {
    config: { access: ['read', 'jobs'] },
    schema: {
      summary: 'What happens to a job', tags: ['jobs'], params: jobParamsSchema, querystring: querySchema,
      description: 'Server-sent events from the first on, or from after `Last-Event-ID`: `segment` as soon as it and all before it are final, `progress`, `accepted`, and as the last one `done`, `failed` or `cancelled`. A client that was cut off continues without loss or repetition, on any node. 204 when nothing comes after the id: an EventSource then stops asking.',
      response: { 200: EVENTS, 204: z.null().describe('Nothing more will come.'), ...errorResponses(['invalid_field', 'not_found', 'result_expired', 'backend_unavailable', 'shutting_down']) },
    },
    validatorCompiler: unvalidated,
  }, async (request, reply) => follow(door, request, reply));
}

async function follow(door: ApiContext, request: FastifyRequest<{ Params: { id: string } }>, reply: FastifyReply): Promise<FastifyReply> {
  if (door.stopping()) throw new AsrError('shutting_down', undefined, { retryAfterSeconds: 1 });
  const id = jobIdFrom(request.params.id);
  const whose = reachOf(request.principal);
  const afterId = lastEventId(request);
  const job = await door.jobs.get(id, whose);
  const gone = clientGone(reply.raw);
  const news = await door.jobs.follow(id, whose, afterId, AbortSignal.any([gone, door.leaving]));
  const stream = new EventStream(reply, { heartbeatMs: door.config.SSE_HEARTBEAT_MS, stallTimeoutMs: door.config.SSE_STALL_TIMEOUT_MS });
  // Of a job that has ended there may be nothing more to tell.
  if (!isFinal(job.status)) stream.open();
  try {
    for await (const one of news) await stream.send(one.type, newsJson(id, one), one.id);
  } catch (thrown) {
    if (!stream.begun) throw thrown;
    closeFor(request, stream, thrown, gone);
  }
  if (door.leaving.aborted) stream.close('this node stops; continue elsewhere with Last-Event-ID');
  stream.end();
  return stream.begun ? reply : reply.code(204).send();
}

function closeFor(request: FastifyRequest, stream: EventStream, thrown: unknown, gone: AbortSignal): void {
  const error = toAsrError(thrown);
  if (error.code === 'cancelled' || gone.aborted) return;
  logFault(request, error);
  stream.close(`${error.code}; continue with Last-Event-ID`);
}

/** The header counts before the parameter: a browser that comes back by itself sends the newer id there. */
function lastEventId(request: FastifyRequest): string {
  const { last_event_id: parameter } = request.query as { last_event_id?: unknown };
  const given = request.headers['last-event-id'] ?? parameter;
  if (given === undefined || given === '') return FROM_THE_FIRST;
  if (typeof given !== 'string' || !EVENT_ID.test(given)) throw new AsrError('invalid_field', 'Last-Event-ID: not an id of an event.', { param: request.headers['last-event-id'] === undefined ? 'last_event_id' : 'Last-Event-ID' });
  return given;
}
