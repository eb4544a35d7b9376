import type { WebSocket } from '@fastify/websocket';
import { reachOf, type Principal } from '@murmuration/access';
import { AsrError, errorMessage, liveMessage, type LiveEvent } from '@murmuration/contracts';
import type { RelayContext } from '../../relay-context.js';
import { CLOSE, closeCodeOf, Outgoing } from '../../sockets/message-socket.js';

const STALL_MS = 30_000;

/** Shows a session to a viewer, from the event after `afterId` or, null, from now, until the session closes (1000), the viewer goes or the relay stops (`going_away`, 1012). */
export async function showSession(
  socket: WebSocket,
  id: string,
  principal: Principal,
  afterId: string | null,
  context: Pick<RelayContext, 'live' | 'draining' | 'logger'>,
): Promise<void> {
  const over = new AbortController();
  const outgoing = new Outgoing(socket, STALL_MS);
  const goAway = (): void => {
    outgoing.post({ type: 'going_away', message: 'This relay stops. Connect again with last_event_id.' });
    socket.close(CLOSE.restart, 'going_away');
    over.abort();
  };
  socket.on('close', () => {
    over.abort();
  });
  context.draining.addEventListener('abort', goAway);
  try {
    const { events } = await context.live.watch(id, reachOf(principal), afterId, over.signal);
    await forwardEvents(events, outgoing, () => undefined);
    if (!over.signal.aborted) socket.close(CLOSE.done, 'closed');
  } catch (thrown) {
    const error = AsrError.from(thrown);
    if (error.kind.http === 500)
      context.logger.error({ err: error.cause ?? error, code: error.code }, 'a viewer failed');
    outgoing.post(errorMessage(error));
    socket.close(closeCodeOf(error), error.code);
  } finally {
    context.draining.removeEventListener('abort', goAway);
  }
}

/**
 * Sends events as they come; partials are left out while the reader lags. Answers the close code that goes with the session's end (1000, or that of
 * the error it failed by), null when the events ended before. Throws what `Outgoing.send` and the stream of events throw.
 */
export async function forwardEvents(
  events: AsyncIterable<LiveEvent>,
  outgoing: Outgoing,
  beforeClosed: () => void,
): Promise<number | null> {
  let code: number = CLOSE.fault;
  for await (const one of events) {
    const event = liveMessage(one);
    if (event === null) continue;
    if (event.type === 'partial') {
      outgoing.offer(event);
      continue;
    }
    if (event.type === 'closed') beforeClosed();
    await outgoing.send(event);
    if (one.type === 'error') code = closeCodeOf(AsrError.fromRecord(one.error));
    if (one.type === 'closed') return one.totals.end === 'failed' ? code : CLOSE.done;
  }
  return null;
}
