import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AsrError } from '@murmuration/contracts';
import { event, done, openedWith, said } from '../testing/live-events.js';
import { VoskTranslator } from './vosk-translator.js';

const EOF = '{"eof" : 1}';
const RESET = '{"reset" : 1}';
const FRAME = Buffer.alloc(8_000);

function live(config: object = {}): VoskTranslator {
  const made = new VoskTranslator(1_000, 700);
  made.text(JSON.stringify({ config: { sample_rate: 16_000, ...config } }));
  said(made.audio(FRAME));
  return made;
}

describe('vosk-server', () => {
  test('The config has no reply; the first audio opens the session with it; without one the rate is 8000.', () => {
    const made = new VoskTranslator(1_000, 700);
    assert.deepEqual(made.text('{ "config" : { "sample_rate" : 16000, "phrase_list": ["one", "two"] } }'), []);
    const actions = made.audio(FRAME);
    assert.deepEqual([done(actions), said(actions)], [['open', 'push'], [{ partial: '' }]]);
    assert.deepEqual(
      [openedWith(actions).sampleRateHz, openedWith(actions).hotwords, openedWith(actions).encoding],
      [16_000, 'one, two', 'pcm_s16le'],
    );
    assert.equal(openedWith(new VoskTranslator(1_000, 700).audio(FRAME)).sampleRateHz, 8_000);
  });

  test('Every frame has one reply, decided once it is taken: the next final, else what is heard so far.', () => {
    const made = live();
    const frame = made.audio(FRAME);
    made.events(event.partial(0, 'one t'));
    assert.deepEqual(said(frame), [{ partial: 'one t' }]);
    const next = made.audio(FRAME);
    for (const one of [
      event.final(0, 'one two', 'silence', [{ word: ' one', startMs: 100, endMs: 500, probability: 0.5 }]),
      event.final(1, 'three'),
      event.final(2, ''),
    ])
      assert.deepEqual(said(made.events(one)), []);
    assert.deepEqual(said(next), [{ result: [{ conf: 0.5, start: 0.1, end: 0.5, word: 'one' }], text: 'one two' }]);
    assert.deepEqual(said(made.audio(FRAME)), [{ text: 'three' }]);
    assert.deepEqual(said(made.audio(FRAME)), [{ partial: '' }]);
  });

  test('The reply to eof is one, holds all that is untold, and is the last.', () => {
    const made = live();
    made.events(event.final(0, 'one'));
    assert.deepEqual([done(made.text(EOF)), said(made.text(EOF))], [['finish'], []]);
    assert.deepEqual(said(made.events(event.final(1, 'two', 'finish'))), []);
    const actions = made.events(event.closed());
    assert.deepEqual([said(actions), done(actions)], [[{ text: 'one two' }], ['close 1000']]);
    const unused = new VoskTranslator(1_000, 700).text(EOF);
    assert.deepEqual([said(unused), done(unused)], [[{ text: '' }], ['close 1000']]);
  });

  test('Texts of a script without spaces are told as one without spaces.', () => {
    const made = live();
    made.events(event.final(0, '今天天气很好'));
    made.text(EOF);
    made.events(event.final(1, '我们去公园', 'finish'));
    assert.deepEqual(said(made.events(event.closed())), [{ text: '今天天气很好我们去公园' }]);
  });

  test('eof and reset are known in any spacing and order, and with true as well as 1.', () => {
    for (const message of [
      '{"eof":1}',
      '{"eof": 1}',
      '{ "eof" : 1 }',
      '{"eof":true}',
      '\n{\t"other": {"x": []}, "eof" :1.0}',
    ])
      assert.deepEqual(done(live().text(message)), ['finish'], message);
    for (const message of ['{"reset":1}', '{ "reset": true }'])
      assert.deepEqual(done(live().text(message)), ['commit'], message);
    for (const message of ['{"eof":0}', '{"eof":false}', '["eof"]'])
      assert.throws(() => live().text(message), { code: 'invalid_message' }, message);
  });

  test('While no audio comes a text that is final is the reply to the next audio, ahead of it.', () => {
    const made = live();
    assert.equal(made.idleLimitMs, null);
    for (const one of [event.final(0, 'one'), event.final(1, 'two')]) made.events(one);
    assert.equal(made.idleLimitMs, 700);
    assert.deepEqual(
      [said(made.idle()), said(made.idle()), made.idleLimitMs],
      [[{ text: 'one' }], [{ text: 'two' }], null],
    );
    assert.deepEqual(
      [said(made.audio(FRAME)), said(made.audio(FRAME)), said(made.audio(FRAME))],
      [[], [], [{ partial: '' }]],
    );
    made.text(RESET);
    made.events(event.final(2, 'three', 'committed'));
    assert.equal(made.idleLimitMs, null, 'a reply is due that will tell it');
    assert.deepEqual(said(made.committed(2)), [{ text: 'three' }]);
  });

  test('The reply to reset waits for the text of all audio before it, and later replies wait with it.', () => {
    const made = live();
    assert.deepEqual(done(made.text(RESET)), ['commit']);
    assert.deepEqual(said(made.committed(0)), []);
    assert.deepEqual(said(made.audio(FRAME)), []);
    assert.deepEqual(said(made.events(event.final(0, 'one', 'committed'))), [{ text: 'one' }, { partial: '' }]);
    made.text(RESET);
    assert.deepEqual(said(made.committed(null)), [{ text: '' }]);
    made.text(RESET);
    made.events(event.final(1, 'two', 'committed'));
    assert.deepEqual(
      said(made.committed(1)),
      [{ text: 'two' }],
      'also when the text was quicker than the answer to the commit',
    );
    assert.deepEqual(said(new VoskTranslator(1_000, 700).text(RESET)), [{ text: '' }]);
  });

  test('Alternatives and no words come where they are wanted.', () => {
    const made = live({ max_alternatives: 3, words: false });
    made.events(event.final(0, 'one', 'silence', [{ word: 'one', startMs: 0, endMs: 1, probability: 1 }]));
    assert.deepEqual(said(made.audio(FRAME)), [{ alternatives: [{ confidence: 0.9, text: 'one' }] }]);
  });

  test('Garbage is refused, faults close with a reason, and a silent connection does not stay.', () => {
    const made = new VoskTranslator(1_000, 700);
    for (const message of ['no json', '[]', '{}', '{"config":{"sample_rate":1}}'])
      assert.throws(() => made.text(message), { code: 'invalid_message' }, message);
    assert.deepEqual(
      made.fault(new AsrError('queue_full')).map((action) => (action.do === 'close' ? action.code : null)),
      [1013],
    );
    assert.deepEqual([made.quietLimitMs, done(made.quiet()), live().quietLimitMs], [1_000, ['close 1008'], null]);
    assert.deepEqual(done(live().events(event.closed('failed'))), ['close 1011']);
    assert.deepEqual(done(live().events(event.closed('idle'))), ['close 1000']);
  });
});
