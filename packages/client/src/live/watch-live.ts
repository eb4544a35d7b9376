import { path } from '../http/exchange.js';
import { followEvents } from '../http/follow-events.js';
import type { Requester, ServerEvent } from '../http/requester.js';
import type { LiveClosed, LiveError, LiveFinal, LivePartial, LiveSpeechStarted, LiveWarning } from './live-types.js';

/** What a viewer of a live session sees. */
export type WatchedEvent = LiveSpeechStarted | LivePartial | LiveFinal | LiveWarning | LiveError | LiveClosed;

export interface WatchOptions {
  /** Go on after this event; default from the session's start. */
  readonly lastEventId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

const TYPES: ReadonlySet<string> = new Set(['speech_started', 'partial', 'final', 'warning', 'error', 'closed']);

/** Events of a live session as its viewers see them, each once and in order, up to `closed`. */
export function watchLive(
  requester: Requester,
  id: string,
  options: WatchOptions,
  silenceMs: number,
): AsyncGenerator<WatchedEvent, void> {
  return followEvents({
    requester,
    path: `${path('v1', 'sessions', id)}/events`,
    lastEventId: options.lastEventId ?? '0',
    appearsWithinMs: 0,
    silenceMs,
    signal: options.signal,
    read: watchedEvent,
    isLast: ({ type }) => type === 'closed',
  });
}

function watchedEvent({ type, data }: ServerEvent): WatchedEvent | null {
  return TYPES.has(type) ? (JSON.parse(data) as WatchedEvent) : null;
}
