import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { form, testApp } from '../testing/test-app.js';

const RECORDING = form(['audio_file', 'One two.\nThree.', 'film.mkv']);

describe("whisper-asr-webservice's POST /asr", () => {
  test('Text comes by default, and each form of the answer as plain text', async (t) => {
    const { app } = await testApp(t);
    for (const [output, wanted] of [
      ['', /^One two\.[ \n]Three\.\n?$/],
      ['txt', /^One two\.[ \n]Three\.\n?$/],
      ['srt', /^1\n00:00:00,000 --> 00:00:0\d,\d{3}\nOne two\./],
      ['vtt', /^WEBVTT\n\n00:00[:.\d]* --> .*\nOne two\./],
      ['tsv', /^start\tend\ttext\n0\t1000\tOne two\.\n1000\t2000\tThree\./],
    ] as const) {
      const reply = await app.inject({ method: 'POST', url: `/asr?output=${output}`, ...RECORDING });
      assert.equal(reply.statusCode, 200, reply.body);
      assert.match(String(reply.headers['content-type']), /^text\/plain/);
      assert.match(reply.body, wanted);
    }
    const json = await app.inject({ method: 'POST', url: '/asr?output=json', ...RECORDING });
    const { text, language, segments } = JSON.parse(json.body) as {
      text: string;
      language: string;
      segments: { id: number; start: number; text: string; avg_logprob: number }[];
    };
    assert.deepEqual([text, language], ['One two. Three.', 'en']);
    assert.deepEqual(
      segments.map((segment) => [segment.id, segment.start, segment.text.trim()]),
      [
        [0, 0, 'One two.'],
        [1, 1, 'Three.'],
      ],
    );
  });

  test('Options go to the model, and those of other engines are let pass', async (t) => {
    const { app, service } = await testApp(t);
    const reply = await app.inject({
      method: 'POST',
      url: '/asr?task=transcribe&language=german&initial_prompt=Names&vad_filter=true&min_speakers=2&diarize=false',
      ...RECORDING,
    });
    assert.equal(reply.statusCode, 200, reply.body);
    const [start] = service.starts;
    assert.deepEqual(
      [start?.options.decode.language, start?.options.decode.prompt, start?.extension],
      ['de', 'Names', 'mkv'],
    );
  });

  test('Samples without a header are read as wav of 16 bit, mono, 16 kHz', async (t) => {
    const { app, service } = await testApp(t);
    const reply = await app.inject({
      method: 'POST',
      url: '/asr?encode=false',
      ...form(['audio_file', 'Samples.', 'audio_file']),
    });
    assert.equal(reply.statusCode, 200, reply.body);
    assert.match(reply.body, /^RIFF.{4}WAVEfmt [^]*data[^]*Samples\.\n?$/);
    assert.deepEqual([service.starts[0]?.contentType, service.starts[0]?.extension], ['audio/wav', 'wav']);
  });

  test('What is wrong is told with the names of its fields', async (t) => {
    const { app } = await testApp(t);
    for (const [query, body, param, code] of [
      ['', form(['file', 'Text.', 'a.wav']), 'audio_file', 'missing_file'],
      ['', form(['audio_file', 'Text.']), 'audio_file', 'missing_file'],
      ['', form(['audio_file', '', 'a.wav']), 'audio_file', 'empty_file'],
      ['?output=docx', RECORDING, 'output', 'invalid_field'],
      ['?diarize=true', RECORDING, 'diarize', 'invalid_field'],
      ['?language=fr', RECORDING, 'language', 'unsupported_language'],
    ] as const) {
      const reply = await app.inject({ method: 'POST', url: `/asr${query}`, ...body });
      const { error } = reply.json<{ error: { code: string; param: string } }>();
      assert.deepEqual([error.code, error.param], [code, param]);
    }
  });
});

test('POST /detect-language tells the language by name and code, and reads no more than three minutes of samples', async (t) => {
  const { app, service } = await testApp(t);
  const samples = `Speech.\n${'#'.repeat(3 * 60 * 32_000)}\nBeyond.`;
  const reply = await app.inject({
    method: 'POST',
    url: '/detect-language?encode=false',
    ...form(['audio_file', samples, 'audio_file']),
  });
  assert.deepEqual(reply.json(), { detected_language: 'english', language_code: 'en', confidence: 1 });
  let read = 0;
  for await (const bytes of service.starts[0]?.source ?? []) read += bytes.length;
  assert.ok(read <= 3 * 60 * 32_000 + 44);
});
