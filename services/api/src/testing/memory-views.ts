import type { Reach } from '@murmuration/access';
import { AsrError, type LiveEvent, type LiveSummary } from '@murmuration/contracts';
import type { LiveService, WatchedSession } from '@murmuration/transcribe';

/** Live sessions to look at that are as the test sets them; they do not change while one watches. */
export class MemoryViews implements Pick<LiveService, 'watch' | 'list' | 'erase'> {
  summaries: LiveSummary[] = [];
  /** By session id. */
  readonly events = new Map<string, { readonly owner: string | null; readonly events: readonly LiveEvent[] }>();

  watch(id: string, whose: Reach, afterId: string | null, signal: AbortSignal): Promise<WatchedSession> {
    const session = this.events.get(id);
    if (session === undefined || (whose !== 'everybody' && session.owner !== whose.owner))
      return Promise.reject(new AsrError('not_found'));
    const from = afterId === null ? session.events.length : Number.parseInt(afterId, 10);
    return Promise.resolve({
      isClosed: session.events.at(-1)?.type === 'closed',
      events: replay(session.events, from, signal),
    });
  }

  erase(id: string, whose: Reach): Promise<void> {
    const session = this.events.get(id);
    if (session === undefined || (whose !== 'everybody' && session.owner !== whose.owner))
      return Promise.reject(new AsrError('not_found'));
    this.events.delete(id);
    return Promise.resolve();
  }

  list(whose: Reach): Promise<readonly LiveSummary[]> {
    return Promise.resolve(this.summaries.filter((session) => whose === 'everybody' || session.owner === whose.owner));
  }
}

async function* replay(events: readonly LiveEvent[], from: number, signal: AbortSignal): AsyncGenerator<LiveEvent> {
  yield* events.slice(from);
  if (events.at(-1)?.type === 'closed') return;
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
}
