import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AsrError } from '@murmuration/contracts';
import { event } from '../testing/live-events.js';
import { done, openedWith, said } from '../testing/said.js';
import type { Action } from '../translator.js';
import { RealtimeTranslator, type RealtimeOptions } from './realtime-translator.js';

const AUDIO = Buffer.alloc(4_800).toString('base64');
const APPEND = JSON.stringify({ type: 'input_audio_buffer.append', audio: AUDIO });
const COMMIT = JSON.stringify({ type: 'input_audio_buffer.commit', event_id: 'mine' });

function translator(more: Partial<RealtimeOptions> = {}): RealtimeTranslator {
  const counts = new Map<string, number>();
  const newId = (kind: string): string => {
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    return `${kind}_${String(count)}`;
  };
  return new RealtimeTranslator({ newId, model: null, input: null, legacy: false, quietLimitMs: 1_000, ...more });
}

/** A translator whose session is open with this session. */
function live(session: object = {}, more: Partial<RealtimeOptions> = {}): RealtimeTranslator {
  const made = translator(more);
  made.text(update(session));
  made.text(APPEND);
  made.opened({ index: 0 });
  return made;
}

function update(session: object): string {
  return JSON.stringify({ type: 'session.update', session: { type: 'transcription', ...session } });
}

/** Types of the events without their common beginning, with the item that they are of. */
function brief(actions: readonly Action[]): string[] {
  return said(actions).map(
    (event) =>
      `${String(event['type']).replace(/^.*\.(?=[^.]+$)/, '')}${typeof event['item_id'] === 'string' ? ` ${event['item_id']}` : ''}`,
  );
}

function deltas(actions: readonly Action[]): string {
  return said(actions)
    .map(({ delta }) => (typeof delta === 'string' ? delta : ''))
    .join('');
}

describe('OpenAI Realtime', () => {
  test('The session is told at once, and again after an update, with what was left out filled in.', () => {
    const made = translator({ model: 'whisper-1' });
    const [created] = said(made.begin());
    assert.equal(created?.['type'], 'session.created');
    const [updated] = said(
      made.text(
        update({
          audio: {
            input: {
              transcription: { language: 'en' },
              turn_detection: { type: 'server_vad', silence_duration_ms: 350 },
            },
          },
        }),
      ),
    );
    assert.deepEqual(updated, {
      type: 'session.updated',
      event_id: 'event_2',
      session: {
        type: 'transcription',
        object: 'realtime.transcription_session',
        id: 'sess_1',
        audio: {
          input: {
            format: { type: 'audio/pcm', rate: 24_000 },
            transcription: { model: 'whisper-1', language: 'en' },
            noise_reduction: null,
            turn_detection: { type: 'server_vad', threshold: 0.5, prefix_padding_ms: 300, silence_duration_ms: 350 },
          },
        },
      },
    });
  });

  test('What the client sets becomes the settings of a session that opens with its first audio.', () => {
    const made = translator();
    made.text(
      update({
        audio: {
          input: {
            format: { type: 'audio/pcmu' },
            transcription: { model: 'moonshine-tiny', languages: ['en-US'], prompt: 'Names', keywords: ['Bee', 'Cee'] },
            turn_detection: { type: 'server_vad', threshold: 0, prefix_padding_ms: 600, silence_duration_ms: 50 },
          },
        },
      }),
    );
    const actions = made.text(APPEND);
    assert.deepEqual(done(actions), ['open', 'push']);
    const settings = openedWith(actions);
    assert.deepEqual(
      [
        settings.model,
        settings.encoding,
        settings.sampleRateHz,
        settings.language,
        settings.prompt,
        settings.hotwords,
        settings.detect,
        settings.threshold,
        settings.paddingMs,
        settings.endpointingMs,
      ],
      ['moonshine-tiny', 'mulaw', 8_000, 'en', 'Names', 'Bee, Cee', true, 0.01, 600, 100],
    );
    assert.deepEqual(done(made.text(APPEND)), ['push']);
  });

  test('The legacy update means the same and is answered in its own shape.', () => {
    const made = translator();
    const [updated] = said(
      made.text(
        JSON.stringify({
          type: 'transcription_session.update',
          session: {
            input_audio_format: 'g711_alaw',
            input_audio_transcription: { model: 'gpt-4o-transcribe', language: 'de' },
            turn_detection: null,
          },
        }),
      ),
    );
    assert.equal(updated?.['type'], 'transcription_session.updated');
    assert.equal((updated['session'] as { input_audio_format: string }).input_audio_format, 'g711_alaw');
    const settings = openedWith(made.text(APPEND));
    assert.deepEqual([settings.encoding, settings.language, settings.detect], ['alaw', 'de', false]);
    made.opened({ index: 0 });
    assert.deepEqual(brief(made.events(event.ended(0, 'committed'), 0)), ['committed item_1', 'created']);
  });

  test('A completed item tells what the filters took away, where they did.', () => {
    const made = live();
    const final = {
      ...event.final(0, 'Hello.'),
      filtered: [{ startMs: 400, endMs: 900, text: 'Thank you.', reason: 'phantom_phrase' }],
    };
    const completed = [
      event.started(0),
      event.ended(0),
      final,
      event.started(1),
      event.ended(1),
      event.final(1, 'Bye.'),
    ]
      .flatMap((one) => said(made.events(one, 0)))
      .filter((event) => String(event['type']).endsWith('.completed'));
    assert.deepEqual(
      completed.map((event) => event['filtered']),
      [[{ start: 0.4, end: 0.9, text: 'Thank you.', reason: 'phantom_phrase' }], undefined],
    );
  });

  test('A turn that the service finds runs from speech_started to completed under one item, each item naming the one before.', () => {
    const made = live();
    const events = [
      event.started(0),
      event.partial(0, 'Hello wor', 6),
      event.partial(0, 'Hello world', 11),
      event.ended(0),
      event.final(0, 'Hello world.'),
      event.started(1),
      event.ended(1),
      event.final(1, 'Bye.'),
    ].map((one) => made.events(one, 0));
    assert.deepEqual(events.flatMap(brief), [
      'speech_started item_1',
      'delta item_1',
      'delta item_1',
      'speech_stopped item_1',
      'committed item_1',
      'added',
      'done',
      'delta item_1',
      'completed item_1',
      'speech_started item_2',
      'speech_stopped item_2',
      'committed item_2',
      'added',
      'done',
      'delta item_2',
      'completed item_2',
    ]);
    const all = events.flatMap((actions) => said(actions));
    assert.deepEqual(
      all.filter((event) => event['type'] === 'input_audio_buffer.committed').map((event) => event['previous_item_id']),
      [null, 'item_1'],
    );
    assert.deepEqual(
      all
        .filter((event) => 'audio_start_ms' in event || 'audio_end_ms' in event)
        .map((event) => event['audio_start_ms'] ?? event['audio_end_ms']),
      [0, 1_000, 2_000, 3_000],
    );
    const [completed] = all.filter((event) => String(event['type']).endsWith('.completed'));
    assert.deepEqual(
      [completed?.['transcript'], completed?.['usage'], completed?.['languages'], completed?.['content_index']],
      ['Hello world.', { type: 'duration', seconds: 1 }, [{ code: 'en' }], 0],
    );
    assert.equal(new Set(all.map((event) => event['event_id'])).size, all.length);
    assert.ok(
      all.every((event) => !('item_id' in event) || event['item_id'] !== null),
      'no null where LiveKit would end',
    );
  });

  test('Deltas only add what is certain, and together are the transcript.', () => {
    const made = live();
    const told = [
      event.partial(0, 'I scream', 2),
      event.partial(0, 'Ice', 0),
      event.partial(0, 'I scream for', 9),
      event.final(0, 'I scream for ice.'),
    ].map((one) => deltas(made.events(one, 0)));
    assert.deepEqual(told, ['I', '', ' scream', ' for ice.']);
  });

  test('Where the final takes back what was held for certain, nothing is added, and the transcript is right.', () => {
    const made = live();
    assert.equal(deltas(made.events(event.partial(0, 'Ice cream', 9), 0)), 'Ice cream');
    const actions = made.events(event.final(0, 'I scream.'), 0);
    assert.equal(deltas(actions), '');
    assert.equal(said(actions).at(-1)?.['transcript'], 'I scream.');
  });

  test('Without detection a turn is what the client commits; what was cut for its length stays in it.', () => {
    const made = live({ audio: { input: { turn_detection: null } } });
    const actions = [
      event.started(0),
      event.ended(0, 'cut'),
      event.partial(1, 'two'),
      event.final(0, 'One', 'cut'),
      event.ended(1, 'committed'),
      event.final(1, 'two.', 'committed'),
      event.ended(2, 'committed'),
      event.final(2, 'Three.', 'committed'),
    ].map((one) => made.events(one, 0));
    assert.deepEqual(
      actions.flatMap(brief).filter((event) => !/^(added|done)/.test(event)),
      [
        'delta item_1',
        'committed item_1',
        'delta item_1',
        'completed item_1',
        'committed item_2',
        'delta item_2',
        'completed item_2',
      ],
    );
    assert.deepEqual(
      actions
        .flatMap((one) => said(one))
        .filter((event) => 'transcript' in event)
        .map((event) => [event['transcript'], (event['usage'] as { seconds: number }).seconds]),
      [
        ['One two.', 2],
        ['Three.', 1],
      ],
    );
  });

  test("A model whose clients commit is not listened to for pauses, and a commit of less than 100 ms is OpenAI's error and leaves the audio in the buffer.", () => {
    for (const session of [
      { audio: { input: { transcription: { model: 'gpt-realtime-whisper' } } } },
      { audio: { input: { turn_detection: null } } },
    ]) {
      const made = translator();
      made.text(update(session));
      const refusal = (ms: string): object => ({
        type: 'invalid_request_error',
        code: 'input_audio_buffer_commit_empty',
        param: null,
        event_id: 'mine',
        message: `Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has ${ms}ms of audio.`,
      });
      assert.deepEqual(
        said(made.text(COMMIT)).map(({ error }) => error),
        [refusal('0.00')],
      );
      const little = JSON.stringify({
        type: 'input_audio_buffer.append',
        audio: Buffer.alloc(2_400).toString('base64'),
      });
      assert.equal(openedWith(made.text(little)).detect, false);
      made.opened({ index: 0 });
      assert.deepEqual(
        said(made.text(COMMIT)).map(({ error }) => error),
        [refusal('50.00')],
      );
      made.text(little);
      assert.deepEqual(done(made.text(COMMIT)), ['commit']);
      made.events(event.ended(0, 'committed'), 0);
      assert.deepEqual([made.committed(0), said(made.text(COMMIT)).map(({ error }) => error)], [[], [refusal('0.00')]]);
      assert.deepEqual(brief(made.text(APPEND)), [], 'and no item is left behind');
    }
  });

  test('A turn of several parts in a script without spaces is one text without spaces, in deltas and at its end.', () => {
    const made = live({ audio: { input: { turn_detection: null } } });
    const all = [
      event.started(0),
      event.ended(0, 'cut'),
      event.final(0, '今天天气很好', 'cut'),
      event.partial(1, '我们去'),
      event.ended(1, 'committed'),
      event.final(1, '我们去公园。', 'committed'),
    ].flatMap((one) => made.events(one, 0));
    assert.equal(deltas(all), '今天天气很好我们去公园。');
    assert.equal(said(all).find((event) => 'transcript' in event)?.['transcript'], '今天天气很好我们去公园。');
  });

  test('A turn that the client commits while somebody speaks ends as others do, and its item is told once.', () => {
    const made = live();
    made.text(COMMIT);
    const events = [
      made.events(event.started(0), 0),
      made.events(event.ended(0, 'committed'), 0),
      made.committed(0),
      made.events(event.final(0, 'Hello.', 'committed'), 0),
    ];
    assert.deepEqual(events.flatMap(brief), [
      'speech_started item_1',
      'speech_stopped item_1',
      'committed item_1',
      'added',
      'done',
      'delta item_1',
      'completed item_1',
    ]);
  });

  test('A commit after nothing but a cut utterance completes its item once that is final.', () => {
    const made = live({ audio: { input: { turn_detection: null } } });
    made.events(event.ended(0, 'cut'), 0);
    assert.deepEqual(brief(made.committed(null)), ['committed item_1', 'added', 'done']);
    assert.deepEqual(brief(made.events(event.final(0, 'All.', 'cut'), 0)), ['delta item_1', 'completed item_1']);
  });

  test("With detection an empty commit is an error that names the client's event.", () => {
    const made = live();
    made.text(COMMIT);
    const [error] = said(made.committed(null));
    assert.deepEqual(
      [
        error?.['type'],
        (error?.['error'] as Record<string, unknown>)['code'],
        (error?.['error'] as Record<string, unknown>)['event_id'],
      ],
      ['error', 'input_audio_buffer_commit_empty', 'mine'],
    );
  });

  test('What cannot be understood is answered with an error and changes nothing.', () => {
    const made = translator();
    const wrong: [string, string, string | null][] = [
      ['no json', 'invalid_message', null],
      ['[]', 'invalid_message', 'type'],
      ['{"type":"response.create"}', 'invalid_message', 'type'],
      ['{"type":"input_audio_buffer.append","audio":"%%%"}', 'invalid_field', 'audio'],
      ['{"type":"input_audio_buffer.append"}', 'invalid_field', 'audio'],
      [update({ audio: { input: { format: { type: 'audio/mp3' } } } }), 'invalid_field', 'session.audio.input.format'],
      ['{"type":"session.update","session":{"type":"realtime"}}', 'invalid_field', 'session.type'],
      ['{"type":"session.update"}', 'invalid_field', 'session'],
    ];
    for (const [message, code, param] of wrong) {
      const actions = made.text(message);
      assert.deepEqual(done(actions), [], message);
      const [{ error } = { error: {} }] = said(actions) as { error: Record<string, unknown> }[];
      assert.deepEqual([error['code'], error['param'], error['type']], [code, param, 'invalid_request_error'], message);
    }
    assert.equal(said(made.audio())[0]?.['type'], 'error');
    assert.equal(openedWith(made.text(APPEND)).encoding, 'pcm_s16le');
  });

  test('A later update takes effect in a new session, between turns, and times go on.', () => {
    const made = live();
    made.events(event.started(0), 0);
    made.text(update({ audio: { input: { transcription: { prompt: 'Other' } } } }));
    assert.deepEqual(done(made.text(APPEND)), ['push'], 'not in mid-turn');
    made.events(event.ended(0), 0);
    const actions = made.text(APPEND);
    assert.deepEqual(done(actions), ['open', 'push']);
    assert.equal(openedWith(actions).prompt, 'Other');
    made.opened({ index: 1 });
    assert.deepEqual(
      brief(made.events(event.final(0, 'Old.'), 0)),
      ['delta item_1', 'completed item_1'],
      'the old session still tells its finals',
    );
    assert.equal(said(made.events(event.started(0), 1))[0]?.['audio_start_ms'], 200, 'after two appends of 100 ms');
    assert.deepEqual(done(made.events(event.closed(), 0)), [], 'its end is not the end');
    made.text(update({ audio: { input: { format: { type: 'audio/pcma' } } } }));
    assert.deepEqual(done(made.text(APPEND)), ['open', 'push'], 'another format cannot wait');
  });

  test("A client secret's session is in force from the start.", () => {
    const made = translator({ input: { transcription: { language: 'fr' }, turn_detection: null } });
    assert.equal(
      (said(made.begin())[0]?.['session'] as { audio: { input: { transcription: { language: string } } } }).audio.input
        .transcription.language,
      'fr',
    );
    assert.deepEqual([openedWith(made.text(APPEND)).language], ['fr']);
  });

  test('Clients of the unfinished API are greeted in its words.', () => {
    assert.equal(said(translator({ legacy: true }).begin())[0]?.['type'], 'transcription_session.created');
  });

  test('Clearing drops what is not committed and is confirmed, with or without a session.', () => {
    const clear = '{"type":"input_audio_buffer.clear"}';
    assert.deepEqual([done(translator().text(clear)), brief(translator().text(clear))], [[], ['cleared']]);
    const made = live();
    made.events(event.ended(0), 0);
    assert.deepEqual([made.events(event.started(1), 0), made.events(event.partial(1, 'Not this'), 0)].flatMap(brief), [
      'speech_started item_2',
      'delta item_2',
    ]);
    const actions = made.text(clear);
    assert.deepEqual([done(actions), brief(actions)], [['clear'], ['cleared']]);
    assert.deepEqual(
      [event.started(1), event.final(0, 'One.'), event.ended(1), event.final(1, 'Two.')]
        .map((one) => made.events(one, 0))
        .flatMap(brief)
        .filter((event) => / item_/.test(event)),
      [
        'speech_started item_3',
        'delta item_1',
        'completed item_1',
        'speech_stopped item_3',
        'committed item_3',
        'delta item_3',
        'completed item_3',
      ],
      'its number is used again, its item is not',
    );
  });

  test('Turns that get no transcript are told as failed, and the end is told with its reason.', () => {
    const failing = live();
    failing.events(event.ended(0), 0);
    assert.deepEqual(brief(failing.events(event.error(), 0)), ['error']);
    const actions = failing.events(event.closed('failed'), 0);
    assert.deepEqual([brief(actions), done(actions)], [['failed item_1'], ['close 1011']]);
    const idle = live().events(event.closed('idle'), 0);
    assert.deepEqual(
      [(said(idle)[0]?.['error'] as { code: string }).code, done(idle)],
      ['session_expired', ['close 1000']],
    );
    const refused = live().fault(new AsrError('model_not_found'));
    assert.deepEqual(
      [(said(refused)[0]?.['error'] as { code: string }).code, done(refused)],
      ['model_not_found', ['close 1008']],
    );
    assert.deepEqual(done(live().fault(new AsrError('shutting_down'))), ['close 1012']);
  });
});
