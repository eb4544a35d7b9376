import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { event, done, openedWith, said } from '../testing/live-events.js';
import { APPEND, brief, live, translator, update } from './testing/realtime-client.js';

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
});
