import type { WebSocket } from '@fastify/websocket';
import { reachOf, type Principal } from '@murmuration/access';
import { AsrError, errorMessage } from '@murmuration/contracts';
import { CLOSE, closeCodeOf } from '../../sockets/close-code.js';
import { Outgoing } from '../../sockets/outgoing.js';
import type { RelayContext } from '../../relay-context.js';
import { forwardEvents } from './forward-events.js';

const STALL_MS = 30_000;

/** Shows a session to a viewer, from the event after `afterId` or, null, from now, until the session closes (1000), the viewer goes or the relay stops (`going_away`, 1012). */
export async function showSession(socket: WebSocket, id: string, principal: Principal, afterId: string | null, context: Pick<RelayContext, 'live' | 'draining' | 'logger'>): Promise<void> {
  const over = new AbortController();
  const outgoing = new Outgoing(socket, STALL_MS);
  const goAway = (): void => {
    outgoing.post({ type: 'going_away', message: 'This relay stops. Connect again with last_event_id.' });
    socket.close(CLOSE.restart, 'going_away');
    over.abort();
  };
  socket.on('close', () => { over.abort(); });
  context.draining.addEventListener('abort', goAway);
  try {
    const { news } = await context.live.watch(id, reachOf(principal), afterId, over.signal);
    if (await forwardEvents(news, outgoing, () => undefined) !== null) socket.close(CLOSE.done, 'closed');
  } catch (thrown) {
    const error = AsrError.from(thrown);
    if (error.kind.http === 500) context.logger.error({ err: error.cause ?? error, code: error.code }, 'a viewer failed');
    outgoing.post(errorMessage(error));
    socket.close(closeCodeOf(error), error.code);
  } finally {
    context.draining.removeEventListener('abort', goAway);
  }
}
