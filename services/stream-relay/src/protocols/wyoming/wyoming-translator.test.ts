import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AsrError } from '@murmuration/contracts';
import { TEST_MODEL, event, done, openedWith, said } from '../testing/live-events.js';
import type { Action } from '../translator.js';
import { WyomingTranslator } from './wyoming-translator.js';

const FORMAT = { rate: 16_000, width: 2, channels: 1 };

function frame(type: string, data?: object, payload: Uint8Array = new Uint8Array()): Buffer {
  const header = JSON.stringify({ type, ...(data === undefined ? {} : { data }), payload_length: payload.length });
  return Buffer.concat([Buffer.from(`${header}\n`), payload]);
}

function chunk(payload: Uint8Array = new Uint8Array(640), format: object = FORMAT): Buffer {
  return frame('audio-chunk', { ...format, timestamp: null }, payload);
}

/** A translator whose first request is open. */
function live(wishes: object = {}): WyomingTranslator {
  const made = new WyomingTranslator(1_000, 5_000);
  made.audio(Buffer.concat([frame('transcribe', wishes), frame('audio-start', FORMAT), chunk()]));
  return made;
}

function pushed(actions: readonly Action[]): Buffer {
  return Buffer.concat(actions.flatMap((action) => (action.do === 'push' ? [action.bytes] : [])));
}

describe('Wyoming', () => {
  test('The first chunk opens a session with its format and with what transcribe asks for', () => {
    const made = new WyomingTranslator(1_000, 5_000);
    const wishes = { name: 'small', language: 'de', transcript_names: ['Anna'], transcript_terms: ['Lampe'] };
    assert.deepEqual(made.audio(frame('transcribe', wishes)), []);
    assert.deepEqual(made.audio(frame('audio-start', FORMAT)), []);
    const actions = made.audio(chunk(new Uint8Array(8), { rate: 44_100, width: 2, channels: 2 }));
    assert.deepEqual(done(actions), ['open', 'push']);
    const { model, language, hotwords, encoding, sampleRateHz, channels } = openedWith(actions);
    assert.deepEqual(
      [model, language, hotwords, encoding, sampleRateHz, channels],
      ['small', 'de', 'Anna, Lampe', 'pcm_s16le', 44_100, 2],
    );
  });

  test('The text follows audio-stop: a chunk an utterance, then all of it', () => {
    const made = live();
    assert.deepEqual(said(made.events(event.final(0, 'Turn on'), 0)), [
      { type: 'transcript-start', data: { language: 'en' } },
      { type: 'transcript-chunk', data: { text: 'Turn on' } },
    ]);
    assert.deepEqual(done(made.audio(frame('audio-stop'))), ['finish']);
    assert.deepEqual(said(made.events(event.final(1, 'the light.', 'finish'), 0)), [
      { type: 'transcript-chunk', data: { text: ' the light.' } },
    ]);
    assert.deepEqual(said(made.events(event.closed(), 0)), [
      { type: 'transcript', data: { text: 'Turn on the light.', language: 'en' } },
      { type: 'transcript-stop' },
    ]);
  });

  test('Audio without speech, and no audio at all, are an empty transcript', () => {
    const empty = [
      { type: 'transcript-start' },
      { type: 'transcript', data: { text: '' } },
      { type: 'transcript-stop' },
    ];
    const made = live();
    made.audio(frame('audio-stop'));
    assert.deepEqual(said(made.events(event.closed(), 0)), empty);
    const unused = new WyomingTranslator(1_000, 5_000);
    assert.deepEqual(said(unused.audio(Buffer.concat([frame('audio-start', FORMAT), frame('audio-stop')]))), empty);
  });

  test('A connection serves one request after the other, and wishes are those of one request', () => {
    const made = live({ language: 'de' });
    made.audio(frame('audio-stop'));
    const actions = made.audio(chunk());
    assert.deepEqual([done(actions), openedWith(actions).language], [['open', 'push'], null]);
    made.events(event.final(0, 'second'), 1);
    made.events(event.final(0, 'first'), 0);
    const text = (session: number): unknown => (said(made.events(event.closed(), session))[0] as { data: object }).data;
    assert.deepEqual(
      [text(0), text(1)],
      [
        { text: 'first', language: 'en' },
        { text: 'second', language: 'en' },
      ],
    );
  });

  test('What is begun anew drops what was begun', () => {
    for (const again of ['transcribe', 'audio-start']) {
      const made = live();
      assert.deepEqual(done(made.audio(frame(again, FORMAT))), ['finish'], again);
      assert.deepEqual([made.events(event.final(0, 'old'), 0), made.events(event.closed(), 0)], [[], []]);
    }
  });

  test('Samples of 8, 24 and 32 bits become what sessions take', () => {
    const open = (format: object, payload: Uint8Array): Action[] =>
      new WyomingTranslator(1_000, 5_000).audio(chunk(payload, { ...FORMAT, ...format }));
    const bytes = Buffer.from([0x80, 0xff, 0x00]);
    const eight = open({ width: 1 }, bytes);
    assert.deepEqual([openedWith(eight).encoding, pushed(eight)], ['pcm_u8', bytes]);
    const wide = Buffer.alloc(8);
    wide.writeInt32LE(-0x12345678, 0);
    wide.writeInt32LE(0x7fffffff, 4);
    const narrow = pushed(open({ width: 4 }, wide));
    assert.deepEqual([narrow.readInt16LE(0), narrow.readInt16LE(2)], [-0x1235, 0x7fff]);
    const three = open({ width: 3, channels: 2 }, Buffer.from([9, 0x34, 0x12, 9, 0xcc, 0xed]));
    assert.deepEqual([openedWith(three).encoding, pushed(three)], ['pcm_s16le', Buffer.from([0x34, 0x12, 0xcc, 0xed])]);
  });

  test('describe tells of one program a model, the default first; select-program chooses one', () => {
    const made = new WyomingTranslator(1_000, 5_000);
    const [action] = made.audio(frame('describe'));
    assert.ok(action?.do === 'models');
    const told = said(action.next([TEST_MODEL, { ...TEST_MODEL, id: 'other', languages: ['de', 'fr'] }]));
    const { asr } = (told[0] as { data: { asr: { name: string; models: { name: string; languages: string[] }[] }[] } })
      .data;
    assert.deepEqual(
      asr.map(({ name, models }) => [name, models[0]?.name, models[0]?.languages]),
      [
        ['test-model', 'test-model', ['en']],
        ['other', 'other', ['de', 'fr']],
      ],
    );
    made.audio(frame('select-program', { name: 'other' }));
    assert.equal(openedWith(made.audio(chunk())).model, 'other');
    made.audio(Buffer.concat([frame('audio-stop'), frame('transcribe', { name: 'test-model' })]));
    assert.equal(openedWith(made.audio(chunk())).model, 'test-model');
  });

  test('ping is answered, and events of other services are passed over', () => {
    const made = live();
    assert.deepEqual(said(made.audio(frame('ping', { text: 'abc' }))), [{ type: 'pong', data: { text: 'abc' } }]);
    assert.deepEqual(made.audio(Buffer.concat([frame('synthesize', { text: 'x' }), frame('detect')])), []);
  });

  for (const [name, bytes, message] of [
    ['Bytes that are no events', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /not JSON/],
    ['A rate of 1 Hz', chunk(undefined, { ...FORMAT, rate: 1 }), /audio-chunk has a wrong rate/],
    ['A chunk without a format', frame('audio-chunk', {}), /audio-chunk has a wrong rate/],
    ['A start without a width', frame('audio-start', { rate: 16_000 }), /audio-start has a wrong width/],
    ['Half a sample', chunk(new Uint8Array(3)), /ends within a sample/],
    ['A language that is a number', frame('transcribe', { language: 5 }), /transcribe has a wrong language/],
    [
      'Another format in between',
      Buffer.concat([chunk(), chunk(undefined, { ...FORMAT, width: 1 })]),
      /format .* changed/,
    ],
  ] as const)
    test(`${name}: what came before is done, then an error is told and the connection closed`, () => {
      const made = new WyomingTranslator(1_000, 5_000);
      const [first, ...rest] = made.audio(Buffer.concat([frame('ping'), bytes]));
      assert.deepEqual(said(first === undefined ? [] : [first]), [{ type: 'pong', data: {} }]);
      const last = rest.at(-1);
      assert.ok(last?.do === 'then');
      assert.throws(() => last.next(), { code: 'invalid_message', message });
    });

  test('Faults are errors with their code, and the connection is closed', () => {
    const actions = live().fault(new AsrError('queue_full'));
    assert.deepEqual(
      [(said(actions)[0] as { type: string; data: { code: string } }).data.code, done(actions)],
      ['queue_full', ['close 1000']],
    );
    assert.deepEqual(done(live().events(event.closed('failed'), 0)), ['close 1000']);
    assert.deepEqual(done(live().events(event.error(), 0)), ['close 1000']);
  });

  test('A connection may be silent for longer once it has shown what it is', () => {
    const made = new WyomingTranslator(1_000, 5_000);
    assert.equal(made.quietLimitMs, 1_000);
    made.audio(frame('ping'));
    assert.deepEqual([made.quietLimitMs, done(made.quiet())], [5_000, ['close 1000']]);
  });
});
