import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { form, testApp, type Part } from '../testing/test-app.js';

const hello: Part = ['file', 'Hello there.\nGood-bye.', 'private name.WAV'];

describe('POST /transcribe', () => {
  test('A form with the file first gives the whole transcript as JSON.', async (t) => {
    const { app, service } = await testApp(t);
    const reply = await app.inject({
      method: 'POST',
      url: '/transcribe',
      ...form(hello, ['language', 'de'], ['vad', 'false'], ['min_silence_ms', '700'], ['no_speech_threshold', 'none']),
    });
    assert.equal(reply.statusCode, 200, reply.body);
    const body = reply.json<Record<string, unknown>>();
    assert.equal(body['text'], 'Hello there. Good-bye.');
    assert.deepEqual(Object.keys(body).sort(), [
      'accounting',
      'channels',
      'duration',
      'filtered',
      'id',
      'language',
      'language_probability',
      'model',
      'segments',
      'task',
      'text',
      'timings',
      'warnings',
    ]);
    assert.deepEqual((body['segments'] as unknown[])[1], {
      id: 1,
      start: 1,
      end: 2,
      text: 'Good-bye.',
      confidence: 0.9,
      channel: 0,
    });
    const [start] = service.starts;
    assert.ok(start);
    assert.equal(start.extension, 'wav');
    assert.equal(start.contentType, 'audio/wav');
    assert.equal(start.options.decode.language, 'de');
    assert.equal(start.options.detect.vad, false);
    assert.equal(start.options.detect.minSilenceMs, 700);
    assert.equal(start.options.detect.threshold, 0.5);
    assert.equal(start.options.decode.filter.noSpeechThreshold, null);
  });

  test('Fields may come before the file or as query parameters.', async (t) => {
    const { app, service } = await testApp(t);
    await app.inject({ method: 'POST', url: '/transcribe', ...form(['language', 'en-US'], hello) });
    await app.inject({ method: 'POST', url: '/transcribe?language=de&channels=split', ...form(hello) });
    assert.deepEqual(
      service.starts.map((start) => [start.options.decode.language, start.options.channels]),
      [
        ['en', 'mix'],
        ['de', 'split'],
      ],
    );
  });

  test('The audio track may be chosen at every endpoint that takes a recording, in the form or as a query parameter.', async (t) => {
    const { app, service } = await testApp(t);
    for (const path of ['/transcribe', '/transcribe/stream', '/v1/audio/transcriptions']) {
      await app.inject({ method: 'POST', url: path, ...form(['track', '1'], hello) });
      await app.inject({ method: 'POST', url: `${path}?track=2`, ...form(hello) });
      await app.inject({ method: 'POST', url: path, ...form(hello) });
      assert.deepEqual(
        service.starts.splice(0).map((start) => start.options.track),
        [1, 2, null],
        path,
      );
      const refused = await app.inject({ method: 'POST', url: `${path}?track=-1`, ...form(hello) });
      assert.deepEqual(
        [refused.statusCode, refused.json<{ error: { code: string; param: string } }>().error.param],
        [400, 'track'],
        path,
      );
    }
    await app.inject({
      method: 'POST',
      url: '/v1/listen?track=2',
      headers: { 'content-type': 'audio/wav' },
      payload: 'One.\n',
    });
    assert.equal(service.starts[0]?.options.track, 2);
  });

  test('A raw body is read with its content type and query parameters.', async (t) => {
    const { app, service } = await testApp(t);
    const reply = await app.inject({
      method: 'POST',
      url: '/transcribe?response_format=text',
      headers: { 'content-type': 'audio/ogg; codecs=opus' },
      payload: 'One\nTwo',
    });
    assert.equal(reply.body, 'One Two\n');
    assert.match(String(reply.headers['content-type']), /^text\/plain/);
    assert.equal(service.starts[0]?.contentType, 'audio/ogg');
  });

  test('Every response format has its content type.', async (t) => {
    const { app } = await testApp(t);
    const ask = async (format: string) =>
      app.inject({ method: 'POST', url: `/transcribe?response_format=${format}`, ...form(hello) });
    assert.equal(
      (await ask('srt')).body,
      '1\n00:00:00,000 --> 00:00:01,000\nHello there.\n\n2\n00:00:01,000 --> 00:00:02,000\nGood-bye.\n\n',
    );
    const vtt = await ask('vtt');
    assert.match(String(vtt.headers['content-type']), /^text\/vtt/);
    assert.match(vtt.body, /^WEBVTT\n\n00:00:00\.000 --> /);
    assert.equal((await ask('verbose_json')).json<{ language: string }>().language, 'english');
  });
});
