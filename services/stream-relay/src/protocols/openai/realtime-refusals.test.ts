import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AsrError } from '@murmuration/contracts';
import { event, done, openedWith, said } from '../testing/live-events.js';
import { APPEND, COMMIT, brief, live, translator, update } from './testing/realtime-client.js';

describe('OpenAI Realtime', () => {
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
