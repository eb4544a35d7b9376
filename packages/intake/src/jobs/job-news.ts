import type { JobNews } from '@murmuration/contracts';
import { isEnd, type StreamedEvent } from '@murmuration/queue';
import { SegmentJoiner } from '@murmuration/transcript';

/** An id of Redis streams: milliseconds-like part and sequence. */
type StreamId = readonly [number, number];

const START: StreamId = [0, 0];

/**
 * What clients hear of a job, from its stream. Entry `n-1000000` gives events `n-1`, `n-2` …, the same on every node that reads the stream from its beginning.
 * @param afterId what came up to this id is left out; an id that is none counts as the beginning
 * A stream that ends without the job's end, though nobody gave up, is that of a job whose door died before it was accepted: it counts as cancelled.
 * @param holdFromMs for `SegmentJoiner`, as the job's manifest has it
 * @param signal what the reader gives up by
 */
export async function* jobNews(entries: AsyncIterable<StreamedEvent>, afterId: string, holdFromMs: number, signal: AbortSignal): AsyncGenerator<JobNews> {
  const after = parseId(afterId);
  const joiner = new SegmentJoiner(holdFromMs);
  let segments = 0;
  let lastPlace = 0;
  for await (const entry of entries) {
    const [place] = parseId(entry.id);
    lastPlace = place;
    let sequence = 0;
    for (const news of newsOf(entry, joiner)) {
      const id: StreamId = [place, ++sequence];
      const index = news.type === 'segment' ? segments++ : 0;
      if (!isAfter(id, after)) continue;
      const named = { id: `${String(id[0])}-${String(id[1])}` };
      yield news.type === 'segment' ? { ...named, ...news, index } : { ...named, ...news };
    }
    if (isEnd(entry)) return;
  }
  if (!signal.aborted) yield { id: `${String(lastPlace + 1)}-1`, type: 'cancelled' };
}

type Unnamed<News> = News extends { readonly type: 'segment' } ? Omit<News, 'id' | 'index'> : Omit<News, 'id'>;
type UnnamedNews = { [Type in JobNews['type']]: Unnamed<Extract<JobNews, { readonly type: Type }>> }[JobNews['type']];

function newsOf(entry: StreamedEvent, joiner: SegmentJoiner): UnnamedNews[] {
  switch (entry.type) {
    case 'result': return [
      ...joiner.push(entry.result).map((segment) => ({ type: 'segment', segment }) as const),
      { type: 'progress', doneMs: entry.doneMs, plannedMs: entry.plannedMs },
    ];
    case 'assembling': return joiner.finish().map((segment) => ({ type: 'segment', segment }) as const);
    case 'failed': return [{ type: 'failed', error: entry.error }];
    default: return [{ type: entry.type }];
  }
}

function parseId(text: string): StreamId {
  const match = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(text);
  return match === null ? START : [Number(match[1]), Number(match[2] ?? 0)];
}

function isAfter(id: StreamId, other: StreamId): boolean {
  return id[0] > other[0] || (id[0] === other[0] && id[1] > other[1]);
}
