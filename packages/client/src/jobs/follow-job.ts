import { backoffMs, path, pause } from '../http/exchange.js';
import type { ServerEvent } from '../http/read-events.js';
import type { Requester } from '../http/requester.js';
import { MurmurationError } from '../murmuration-error.js';
import type { Segment } from '../transcribe/transcript-types.js';
import type { FollowOptions, JobEvent } from './job-types.js';

/** Connections in a row that brought no event before it is given up. With the pauses between, a server may be away for about a minute. */
const MOST_FRUITLESS = 10;
/** Between two looks for a job that is only about to be sent. */
const APPEARS_POLL_MS = 250;

/**
 * Events of a job, each once and in order, up to its last. A connection that ends before it is made again from the event that
 * came last: by whatever node answers, for events are numbered in the store. Throws `MurmurationError`, or the reason of the caller's signal.
 */
export async function* followJob(
  requester: Requester,
  id: string,
  options: FollowOptions,
  silenceMs: number,
): AsyncGenerator<JobEvent, void> {
  const { signal } = options;
  const untilMs = performance.now() + (options.appearsWithinMs ?? 0);
  let last = options.lastEventId;
  let fruitless = 0;
  for (;;) {
    let fault: MurmurationError;
    try {
      const call = {
        method: 'GET',
        path: `${path('v1', 'jobs', id)}/events`,
        signal,
        retry: 'always',
        headers: { accept: 'text/event-stream', ...(last === undefined ? {} : { 'last-event-id': last }) },
      } as const;
      const events = await requester.openEvents(call, silenceMs);
      // The caller had seen the last one.
      if (events === null) return;
      for await (const event of events) {
        if (event.id === '') continue;
        last = event.id;
        fruitless = 0;
        const told = jobEvent(event);
        if (told !== null) yield told;
        if (told !== null && isLast(told)) return;
      }
      fault = new MurmurationError('unreachable', 'the server ended the events before the job had ended');
    } catch (error) {
      if (!(error instanceof MurmurationError)) throw error;
      fault = error;
    }
    if (fault.status === 404 && last === undefined && performance.now() < untilMs) {
      await pause(APPEARS_POLL_MS, signal);
      continue;
    }
    // The requester has tried again by itself whatever has a status.
    if (fault.status !== null || ++fruitless >= MOST_FRUITLESS) throw fault;
    await pause(backoffMs(requester.backoff, fruitless - 1), signal);
  }
}

function isLast(event: JobEvent): boolean {
  return event.type === 'done' || event.type === 'failed' || event.type === 'cancelled';
}

/** Null for events that a newer server has and this library does not know. */
function jobEvent({ type, id: eventId, data }: ServerEvent): JobEvent | null {
  switch (type) {
    case 'accepted':
      return { eventId, type };
    case 'progress':
      return { eventId, type, ...(JSON.parse(data) as { done_seconds: number; planned_seconds: number }) };
    case 'segment':
      return { eventId, type, segment: JSON.parse(data) as Segment };
    case 'done':
      return { eventId, type };
    case 'failed':
      return { eventId, type, error: (JSON.parse(data) as { error: { code: string; message: string } }).error };
    case 'cancelled':
      return { eventId, type };
    default:
      return null;
  }
}
