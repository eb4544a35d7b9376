import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EventReader, eventFrame } from './event-frames.js';

function all(reader: EventReader): unknown[] {
  const events = [];
  for (let event = reader.next(); event !== null; event = reader.next()) events.push(event);
  return events;
}

const STREAM = Buffer.from(
  '{"type":"describe","version":"1.10.2"}\n' +
    '{"type":"audio-chunk","data":{"rate":1,"width":2},"data_length":20,"payload_length":4}\n{"rate":16000,"x":1} ' +
    'pcm{"type":"audio-stop","data":null}\n',
);
const EVENTS = [
  { type: 'describe', data: {}, payload: Buffer.alloc(0) },
  { type: 'audio-chunk', data: { rate: 16_000, width: 2, x: 1 }, payload: Buffer.from(' pcm') },
  { type: 'audio-stop', data: {}, payload: Buffer.alloc(0) },
];

describe('Events of Wyoming', () => {
  test('are read whole, with data from both places, however the bytes are cut', () => {
    for (let size = 1; size <= STREAM.length; size++) {
      const reader = new EventReader();
      const events: unknown[] = [];
      for (let at = 0; at < STREAM.length; at += size) {
        reader.add(STREAM.subarray(at, at + size));
        events.push(...all(reader));
      }
      assert.deepEqual(events, EVENTS, `pieces of ${String(size)}`);
    }
  });

  test('are written so that they are read back, in any script', () => {
    const reader = new EventReader();
    const events = [{ type: 'transcript', data: { text: 'Grüße, 世界 🎉\n' } }, { type: 'transcript-stop' }];
    for (const event of events) reader.add(Buffer.from(eventFrame(event)));
    assert.deepEqual(all(reader), [
      { ...events[0], payload: Buffer.alloc(0) },
      { ...events[1], data: {}, payload: Buffer.alloc(0) },
    ]);
  });

  for (const [name, bytes, reason] of [
    ['a line that is not JSON', 'GET / HTTP/1.1\r\n', /not JSON/],
    ['a line that is no object', '[]\n', /wrong shape/],
    ['a type that is no text', '{"type":1}\n', /wrong type/],
    ['a negative length', '{"type":"x","data_length":-1}\n', /wrong data_length/],
    ['a length that is a text', '{"type":"x","payload_length":"5"}\n', /wrong payload_length/],
    ['data that is not JSON', '{"type":"x","data_length":3}\n{{{', /data of an event is not JSON/],
    ['data that is no object', '{"type":"x","data_length":2}\n[]', /data of an event has a wrong shape/],
    ['a long line', `{"type":"${'x'.repeat(70_000)}"}\n`, /first line of an event has 65536 bytes/],
    ['a line without end', 'x'.repeat(70_000), /first line of an event has 65536 bytes/],
    ['much data', '{"type":"x","data_length":262145}\n', /262144/],
    ['a large payload', '{"type":"x","payload_length":1048577}\n', /1048576/],
  ] as const)
    test(`${name} is refused before anything is kept for it`, () => {
      const reader = new EventReader();
      reader.add(Buffer.from(bytes));
      assert.throws(() => reader.next(), { code: 'invalid_message', message: reason });
    });
});
