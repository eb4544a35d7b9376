/**
 * Id of a job's event, as clients see it in server-sent events and give it back in `Last-Event-ID`: the place of the entry in the job's stream,
 * and the number of the event among those that the entry gives, from 1. Written `place-number`, so that it sorts as ids of Redis streams do.
 */
export type EventId = readonly [place: number, number: number];

const START: EventId = [0, 0];

export function eventIdText([place, number]: EventId): string {
  return `${String(place)}-${String(number)}`;
}

/** Also of an id of the stream itself. What is no id counts as the beginning. */
export function parseEventId(text: string): EventId {
  const match = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(text);
  return match === null ? START : [Number(match[1]), Number(match[2] ?? 0)];
}

export function isAfter(id: EventId, other: EventId): boolean {
  return id[0] > other[0] || (id[0] === other[0] && id[1] > other[1]);
}
