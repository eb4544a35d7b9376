import type { LiveEvent } from '@murmuration/contracts';
import { backendUnavailable, type LiveEvents } from '@murmuration/store';

/** How long a Redis that is away is waited for, milliseconds. */
const PATIENCE_MS = 30_000;
const AGAIN_AFTER_MS = 200;

/** A session's events after `afterId`; a Redis that is away for a while is waited for. Throws `backend_unavailable` when it stays away. */
export async function* followLiveEvents(
  events: LiveEvents,
  session: string,
  afterId: string,
  signal: AbortSignal,
): AsyncGenerator<LiveEvent, void, void> {
  let last = afterId;
  let downSinceMs: number | null = null;
  while (!signal.aborted) {
    try {
      for await (const event of events.follow(session, last, signal)) {
        downSinceMs = null;
        last = event.id;
        yield event;
      }
      return;
    } catch (error) {
      downSinceMs ??= performance.now();
      if (performance.now() - downSinceMs > PATIENCE_MS) throw backendUnavailable(error);
      await new Promise((resolve) => {
        setTimeout(resolve, AGAIN_AFTER_MS);
      });
    }
  }
}
