import { AsrError, type LiveEvent, type JobId, type SessionId } from '@murmuration/contracts';
import { backendUnavailable, type JobEvents, type LiveEvents, type StreamedEvent } from '@murmuration/store';

/** A reader of a job's events can ask again: it waits for Redis so long only, milliseconds. */
const JOB_OUTAGE_MS = 2_000;
/** A live session outlives an outage, and so do those who listen to it, milliseconds. */
const LIVE_OUTAGE_MS = 30_000;
const AGAIN_AFTER_MS = 100;

/** A job's events from the first on. Throws `backend_unavailable` when Redis is away for more than 2 s. */
export function followJobEvents(
  events: JobEvents,
  job: JobId,
  signal: AbortSignal,
): AsyncGenerator<StreamedEvent, void, void> {
  return followEvents((afterId) => events.follow(job, afterId, signal), '0', JOB_OUTAGE_MS, signal);
}

/** A session's events after `afterId`. Throws `backend_unavailable` when Redis is away for more than 30 s. */
export function followLiveEvents(
  events: LiveEvents,
  session: SessionId,
  afterId: string,
  signal: AbortSignal,
): AsyncGenerator<LiveEvent, void, void> {
  return followEvents((after) => events.follow(session, after, signal), afterId, LIVE_OUTAGE_MS, signal);
}

/** Events in their order, once each; reading goes on where it stopped after an outage. */
async function* followEvents<T extends { readonly id: string }>(
  follow: (afterId: string) => AsyncIterable<T>,
  afterId: string,
  outageMs: number,
  signal: AbortSignal,
): AsyncGenerator<T, void, void> {
  let last = afterId;
  let downSinceMs: number | null = null;
  while (!signal.aborted) {
    try {
      for await (const event of follow(last)) {
        downSinceMs = null;
        last = event.id;
        yield event;
      }
      return;
    } catch (error) {
      if (error instanceof AsrError) throw error;
      downSinceMs ??= performance.now();
      if (performance.now() - downSinceMs > outageMs) throw backendUnavailable(error);
      await new Promise((resolve) => {
        setTimeout(resolve, AGAIN_AFTER_MS);
      });
    }
  }
}
