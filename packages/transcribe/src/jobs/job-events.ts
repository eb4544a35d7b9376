import { isDeepStrictEqual } from 'node:util';
import type { JobEvent, Segment } from '@murmuration/contracts';
import { isEnd, type EventOutline, type StreamedEvent } from '@murmuration/store';
import { SegmentJoiner } from '@murmuration/transcript';

/**
 * What clients hear of a job, from its stream. Entry `n-1000000` gives events `n-1`, `n-2` …, the same on every node that reads the stream from its beginning.
 * @param afterId what came up to this id is left out; an id that is none counts as the beginning
 * A stream that ends without the job's end, though nobody gave up, is that of a job whose API node died before it was accepted: it counts as cancelled.
 * @param holdFromMs for `SegmentJoiner`, as the job's manifest has it
 * @param signal what the reader gives up by
 * @param stored all events of a finished job, or null: a stream that goes while it is read is continued by them
 */
export async function* jobEvents(
  entries: AsyncIterable<StreamedEvent>,
  afterId: string,
  holdFromMs: number,
  signal: AbortSignal,
  stored: () => Promise<readonly JobEvent[] | null>,
): AsyncGenerator<JobEvent> {
  const after = parseEventId(afterId);
  const joiner = new SegmentJoiner(holdFromMs);
  let segments = 0;
  let lastPlace = 0;
  for await (const entry of entries) {
    const [place] = parseEventId(entry.id);
    lastPlace = place;
    let sequence = 0;
    for (const event of eventsOf(entry, joiner)) {
      const id: EventId = [place, ++sequence];
      const index = event.type === 'segment' ? segments++ : 0;
      if (!isAfter(id, after)) continue;
      const named = { id: eventIdText(id) };
      yield event.type === 'segment' ? { ...named, ...event, index } : { ...named, ...event };
    }
    if (isEnd(entry)) return;
  }
  if (signal.aborted) return;
  const rest =
    (await stored())?.filter((event) =>
      isAfter(parseEventId(event.id), [Math.max(after[0], lastPlace), after[0] > lastPlace ? after[1] : Infinity]),
    ) ?? null;
  if (rest === null) yield { id: eventIdText([lastPlace + 1, 1]), type: 'cancelled' };
  else yield* rest;
}

/** Those of a finished job's events that come after an id. */
export async function* eventsAfter(all: readonly JobEvent[], afterId: string): AsyncGenerator<JobEvent> {
  const after = parseEventId(afterId);
  yield* eachOf(all.filter((event) => isAfter(parseEventId(event.id), after)));
}

/** The outline of a job that is about to be done: what `eventsOf` its stream tells, with `done` as the last. @param segments of its transcript */
export async function outlineOf(
  entries: readonly StreamedEvent[],
  holdFromMs: number,
  segments: readonly Segment[],
): Promise<EventOutline> {
  const outline: (readonly [number, string, ...(number | Segment)[]])[] = [];
  const places = new Map(segments.map((segment, index) => [placeOf(segment), index]));
  // The stream has no end yet: nothing is to be told for that.
  for await (const event of jobEvents(eachOf(entries), '0', holdFromMs, AbortSignal.abort(), () =>
    Promise.resolve(null),
  )) {
    const [place] = parseEventId(event.id);
    if (event.type === 'segment') {
      const index = places.get(placeOf(event.segment));
      outline.push([
        place,
        's',
        index !== undefined && isDeepStrictEqual(segments[index], event.segment) ? index : event.segment,
      ]);
    } else if (event.type === 'progress') outline.push([place, 'p', event.doneMs, event.plannedMs]);
    else outline.push([place, event.type]);
  }
  const [lastPlace] = parseEventId(entries.at(-1)?.id ?? '0');
  return [...outline, [lastPlace + 1, 'done']];
}

/** The events that an outline stands for, the same as the stream gave. @param segments of the transcript */
export function eventsOfOutline(outline: EventOutline, segments: readonly Segment[]): JobEvent[] {
  let index = 0;
  let [lastPlace, sequence] = [0, 0];
  return outline.map(([place, type, first, second]) => {
    sequence = place === lastPlace ? sequence + 1 : 1;
    lastPlace = place;
    const id = eventIdText([place, sequence]);
    switch (type) {
      case 's': {
        const segment = typeof first === 'number' ? segments[first] : first;
        if (segment === undefined) throw new Error('the outline of events does not fit its transcript');
        return { id, type: 'segment', segment, index: index++ };
      }
      case 'p':
        return { id, type: 'progress', doneMs: Number(first), plannedMs: Number(second) };
      case 'accepted':
        return { id, type: 'accepted' };
      default:
        return { id, type: 'done' };
    }
  });
}

function placeOf(segment: Segment): string {
  return [segment.channel, segment.startMs, segment.endMs, segment.text].join(' ');
}

async function* eachOf<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}

type Unnamed<Event> = Event extends { readonly type: 'segment' } ? Omit<Event, 'id' | 'index'> : Omit<Event, 'id'>;
type UnnamedEvent = {
  [Type in JobEvent['type']]: Unnamed<Extract<JobEvent, { readonly type: Type }>>;
}[JobEvent['type']];

function eventsOf(entry: StreamedEvent, joiner: SegmentJoiner): UnnamedEvent[] {
  switch (entry.type) {
    case 'result':
      return [
        ...joiner.push(entry.result).map((segment) => ({ type: 'segment', segment }) as const),
        { type: 'progress', doneMs: entry.doneMs, plannedMs: entry.plannedMs },
      ];
    case 'assembling':
      return joiner.finish().map((segment) => ({ type: 'segment', segment }) as const);
    case 'failed':
      return [{ type: 'failed', error: entry.error }];
    default:
      return [{ type: entry.type }];
  }
}

/**
 * Id of a job's event, as clients see it in server-sent events and give it back in `Last-Event-ID`: the place of the entry in the job's stream,
 * and the number of the event among those that the entry gives, from 1. Written `place-number`, so that it sorts as ids of Redis streams do.
 */
export type EventId = readonly [place: number, number: number];

const START: EventId = [0, 0];

function eventIdText([place, number]: EventId): string {
  return `${String(place)}-${String(number)}`;
}

/** Also of an id of the stream itself. What is no id counts as the beginning. */
function parseEventId(text: string): EventId {
  const match = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(text);
  return match === null ? START : [Number(match[1]), Number(match[2] ?? 0)];
}

function isAfter(id: EventId, other: EventId): boolean {
  return id[0] > other[0] || (id[0] === other[0] && id[1] > other[1]);
}
