import { AsrError } from '@murmuration/contracts';
import { backendUnavailable, type JobEvents, type StreamedEvent } from '@murmuration/store';

/** How long a reader outlives a Redis that does not answer, milliseconds. */
const OUTAGE_MS = 2_000;
const AGAIN_AFTER_MS = 100;

/** A job's events from the first on; a Redis that is away for a moment is waited for. Throws `backend_unavailable`. */
export async function* followEvents(
  events: JobEvents,
  job: string,
  signal: AbortSignal,
): AsyncGenerator<StreamedEvent> {
  let last = '0';
  let downSinceMs: number | null = null;
  while (!signal.aborted) {
    try {
      for await (const event of events.follow(job, last, signal)) {
        downSinceMs = null;
        last = event.id;
        yield event;
      }
      return;
    } catch (error) {
      if (error instanceof AsrError) throw error;
      downSinceMs ??= performance.now();
      if (performance.now() - downSinceMs > OUTAGE_MS) throw backendUnavailable(error);
      await new Promise((resolve) => {
        setTimeout(resolve, AGAIN_AFTER_MS);
      });
    }
  }
}
