import { AsrError, liveEvent, type LiveNews } from '@murmuration/contracts';
import { CLOSE, closeCodeOf } from '../../sockets/close-code.js';
import type { Outgoing } from '../../sockets/outgoing.js';

/**
 * Sends news as they come; partials are left out while the reader lags. Answers the close code that goes with the session's end (1000, or that of
 * the error it failed by), null when the news ended before. Throws what `Outgoing.send` and the news throw.
 */
export async function forwardEvents(news: AsyncIterable<LiveNews>, outgoing: Outgoing, beforeClosed: () => void): Promise<number | null> {
  let code: number = CLOSE.fault;
  for await (const one of news) {
    const event = liveEvent(one);
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
