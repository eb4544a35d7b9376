import type { FastifyReply, FastifyRequest } from 'fastify';
import { AsrError } from '@murmuration/contracts';
import { EventStream, logFault, toAsrError } from '@murmuration/service';
import type { ApiContext } from '../api-context.js';
import { clientGone } from '../upload/client-connection.js';

const EVENT_ID = /^\d{1,16}(?:-\d{1,16})?$/;

interface FollowedEvent {
  readonly name: string;
  readonly data: object;
  readonly id: string;
}

interface Followed {
  readonly events: AsyncIterable<FollowedEvent>;
  /** True when there may be nothing more to tell: then the stream opens with the first event only. */
  readonly hasEnded: boolean;
}

/**
 * Answers with server-sent events until they end, the client leaves or the node stops; 204 where there are none. A client continues with `Last-Event-ID` on any node.
 * @param follow opens the events after an id, or where the client names none
 */
export async function replyWithEvents(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  follow: (afterId: string | null, signal: AbortSignal) => Promise<Followed>,
): Promise<FastifyReply> {
  if (context.stopping()) throw new AsrError('shutting_down');
  const afterId = lastEventId(request);
  const gone = clientGone(reply.raw);
  const { events, hasEnded } = await follow(afterId, AbortSignal.any([gone, context.leaving]));
  const stream = new EventStream(reply, {
    heartbeatMs: context.config.SSE_HEARTBEAT_MS,
    stallTimeoutMs: context.config.SSE_STALL_TIMEOUT_MS,
  });
  if (!hasEnded) stream.open();
  try {
    for await (const { name, data, id } of events) await stream.send(name, data, id);
  } catch (thrown) {
    if (!stream.begun) throw thrown;
    const error = toAsrError(thrown);
    if (error.code !== 'cancelled' && !gone.aborted) {
      logFault(request, error);
      stream.close(`${error.code}; continue with Last-Event-ID`);
    }
  }
  if (context.leaving.aborted) stream.close('this node stops; continue elsewhere with Last-Event-ID');
  stream.end();
  return stream.begun ? reply : reply.code(204).send();
}

/** The header counts before the parameter: a browser that reconnects by itself sends the newer id there. Null when there is neither. */
function lastEventId(request: FastifyRequest): string | null {
  const { last_event_id: parameter } = request.query as { last_event_id?: unknown };
  const header = request.headers['last-event-id'];
  const given = header ?? parameter;
  if (given === undefined || given === '') return null;
  if (typeof given !== 'string' || !EVENT_ID.test(given))
    throw new AsrError('invalid_field', 'Last-Event-ID: not an id of an event.', {
      param: header === undefined ? 'last_event_id' : 'Last-Event-ID',
    });
  return given;
}
