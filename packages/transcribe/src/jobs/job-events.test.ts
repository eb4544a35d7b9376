import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChunkResult, JobEvent } from '@murmuration/contracts';
import type { StreamedEvent } from '@murmuration/store';
import { jobEvents, eventsAfter, eventsOfOutline, outlineOf } from './job-events.js';

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

async function told(afterId: string): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  for await (const one of jobEvents(stream(), afterId, 1_000, new AbortController().signal, () =>
    Promise.resolve(null),
  ))
    events.push(one);
  return events;
}

test('Segments are told when they are final, numbered through, under ids that lie before their entry', async () => {
  const events = await told('0');
  assert.deepEqual(
    events.map((one) => [one.id, one.type, one.type === 'segment' ? `${String(one.index)}${one.segment.text}` : '']),
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
  const events = await told('0');
  for (const [i, one] of events.entries()) assert.deepEqual(await told(one.id), events.slice(i + 1), one.id);
  assert.deepEqual(await told('3-1000000'), events.slice(5), "an entry's own id stands for all of it");
  assert.deepEqual(await told('3'), events.slice(2));
});

/** The segments as the transcript has them; of one the transcript has another text. */
const SEGMENTS = ENTRIES.flatMap((entry) => (entry.type === 'result' ? entry.result.segments : [])).map((segment) =>
  segment.text === 'b' ? { ...segment, text: 'B' } : segment,
);

test('an outline of the events gives the same events under the same ids, after any id', async () => {
  const outline = await outlineOf(ENTRIES.slice(0, -1), 1_000, SEGMENTS);
  const events = eventsOfOutline(JSON.parse(JSON.stringify(outline)) as typeof outline, SEGMENTS);
  assert.deepEqual(events, await told('0'));
  for (const id of ['0', ...events.map((one) => one.id), '3-1000000', '3']) {
    const after: JobEvent[] = [];
    for await (const one of eventsAfter(events, id)) after.push(one);
    assert.deepEqual(after, await told(id), id);
  }
});

test('a stream that goes while it is read is continued without loss or repetition', async () => {
  const all = await told('0');
  for (let read = 0; read < ENTRIES.length; read++) {
    for (const after of ['0', ...all.map((one) => one.id)]) {
      const events: JobEvent[] = [];
      const cut = async function* (): AsyncGenerator<StreamedEvent> {
        for (const entry of ENTRIES.slice(0, read)) yield await Promise.resolve(entry);
      };
      for await (const one of jobEvents(cut(), after, 1_000, new AbortController().signal, () => Promise.resolve(all)))
        events.push(one);
      assert.deepEqual(events, await told(after), `${String(read)} entries after ${after}`);
    }
  }
});
