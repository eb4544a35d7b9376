import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { AsrError, type Word } from '@murmuration/contracts';
import { TEST_MODEL, event, done, openedWith, said } from '../testing/live-events.js';
import { ListenTranslator } from './listen-translator.js';
import { listenQuery } from './listen-query.js';

const RAW = 'encoding=linear16&sample_rate=16000';
const IDENTITY = { requestId: 'request-1', created: '2026-01-01T00:00:00.000Z' };

function translator(query = RAW): ListenTranslator {
  return new ListenTranslator(listenQuery(new URLSearchParams(query)), IDENTITY);
}

function live(query = RAW): ListenTranslator {
  const made = translator(query);
  made.begin();
  made.opened({ index: 0, model: TEST_MODEL });
  return made;
}

const word = (text: string, endMs: number): Word => ({ word: text, startMs: endMs - 100, endMs, probability: 0.8 });

/** Type and flags of messages. */
function brief(messages: readonly Record<string, unknown>[]): unknown[] {
  return messages.map((message) => [
    message['type'],
    ...(message['type'] === 'Results' ? [message['is_final'], message['speech_final'], message['from_finalize']] : []),
  ]);
}

describe('The address of a live Deepgram stream', () => {
  const settings = (query: string): ReturnType<typeof listenQuery>['settings'] =>
    listenQuery(new URLSearchParams(query)).settings;

  test("Encodings, rates and channels are Deepgram's.", () => {
    assert.deepEqual(
      ['linear16', 'linear32', 'mulaw', 'alaw']
        .map((encoding) => settings(`encoding=${encoding}&sample_rate=8000&channels=2`))
        .map((one) => [one.encoding, one.sampleRateHz, one.channels]),
      [
        ['pcm_s16le', 8_000, 2],
        ['pcm_f32le', 8_000, 2],
        ['mulaw', 8_000, 2],
        ['alaw', 8_000, 2],
      ],
    );
    assert.deepEqual(
      [listenQuery(new URLSearchParams('encoding=opus')).encoding, listenQuery(new URLSearchParams('')).encoding],
      ['opus', null],
    );
  });

  test("LiveKit's default of 25 ms, and Deepgram's own, stay above the floor; longer pauses are kept.", () => {
    assert.deepEqual(
      ['endpointing=25', '', 'endpointing=true', 'endpointing=800', 'endpointing=false'].map(
        (query) => settings(`${RAW}&${query}`).endpointingMs,
      ),
      [300, 300, 300, 800, 1_000],
    );
  });

  test('names of models are passed on as they are, and tags of languages their language.', () => {
    assert.deepEqual(
      ['nova-3', 'nova-2-general', 'enhanced', 'base', 'moonshine-tiny'].map(
        (model) => settings(`${RAW}&model=${model}`).model,
      ),
      ['nova-3', 'nova-2-general', 'enhanced', 'base', 'moonshine-tiny'],
    );
    assert.deepEqual(
      ['en-US', 'multi', 'de', '', 'zh-HK', 'German'].map(
        (language) => settings(`${RAW}&language=${language}`).language,
      ),
      ['en', 'multi', 'de', null, 'yue', 'de'],
    );
    assert.equal(settings(`${RAW}&keyterm=Bee&keyterm=Cee&keywords=Dee:2`).hotwords, 'Bee, Cee, Dee');
  });

  test('With `multi` every word tells its language, without it none does.', () => {
    const told = (language: string): unknown => {
      const [results] = said(
        live(`${RAW}&language=${language}`).events(event.final(0, 'one', 'silence', [word(' one', 100)])),
      );
      const [alternative] = (
        results?.['channel'] as { alternatives: { languages: string[]; words: { language?: string }[] }[] }
      ).alternatives;
      return [alternative?.languages, alternative?.words.map((one) => one.language)];
    };
    assert.deepEqual(
      [told('multi'), told('en')],
      [
        [['en'], ['en']],
        [['en'], [undefined]],
      ],
    );
  });

  test('What cannot be read, or cannot be had and would matter, is refused by name.', () => {
    for (const [query, param] of [
      ['encoding=mp3', 'encoding'],
      ['encoding=linear16', 'sample_rate'],
      ['encoding=linear16&sample_rate=x', 'sample_rate'],
      [`${RAW}&channels=99`, 'channels'],
      [`${RAW}&endpointing=-1`, 'endpointing'],
      [`${RAW}&utterance_end_ms=x`, 'utterance_end_ms'],
      [`${RAW}&redact=pci`, 'redact'],
      [`${RAW}&callback=http://x.example`, 'callback'],
      [`${RAW}&channels=2&multichannel=true`, 'multichannel'],
    ] as const) {
      assert.throws(() => listenQuery(new URLSearchParams(query)), { code: 'invalid_field', param }, query);
    }
    assert.doesNotThrow(() =>
      listenQuery(
        new URLSearchParams(
          `${RAW}&punctuate=true&smart_format=true&diarize=false&redact=false&mip_opt_out=true&filler_words=true&tag=x`,
        ),
      ),
    );
  });
});

describe('Deepgram live', () => {
  test('The metadata of a result tell what the filters took away, and of no other message.', () => {
    const made = live(`${RAW}&interim_results=true`);
    const final = {
      ...event.final(0, 'Hello.'),
      filtered: [{ startMs: 400, endMs: 900, text: 'Thank you.', reason: 'phantom_phrase' }],
    };
    const told = [event.started(0), event.partial(0, 'Hello'), final, event.final(1, 'Bye.')]
      .flatMap((one) => said(made.events(one)))
      .map((message) => (message['metadata'] as { filtered?: unknown }).filtered);
    assert.deepEqual(told, [
      undefined,
      [{ start: 0.4, end: 0.9, text: 'Thank you.', reason: 'phantom_phrase' }],
      undefined,
    ]);
  });

  test("Interim results come where they are wanted, then the result, with words, times in seconds and the request's id.", () => {
    const made = live(`${RAW}&interim_results=true&vad_events=true`);
    const messages = [
      event.started(1),
      event.partial(1, 'Hello'),
      event.ended(1),
      event.final(1, 'Hello, World!', 'silence', [word('Hello,', 2_400), word(' World!', 2_900)]),
    ].flatMap((one) => said(made.events(one)));
    assert.deepEqual(brief(messages), [
      ['SpeechStarted'],
      ['Results', false, false, false],
      ['Results', true, true, false],
    ]);
    assert.deepEqual(messages[0], { type: 'SpeechStarted', channel: [0, 1], timestamp: 2 });
    const result = messages[2] as {
      start: number;
      duration: number;
      channel: { alternatives: { transcript: string; confidence: number; languages: string[]; words: unknown[] }[] };
      metadata: { request_id: string; model_info: { name: string } };
    };
    assert.deepEqual(
      [result.start, result.duration, result.metadata.request_id, result.metadata.model_info.name],
      [2, 1, 'request-1', 'test-model'],
    );
    assert.deepEqual(result.channel.alternatives, [
      {
        transcript: 'Hello, World!',
        confidence: 0.9,
        languages: ['en'],
        words: [
          { word: 'hello', start: 2.3, end: 2.4, confidence: 0.8, punctuated_word: 'Hello,' },
          { word: 'world', start: 2.8, end: 2.9, confidence: 0.8, punctuated_word: 'World!' },
        ],
      },
    ]);
  });

  test('Without interim_results and vad_events neither comes, and without endpointing no pause is an end of speech.', () => {
    const made = live(`${RAW}&endpointing=false`);
    const messages = [
      event.started(0),
      event.partial(0, 'Hello'),
      event.ended(0),
      event.final(0, 'Hello'),
      event.ended(1, 'cut'),
      event.final(1, 'cut', 'cut'),
      event.final(2, 'end', 'finish'),
    ].flatMap((one) => said(made.events(one)));
    assert.deepEqual(brief(messages), [
      ['Results', true, false, false],
      ['Results', true, false, false],
      ['Results', true, true, false],
    ]);
  });

  test('Finalize is answered by the text in progress; by the text that is still awaited; else by an empty result.', () => {
    const made = live();
    const finalize = (): string[] => done(made.text('{"type":"Finalize"}'));
    assert.deepEqual(finalize(), ['commit']);
    assert.deepEqual(said(made.committed(0)), []);
    made.events(event.ended(0, 'committed'));
    assert.deepEqual(brief(said(made.events(event.final(0, 'One', 'committed')))), [['Results', true, true, true]]);
    made.events(event.ended(1));
    finalize();
    assert.deepEqual(said(made.committed(null)), []);
    assert.deepEqual(brief(said(made.events(event.final(1, 'Two')))), [['Results', true, true, true]]);
    finalize();
    const empty = said(made.committed(null));
    assert.deepEqual(brief(empty), [['Results', true, true, true]]);
    assert.deepEqual(brief(said(made.events(event.final(2, 'Three')))), [['Results', true, true, false]]);
  });

  test('UtteranceEnd comes once, when so much audio has come after the last word without new speech.', () => {
    const made = live(`${RAW}&utterance_end_ms=1000`);
    made.events(event.final(0, 'Hello.', 'silence', [word('Hello.', 900)]));
    assert.deepEqual(said(made.stored(1_899 * 16)), []);
    assert.deepEqual(said(made.stored(1_900 * 16)), [{ type: 'UtteranceEnd', channel: [0, 1], last_word_end: 0.9 }]);
    assert.deepEqual(said(made.stored(9_000 * 16)), []);
    made.events(event.started(1));
    assert.deepEqual(
      brief(said(made.events(event.final(1, 'Late.')))),
      [['Results', true, true, false], ['UtteranceEnd']],
      'the audio was there already',
    );
    made.events(event.final(2, 'More.'));
    made.events(event.started(3));
    assert.deepEqual(said(made.stored(20_000 * 16)), [], 'speech goes on');
  });

  test('UtteranceEnd comes by the clock where no audio does, and not while somebody speaks or text is awaited.', () => {
    const made = live(`${RAW}&utterance_end_ms=1000`);
    assert.equal(made.idleLimitMs, null);
    made.stored(1_200 * 16);
    for (const one of [event.started(0), event.ended(0)]) made.events(one);
    assert.equal(made.idleLimitMs, null, 'text is awaited');
    made.events(event.final(0, 'Hello.', 'silence', [word('Hello.', 900)]));
    assert.equal(made.idleLimitMs, 700, 'what is not in the audio');
    assert.deepEqual(
      [said(made.idle()), made.idleLimitMs, said(made.idle())],
      [[{ type: 'UtteranceEnd', channel: [0, 1], last_word_end: 0.9 }], null, []],
    );
    for (const one of [
      event.started(1),
      event.ended(1, 'committed'),
      event.started(2),
      event.final(1, 'One', 'committed'),
    ])
      made.events(one);
    assert.deepEqual(
      [made.idleLimitMs, said(made.stored(60_000 * 16))],
      [null, []],
      'the next sentence is spoken while the text of the one before comes',
    );
    assert.equal(live().idleLimitMs, null);
  });

  test('CloseStream, or an empty message, flushes; Metadata is the last word, with the digest of what was sent; then 1000.', () => {
    for (const end of [
      (made: ListenTranslator) => made.text('{"type":"CloseStream"}'),
      (made: ListenTranslator) => made.audio(Buffer.alloc(0)),
    ]) {
      const made = live();
      assert.deepEqual(done(made.audio(Buffer.from('abcd'))), ['push']);
      assert.deepEqual(done(end(made)), ['finish']);
      assert.deepEqual([done(end(made)), done(made.audio(Buffer.from('late'))), made.quietLimitMs], [[], [], null]);
      const actions = made.events(event.closed());
      assert.deepEqual(done(actions), ['close 1000']);
      const [metadata] = said(actions);
      assert.deepEqual(
        [
          metadata?.['type'],
          metadata?.['sha256'],
          metadata?.['duration'],
          metadata?.['channels'],
          metadata?.['request_id'],
        ],
        ['Metadata', createHash('sha256').update('abcd').digest('hex'), 5, 1, 'request-1'],
      );
    }
    assert.deepEqual(done(translator('').text('{"type":"CloseStream"}')), ['close 1000'], 'before anything was sent');
  });

  test("A container opens the session once its kind is known; a WAV's header is not audio.", () => {
    const ogg = translator('language=en');
    assert.deepEqual(done(ogg.begin()), []);
    assert.deepEqual(done(ogg.audio(Buffer.from('Ogg'))), []);
    const opening = ogg.audio(Buffer.concat([Buffer.from('S'), Buffer.alloc(20)]));
    assert.deepEqual([done(opening), openedWith(opening).encoding], [['open', 'push'], 'opus']);
    assert.deepEqual(opening.find((action) => action.do === 'push')?.bytes.length, 24, 'nothing is lost');
    const header = Buffer.from('UklGRiQAAABXQVZFZm10IBAAAAABAAEAgD4AAAB9AAACABAAZGF0YQAAAAA=', 'base64');
    const wav = translator('').audio(header);
    assert.deepEqual(
      [done(wav), openedWith(wav).encoding, openedWith(wav).sampleRateHz],
      [['open'], 'pcm_s16le', 16_000],
    );
    assert.throws(() => translator('').audio(Buffer.from('this is no audio')), { code: 'unprocessable_audio' });
  });

  test('KeepAlive keeps silent clients; ten seconds of nothing end with NET-0001; garbage is an error.', () => {
    const made = live();
    assert.deepEqual([done(made.text('{"type":"KeepAlive"}')), made.quietLimitMs], [['keep_alive'], 10_000]);
    assert.deepEqual([done(made.quiet()), said(made.quiet())[0]?.['variant']], [['close 1011'], 'NET-0001']);
    for (const message of ['no json', 'null', '{"type":"Nonsense"}', '[]'])
      assert.throws(() => made.text(message), { code: 'invalid_message' }, message);
    const fault = made.fault(new AsrError('unprocessable_audio'));
    assert.deepEqual(
      [done(fault), said(fault)[0]?.['type'], said(fault)[0]?.['variant']],
      [['close 1008'], 'Error', 'DATA-0000'],
    );
    assert.deepEqual(done(live().events(event.closed('failed'))), ['close 1011']);
  });
});
