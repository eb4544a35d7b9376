import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { Murmuration } from '../murmuration.js';
import { TestServer, refuse, sse, type Answer } from '../testing/test-server.js';
import type { TranscribePart } from './transcribe.js';

const SEGMENT = { id: 0, start: 0, end: 1, text: 'hello', confidence: 0.9, channel: 0 };
const TRANSCRIPT = { id: 't', text: 'hello', segments: [SEGMENT] };
const AUDIO = new TextEncoder().encode('some audio');

async function opened(
  t: TestContext,
  answer: Answer,
  early = false,
): Promise<{ client: Murmuration; server: TestServer }> {
  const server = await TestServer.open(answer, early);
  t.after(() => server.close());
  return { client: new Murmuration({ baseUrl: `${server.url}/`, apiKey: 'murm_k' }), server };
}

describe('Transcribing', () => {
  test('Gives segments as they come, then the whole; fields go before the file', async (t) => {
    const { client, server } = await opened(t, (_seen, response) => {
      response.end(
        `: at work\n\n${sse('segment', SEGMENT)}${sse('event of a later version', {})}${sse('done', TRANSCRIPT)}`,
      );
    });
    const parts: TranscribePart[] = [];
    for await (const part of client.transcribeStream(AUDIO, {
      language: 'en',
      word_timestamps: true,
      logprob_threshold: 'none',
    }))
      parts.push(part);
    assert.deepEqual(parts, [
      { type: 'segment', segment: SEGMENT },
      { type: 'done', transcript: TRANSCRIPT },
    ]);
    const body = server.seen[0]?.body.toString('latin1') ?? '';
    const at = [
      'name="response_format"',
      'name="language"',
      'name="word_timestamps"',
      'name="logprob_threshold"',
      'name="file"',
    ].map((name) => body.indexOf(name));
    assert.ok(!at.includes(-1) && at.every((place, i) => place >= (at[i - 1] ?? 0)), body);
    assert.ok(body.includes('some audio'));
    assert.deepEqual(await client.transcribe(AUDIO), TRANSCRIPT);
  });

  test('As text it is asked for as text', async (t) => {
    const { client, server } = await opened(t, (_seen, response) => {
      response.end('WEBVTT\n');
    });
    assert.equal(await client.transcribe(AUDIO, { response_format: 'vtt' }), 'WEBVTT\n');
    assert.equal(server.seen[0]?.url, '/transcribe');
    assert.match(server.seen[0].body.toString('latin1'), /name="response_format"\r\n\r\nvtt\r\n/);
  });

  test('A refusal is repeated for what can be sent again, and told for a stream', async (t) => {
    const { client, server } = await opened(t, (_seen, response) => {
      if (server.seen.length % 2 === 1) refuse(response, 429, 'queue_full', { 'retry-after': '0' });
      else response.end(sse('done', TRANSCRIPT));
    });
    assert.deepEqual(await client.transcribe(AUDIO), TRANSCRIPT);
    assert.equal(server.seen.length, 2);
    await assert.rejects(client.transcribe(new Blob([AUDIO]).stream()), { code: 'queue_full' });
    assert.equal(server.seen.length, 3);
  });

  test('An error in the stream is thrown with its code; a stream that only ends is no transcript', async (t) => {
    const { client, server } = await opened(t, (_seen, response) => {
      response.end(
        server.seen.length === 1
          ? sse('error', { error: { message: 'not audio', type: 'x', param: 'file', code: 'unprocessable_audio' } })
          : sse('segment', SEGMENT),
      );
    });
    await assert.rejects(client.transcribe(AUDIO), {
      code: 'unprocessable_audio',
      param: 'file',
      message: 'not audio',
    });
    await assert.rejects(client.transcribe(AUDIO), { code: 'unreachable' });
    assert.equal(server.seen.length, 2);
  });

  test('A refusal is heard while the recording is still being sent', async (t) => {
    const { client } = await opened(
      t,
      (_seen, response, request) => {
        refuse(response, 401, 'unauthenticated');
        request.resume();
      },
      true,
    );
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;)
        yield await new Promise<Uint8Array>((resolve) => {
          setImmediate(() => {
            resolve(AUDIO);
          });
        });
    }
    await assert.rejects(client.transcribe(endless()), { code: 'unauthenticated', status: 401 });
  });

  test('Who leaves, or aborts, ends the connection, so that the server cancels the work', async (t) => {
    let ends = 0;
    const { client, server } = await opened(t, (_seen, response) => {
      response.on('close', () => {
        ends++;
      });
      response.write(sse('segment', SEGMENT));
    });
    for await (const part of client.transcribeStream(AUDIO)) {
      assert.equal(part.type, 'segment');
      break;
    }
    const leaving = new AbortController();
    const reason = new Error('enough');
    await assert.rejects(async () => {
      for await (const part of client.transcribeStream(AUDIO, { signal: leaving.signal })) {
        assert.equal(part.type, 'segment');
        leaving.abort(reason);
      }
    }, reason);
    while (ends < 2)
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
    assert.equal(server.seen.length, 2);
  });
});
