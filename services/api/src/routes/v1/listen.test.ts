import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { testApp } from '../../testing/test-app.js';

const RAW = { 'content-type': 'application/octet-stream' };

interface Answer {
  readonly metadata: {
    readonly request_id: string;
    readonly sha256: string;
    readonly duration: number;
    readonly channels: number;
    readonly models: string[];
  };
  readonly results: {
    readonly channels: readonly {
      readonly alternatives: readonly {
        readonly transcript: string;
        readonly confidence: number;
        readonly words: unknown[];
      }[];
      readonly detected_language?: string;
    }[];
    readonly utterances?: readonly {
      readonly start: number;
      readonly end: number;
      readonly transcript: string;
      readonly id: string;
    }[];
  };
}

interface Refusal {
  readonly err_code: string;
  readonly err_msg: string;
  readonly request_id: string;
}

/** A server of this machine that delivers one recording. */
async function served(t: TestContext, recording: string): Promise<string> {
  const server = createServer((_request, response) => {
    response.end(recording);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

describe("Deepgram's POST /v1/listen", () => {
  test('The metadata tell what the filters took away.', async (t) => {
    const { app } = await testApp(t);
    const reply = await app.inject({
      method: 'POST',
      url: '/v1/listen',
      headers: RAW,
      payload: 'One two.\n[One two.]\n',
    });
    assert.deepEqual(reply.json<{ metadata: { filtered?: unknown } }>().metadata.filtered, [
      { start: 1, end: 1, text: 'One two.', reason: 'repetition' },
    ]);
  });

  test("The body is the recording; the answer has Deepgram's form, the digest of the bytes and the request's id.", async (t) => {
    const { app, service } = await testApp(t);
    const payload = 'One two.\nThree.\n';
    const reply = await app.inject({
      method: 'POST',
      url: '/v1/listen?model=nova-3&language=en-US&smart_format=true&utterances=true&keyterm=Bee&keyterm=Cee&detect_language=false&punctuate=true',
      headers: RAW,
      payload,
    });
    const { metadata, results } = reply.json<Answer>();
    assert.equal(reply.statusCode, 200);
    assert.deepEqual(
      [metadata.sha256, metadata.duration, metadata.channels, metadata.models.length],
      [createHash('sha256').update(payload).digest('hex'), 2, 1, 1],
    );
    assert.equal(metadata.request_id, reply.headers['x-request-id']);
    const [alternative] = results.channels[0]?.alternatives ?? [];
    assert.deepEqual(
      [results.channels.length, alternative?.transcript, alternative?.words],
      [1, 'One two. Three.', []],
    );
    assert.ok(Math.abs((alternative?.confidence ?? 0) - 0.9) < 1e-9);
    assert.deepEqual(
      results.utterances?.map(({ start, end, transcript }) => [start, end, transcript]),
      [
        [0, 1, 'One two.'],
        [1, 2, 'Three.'],
      ],
    );
    const { model, decode } = service.starts[0]?.options ?? {};
    assert.deepEqual(
      [model, decode?.language, decode?.hotwords, decode?.wordTimestamps],
      ['nova-3', 'en', 'Bee, Cee', false],
    );
  });

  test('Utterances of a script without spaces are one text without spaces.', async (t) => {
    const { app } = await testApp(t);
    const reply = await app.inject({
      method: 'POST',
      url: '/v1/listen',
      headers: RAW,
      payload: 'สวัสดีครับ\nวันนี้อากาศดี\n',
    });
    assert.equal(reply.json<Answer>().results.channels[0]?.alternatives[0]?.transcript, 'สวัสดีครับวันนี้อากาศดี');
  });

  test('Channels by themselves and the language come where they are asked for.', async (t) => {
    const { app, service } = await testApp(t);
    const reply = await app.inject({
      method: 'POST',
      url: '/v1/listen?multichannel=true&detect_language=true&utt_split=1.2',
      headers: { 'content-type': 'audio/wav' },
      payload: 'One.\n',
    });
    assert.equal(reply.json<Answer>().results.channels[0]?.detected_language, 'en');
    assert.deepEqual(
      [service.starts[0]?.options.channels, service.starts[0]?.options.detect.minSilenceMs],
      ['split', 1_200],
    );
    assert.equal('utterances' in reply.json<Answer>().results, false);
  });

  test('Samples without a header are read as `encoding`, `sample_rate` and `channels` say; a file with a header as what it is.', async (t) => {
    const { app } = await testApp(t);
    const heard = async (query: string, payload: string): Promise<string> => {
      const reply = await app.inject({ method: 'POST', url: `/v1/listen?${query}`, headers: RAW, payload });
      assert.equal(reply.statusCode, 200, reply.body);
      const { metadata, results } = reply.json<Answer>();
      assert.equal(metadata.sha256, createHash('sha256').update(payload).digest('hex'), 'of the bytes that were sent');
      return results.channels[0]?.alternatives[0]?.transcript ?? '';
    };
    const samples = 'Samples.\n';
    assert.match(
      await heard('encoding=linear16&sample_rate=16000', samples),
      /^RIFF.{4}WAVEfmt [^]*data[^]*Samples\.$/,
    );
    assert.match(await heard('encoding=mulaw&sample_rate=8000&channels=2', samples), /^RIFF[^]*Samples\.$/);
    for (const query of ['encoding=linear16', 'sample_rate=16000', 'encoding=opus&sample_rate=48000'])
      assert.equal(await heard(query, samples), 'Samples.');
    assert.equal(await heard('encoding=linear16&sample_rate=16000', 'fLaC.\n'), 'fLaC.');
  });

  test('Languages to choose from ask for detection, and one alone is the language.', async (t) => {
    const { app, service } = await testApp(t);
    const said = async (query: string): Promise<readonly unknown[]> => {
      const reply = await app.inject({ method: 'POST', url: `/v1/listen?${query}`, headers: RAW, payload: 'One.\n' });
      assert.equal(reply.statusCode, 200, query);
      return [
        reply.json<Answer>().results.channels[0]?.detected_language !== undefined,
        service.starts.at(-1)?.options.decode.language,
      ];
    };
    assert.deepEqual(await said('detect_language=en&detect_language=de'), [true, null]);
    assert.deepEqual(await said('language=en&detect_language=en,de'), [true, null]);
    assert.deepEqual(await said('detect_language=en'), [true, 'en']);
    assert.deepEqual(await said('language=en&detect_language=true'), [true, null]);
    assert.deepEqual(await said('language=en&detect_language=false'), [false, 'en']);
  });

  test('A JSON body names the recording by its URL, which is fetched only where it may be.', async (t) => {
    const host = await served(t, 'Fetched.\n');
    const { app } = await testApp(t, { URL_ALLOWLIST: host });
    const ask = (payload: string) =>
      app.inject({ method: 'POST', url: '/v1/listen', headers: { 'content-type': 'application/json' }, payload });
    assert.equal(
      (await ask(JSON.stringify({ url: `http://${host}/a.wav` }))).json<Answer>().results.channels[0]?.alternatives[0]
        ?.transcript,
      'Fetched.',
    );
    for (const [payload, code] of [
      [JSON.stringify({ url: 'http://127.0.0.1:1/a.wav' }), 'url_not_allowed'],
      ['{"url":5}', 'invalid_field'],
      ['{}', 'invalid_field'],
      ['no json', 'invalid_request'],
    ] as const) {
      const reply = await ask(payload);
      assert.deepEqual([reply.statusCode, reply.json<Refusal>().err_code], [400, code], payload);
    }
  });

  test("Refusals have Deepgram's form: options that cannot be had, a model that is not there, no key.", async (t) => {
    const { app, service } = await testApp(t);
    const wrong = [
      ['/v1/listen?redact=pci', 'One.\n', 400, 'invalid_field'],
      ['/v1/listen?callback=https://x.example', 'One.\n', 400, 'invalid_field'],
      ['/v1/listen?language=xx', 'One.\n', 400, 'unsupported_language'],
      ['/v1/listen?model=other', 'One.\n', 404, 'model_not_found'],
      ['/v1/listen?utterances=maybe', 'One.\n', 400, 'invalid_field'],
    ] as const;
    for (const [url, payload, status, code] of wrong) {
      const reply = await app.inject({ method: 'POST', url, headers: RAW, payload });
      const refusal = reply.json<Refusal>();
      assert.deepEqual(
        [reply.statusCode, refusal.err_code, reply.headers['dg-error'], refusal.request_id],
        [status, code, code, reply.headers['x-request-id']],
        url,
      );
      assert.notEqual(refusal.err_msg, '');
    }
    const unreadable = await app.inject({ method: 'POST', url: '/v1/listen', headers: RAW, payload: 'BAD' });
    const { err_code: code, err_msg: message, request_id: id } = unreadable.json<Refusal>();
    assert.deepEqual(
      [unreadable.statusCode, code, id, unreadable.headers['dg-error']],
      [400, 'Bad Request', unreadable.headers['x-request-id'], 'unprocessable_audio'],
    );
    assert.match(message, /^Bad Request: failed to process audio: corrupt or unsupported data/);
    assert.equal(
      (await app.inject({ method: 'POST', url: '/v1/listen?redact=false', headers: RAW, payload: 'One.\n' }))
        .statusCode,
      200,
    );
    assert.ok(service.starts.length >= 2);
  });
});
