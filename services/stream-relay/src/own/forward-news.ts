import { liveEvent, type LiveNews } from '@murmuration/contracts';
import type { Outgoing } from '../door/outgoing.js';

/** Sends news as they come; partials are left out while the reader lags. Answers true after `closed`, false when the news ended before. Throws what `Outgoing.send` and the news throw. */
export async function forwardNews(news: AsyncIterable<LiveNews>, outgoing: Outgoing, beforeClosed: () => void): Promise<boolean> {
  for await (const one of news) {
    const event = liveEvent(one);
    if (event === null) continue;
    if (event.type === 'partial') {
      outgoing.offer(event);
      continue;
    }
    if (event.type === 'closed') beforeClosed();
    await outgoing.send(event);
    if (event.type === 'closed') return true;
  }
  return false;
}
