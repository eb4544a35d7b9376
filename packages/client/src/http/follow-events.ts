import { MurmurationError } from '../murmuration-error.js';
import { backoffMs, pause } from './exchange.js';
import type { Requester, ServerEvent } from './requester.js';

/** Connections in a row that brought no event before it is given up. With the pauses between, a server may be away for about a minute. */
const MOST_FRUITLESS = 10;
/** Between two looks for something that is only about to be there. */
const APPEARS_POLL_MS = 250;

export interface FollowedEvents<T> {
  readonly requester: Requester;
  /** Path of the event stream. */
  readonly path: string;
  /** Go on after this event; default from the beginning. */
  readonly lastEventId: string | undefined;
  /** It may be unknown to the server for so long, milliseconds. */
  readonly appearsWithinMs: number;
  /** How long the server may say nothing before a connection is taken for dead. */
  readonly silenceMs: number;
  readonly signal: AbortSignal | undefined;
  /** Null for events that a newer server has and this library does not know. */
  readonly read: (event: ServerEvent) => T | null;
  readonly isLast: (event: T) => boolean;
}

/**
 * Events of a numbered stream, each once and in order, up to its last. A connection that ends before it is made again from the event
 * that came last: by whatever node answers, for events are numbered in the store. Throws `MurmurationError`, or the reason of the caller's signal.
 */
export async function* followEvents<T>(followed: FollowedEvents<T>): AsyncGenerator<T, void> {
  const { requester, signal } = followed;
  const untilMs = performance.now() + followed.appearsWithinMs;
  let last = followed.lastEventId;
  let fruitless = 0;
  for (;;) {
    let fault: MurmurationError;
    try {
      const call = {
        method: 'GET',
        path: followed.path,
        signal,
        retry: 'always',
        headers: { accept: 'text/event-stream', ...(last === undefined ? {} : { 'last-event-id': last }) },
      } as const;
      const events = await requester.openEvents(call, followed.silenceMs);
      // The caller had seen the last one.
      if (events === null) return;
      for await (const event of events) {
        if (event.id === '') continue;
        last = event.id;
        fruitless = 0;
        const told = followed.read(event);
        if (told !== null) yield told;
        if (told !== null && followed.isLast(told)) return;
      }
      fault = new MurmurationError('unreachable', 'the server ended the events before the last one came');
    } catch (error) {
      if (!(error instanceof MurmurationError)) throw error;
      fault = error;
    }
    if (fault.status === 404 && last === followed.lastEventId && performance.now() < untilMs) {
      await pause(APPEARS_POLL_MS, signal);
      continue;
    }
    // The requester has tried again by itself whatever has a status.
    if (fault.status !== null || ++fruitless >= MOST_FRUITLESS) throw fault;
    await pause(backoffMs(requester.backoff, fruitless - 1), signal);
  }
}
