import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChunkResult, JobNews } from '@murmuration/contracts';
import type { StreamedEvent } from '@murmuration/store';
import { jobNews, newsAfter, newsOfOutline, outlineOf } from './job-news.js';

function result(index: number, audioMs: number, ...texts: string[]): ChunkResult {
  return {
    index,
    channel: 0,
    overlapMs: 0,
    audioMs,
    queueMs: 0,
    inferenceMs: 0,
    batchSize: 1,
    worker: 'w',
    filtered: [],
    language: null,
    languageProbability: null,
    segments: texts.map((text, i) => ({
      startMs: index * 1_000 + i,
      endMs: index * 1_000 + i + 1,
      text,
      channel: 0,
      confidence: 1,
      avgLogprob: 0,
      noSpeechProb: 0,
      compressionRatio: 1,
      temperature: 0,
      tokens: [],
    })),
  };
}

// The first chunk may have been cut by force: its end waits for the next chunk, that of the last for the end.
const ENTRIES: StreamedEvent[] = [
  { id: '1-1000000', type: 'result', result: result(0, 1_000, 'a', 'b'), doneMs: 1_000, plannedMs: 1_000 },
  { id: '2-1000000', type: 'accepted' },
  { id: '3-1000000', type: 'result', result: result(1, 1_000, 'c'), doneMs: 2_000, plannedMs: 2_000 },
  { id: '4-1000000', type: 'assembling' },
  { id: '5-1000000', type: 'done' },
];

async function* stream(): AsyncGenerator<StreamedEvent> {
  for (const entry of ENTRIES) {
    await Promise.resolve();
    yield entry;
  }
}

async function told(afterId: string): Promise<JobNews[]> {
  const news: JobNews[] = [];
  for await (const one of jobNews(stream(), afterId, 1_000, new AbortController().signal, () => Promise.resolve(null)))
    news.push(one);
  return news;
}

test('Segments are told when they are final, numbered through, under ids that lie before their entry', async () => {
  const news = await told('0');
  assert.deepEqual(
    news.map((one) => [one.id, one.type, one.type === 'segment' ? `${String(one.index)}${one.segment.text}` : '']),
    [
      ['1-1', 'progress', ''],
      ['2-1', 'accepted', ''],
      ['3-1', 'segment', '0a'],
      ['3-2', 'segment', '1b'],
      ['3-3', 'progress', ''],
      ['4-1', 'segment', '2c'],
      ['5-1', 'done', ''],
    ],
  );
});

test('After any id comes exactly what followed it', async () => {
  const news = await told('0');
  for (const [i, one] of news.entries()) assert.deepEqual(await told(one.id), news.slice(i + 1), one.id);
  assert.deepEqual(await told('3-1000000'), news.slice(5), "an entry's own id stands for all of it");
  assert.deepEqual(await told('3'), news.slice(2));
});

/** The segments as the transcript has them; of one the transcript has another text. */
const SEGMENTS = ENTRIES.flatMap((entry) => (entry.type === 'result' ? entry.result.segments : [])).map((segment) =>
  segment.text === 'b' ? { ...segment, text: 'B' } : segment,
);

test('an outline of the events gives the same events under the same ids, after any id', async () => {
  const outline = await outlineOf(ENTRIES.slice(0, -1), 1_000, SEGMENTS);
  const news = newsOfOutline(JSON.parse(JSON.stringify(outline)) as typeof outline, SEGMENTS);
  assert.deepEqual(news, await told('0'));
  for (const id of ['0', ...news.map((one) => one.id), '3-1000000', '3']) {
    const after: JobNews[] = [];
    for await (const one of newsAfter(news, id)) after.push(one);
    assert.deepEqual(after, await told(id), id);
  }
});

test('a stream that goes while it is read is continued without loss or repetition', async () => {
  const all = await told('0');
  for (let read = 0; read < ENTRIES.length; read++) {
    for (const after of ['0', ...all.map((one) => one.id)]) {
      const news: JobNews[] = [];
      const cut = async function* (): AsyncGenerator<StreamedEvent> {
        for (const entry of ENTRIES.slice(0, read)) yield await Promise.resolve(entry);
      };
      for await (const one of jobNews(cut(), after, 1_000, new AbortController().signal, () => Promise.resolve(all)))
        news.push(one);
      assert.deepEqual(news, await told(after), `${String(read)} entries after ${after}`);
    }
  }
});
