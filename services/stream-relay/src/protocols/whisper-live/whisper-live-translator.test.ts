import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AsrError, type LiveEvent } from '@murmuration/contracts';
import { event, done, openedWith, said } from '../testing/live-events.js';
import { WhisperLiveTranslator } from './whisper-live-translator.js';

/** What the client of whisper-live 0.10 sends first. */
const FIRST = {
  uid: 'u-1',
  language: null,
  task: 'transcribe',
  model: 'small',
  use_vad: true,
  send_last_n_segments: 2,
  no_speech_thresh: 0.45,
  clip_audio: false,
  same_output_threshold: 10,
  enable_translation: false,
  target_language: 'fr',
  hotwords: null,
  enable_diarization: false,
  max_speakers: 10,
  known_speakers: [],
  word_timestamps: false,
  initial_prompt: null,
  vad_parameters: null,
};
const END = Buffer.from('END_OF_AUDIO');

function live(more: object = {}): WhisperLiveTranslator {
  const made = new WhisperLiveTranslator(1_000);
  made.text(JSON.stringify({ ...FIRST, ...more }));
  made.opened();
  return made;
}

describe('WhisperLive', () => {
  test('The official first message opens a session, whose being ready is told in the words that clients need.', () => {
    const made = new WhisperLiveTranslator(1_000);
    const settings = openedWith(made.text(JSON.stringify(FIRST)));
    assert.deepEqual(
      [settings.model, settings.encoding, settings.sampleRateHz, settings.language, settings.wordTimestamps],
      ['small', 'pcm_f32le', 16_000, null, false],
    );
    assert.deepEqual(said(made.opened()), [{ uid: 'u-1', message: 'SERVER_READY', backend: 'faster_whisper' }]);
    assert.deepEqual(done(made.audio(Buffer.alloc(16))), ['push']);
  });

  test('Options become settings, as far as there are such.', () => {
    const settings = openedWith(
      new WhisperLiveTranslator(1_000).text(
        JSON.stringify({
          ...FIRST,
          language: 'en',
          model: 'moonshine-tiny',
          audio_format: 'int16',
          hotwords: 'Bee, Cee',
          initial_prompt: 'Names',
          word_timestamps: true,
          vad_parameters: { onset: 0.6, min_silence_duration_ms: 20, speech_pad_ms: 99_999 },
        }),
      ),
    );
    assert.deepEqual(
      [
        settings.language,
        settings.model,
        settings.encoding,
        settings.hotwords,
        settings.prompt,
        settings.wordTimestamps,
        settings.threshold,
        settings.endpointingMs,
        settings.paddingMs,
      ],
      ['en', 'moonshine-tiny', 'pcm_s16le', 'Bee, Cee', 'Names', true, 0.6, 100, 2_000],
    );
    assert.deepEqual(said(live({ enable_translation: true, enable_diarization: true }).events(event.ended(0))), []);
    const made = new WhisperLiveTranslator(1_000);
    made.text(JSON.stringify({ ...FIRST, enable_translation: true }));
    assert.deepEqual(
      said(made.opened()).map((message) => message['status']),
      [undefined, 'WARNING'],
    );
  });

  test('Segments grow, complete, and only the last ones are repeated; the language comes once, by itself.', () => {
    const made = live();
    const messages = [
      event.partial(0, 'One'),
      event.final(0, 'One.'),
      event.final(1, 'Two.'),
      event.partial(2, 'Thr'),
      event.final(2, 'Three.'),
    ].map((one) => said(made.events(one)));
    const briefly = messages
      .flat()
      .map((message) =>
        'language' in message
          ? [message['language'], message['language_prob']]
          : (message['segments'] as { text: string; completed: boolean }[]).map(
              (segment) => `${segment.text}${segment.completed ? '|' : ''}`,
            ),
      );
    assert.deepEqual(briefly, [
      ['One'],
      ['One.'],
      ['en', 0.8],
      ['One.|'],
      ['One.|', 'Two.|'],
      ['One.|', 'Two.|', 'Thr'],
      ['One.|', 'Two.|', 'Three.'],
      ['Two.|', 'Three.|'],
    ]);
    assert.deepEqual(messages[0], [
      { uid: 'u-1', segments: [{ start: '0.000', end: '1.000', text: 'One', completed: false }] },
    ]);
    assert.deepEqual(
      said(live({ language: 'en' }).events(event.final(0, 'One.'))).length,
      1,
      'a language that was named is not told',
    );
    const multi = live({ language: 'multi' });
    const told = ['en', 'en', 'de', 'en']
      .flatMap((language, i) => said(multi.events({ ...event.final(i, 'One.'), language } as LiveEvent)))
      .flatMap((message) => message['language'] ?? []);
    assert.deepEqual(told, ['en', 'de', 'en'], 'speech that changes its language tells each change');
  });

  test('A list of segments is never empty, and none begins before the one before has ended, for clients would drop it.', () => {
    const made = live();
    assert.deepEqual([said(made.events(event.partial(0, ''))), said(made.events(event.final(0, '')))], [[], []]);
    made.events({ ...event.final(0, 'One.'), startMs: 0, endMs: 1_200 } as ReturnType<typeof event.final>);
    const [message] = said(
      made.events({ ...event.final(1, 'Two.'), startMs: 1_000, endMs: 1_100 } as ReturnType<typeof event.final>),
    );
    assert.deepEqual(
      (message?.['segments'] as { start: string; end: string }[]).map(({ start, end }) => [start, end]),
      [
        ['0.000', '1.200'],
        ['1.200', '1.200'],
      ],
    );
  });

  test('Words come where they are wanted.', () => {
    const [, message] = said(
      live({ word_timestamps: true }).events(
        event.final(0, 'One.', 'silence', [{ word: ' One.', startMs: 100, endMs: 500, probability: 0.7 }]),
      ),
    );
    assert.deepEqual((message?.['segments'] as { words: unknown }[])[0]?.words, [
      { word: ' One.', start: 0.1, end: 0.5, probability: 0.7 },
    ]);
  });

  test('END_OF_AUDIO flushes, and the socket closes after the last segment; a session at its end says DISCONNECT.', () => {
    const made = live();
    assert.deepEqual(
      [done(made.audio(END)), done(made.audio(END)), done(made.audio(Buffer.alloc(4)))],
      [['finish'], [], []],
    );
    assert.deepEqual(done(made.events(event.final(0, 'Last.'))), []);
    assert.deepEqual([done(made.events(event.closed())), said(made.events(event.closed()))], [['close 1000'], []]);
    const idle = live().events(event.closed('idle'));
    assert.deepEqual([said(idle), done(idle)], [[{ uid: 'u-1', message: 'DISCONNECT' }], ['close 1000']]);
    assert.deepEqual(done(new WhisperLiveTranslator(1_000).audio(END)), ['close 1000']);
  });

  test('No room is WAIT with minutes; a fault is ERROR; both close.', () => {
    const full = live().fault(new AsrError('queue_full', undefined, { retryAfterSeconds: 90 }));
    assert.deepEqual([said(full), done(full)], [[{ uid: 'u-1', status: 'WAIT', message: 2 }], ['close 1013']]);
    const lost = live().fault(new AsrError('unsupported_language'));
    assert.deepEqual([said(lost)[0]?.['status'], done(lost)], ['ERROR', ['close 1008']]);
  });

  test('Audio first, garbage, a translation, or nothing at all are refused.', () => {
    const made = new WhisperLiveTranslator(1_000);
    assert.throws(() => made.audio(Buffer.alloc(4)), { code: 'invalid_message' });
    for (const message of ['no json', '[]', '{}', '{"uid":1}', JSON.stringify({ ...FIRST, send_last_n_segments: 0 })])
      assert.throws(() => made.text(message), { code: 'invalid_message' }, message);
    assert.throws(() => made.text(JSON.stringify({ ...FIRST, task: 'translate' })), { code: 'unsupported_task' });
    assert.deepEqual([made.quietLimitMs, done(made.quiet())], [1_000, ['close 1008']]);
    assert.equal(live().quietLimitMs, null);
  });
});
