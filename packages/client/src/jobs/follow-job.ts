import { path } from '../http/exchange.js';
import { followEvents } from '../http/follow-events.js';
import type { ServerEvent } from '../http/read-events.js';
import type { Requester } from '../http/requester.js';
import type { Segment } from '../transcribe/transcript-types.js';
import type { FollowOptions, JobEvent } from './job-types.js';

/** Events of a job, each once and in order, up to its last. Throws `MurmurationError`, or the reason of the caller's signal. */
export function followJob(
  requester: Requester,
  id: string,
  options: FollowOptions,
  silenceMs: number,
): AsyncGenerator<JobEvent, void> {
  return followEvents({
    requester,
    path: `${path('v1', 'jobs', id)}/events`,
    lastEventId: options.lastEventId,
    appearsWithinMs: options.appearsWithinMs ?? 0,
    silenceMs,
    signal: options.signal,
    read: jobEvent,
    isLast: ({ type }) => type === 'done' || type === 'failed' || type === 'cancelled',
  });
}

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
