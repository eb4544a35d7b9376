import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createKey } from '@murmuration/access';
import { form, testApp } from './testing/test-app.js';

interface ErrorReply {
  readonly error: { readonly code: string; readonly type: string; readonly param: string | null };
}

describe('The HTTP endpoint', () => {
  test('Unknown addresses answer 404 in the one shape, /metrics among them.', async (t) => {
    const { app } = await testApp(t);
    for (const url of ['/nothing', '/metrics', '/v1', '/transcribe/']) {
      const reply = await app.inject({ url });
      assert.deepEqual(
        [reply.statusCode, reply.json<ErrorReply>().error.code, reply.json<ErrorReply>().error.type],
        [404, 'not_found', 'not_found_error'],
        url,
      );
    }
    assert.equal((await app.inject({ url: '/%zz' })).json<ErrorReply>().error.code, 'invalid_request');
  });

  test('A wrong method answers 405 with those that the address takes.', async (t) => {
    const { app } = await testApp(t);
    const get = await app.inject({ method: 'GET', url: '/transcribe?x=1' });
    assert.deepEqual(
      [get.statusCode, get.headers['allow'], get.json<ErrorReply>().error.code],
      [405, 'POST', 'method_not_allowed'],
    );
    const post = await app.inject({
      method: 'POST',
      url: '/v1/models/a/b',
      headers: { 'content-type': 'application/json' },
      payload: '{}',
    });
    assert.deepEqual([post.statusCode, post.headers['allow']], [405, 'GET, HEAD']);
  });

  test("Every answer has a request id: the client's when it is sane, else a new one.", async (t) => {
    const { app } = await testApp(t);
    const idOf = async (given?: string): Promise<string> =>
      String(
        (await app.inject({ url: '/health', ...(given === undefined ? {} : { headers: { 'x-request-id': given } }) }))
          .headers['x-request-id'],
      );
    assert.equal(await idOf('abc-1.2_3'), 'abc-1.2_3');
    assert.match(await idOf('bad id'), /^[0-9a-f-]{36}$/);
    assert.match(await idOf('x'.repeat(200)), /^[0-9a-f-]{36}$/);
    assert.match(await idOf(), /^[0-9a-f-]{36}$/);
    assert.match(String((await app.inject({ url: '/nothing' })).headers['x-request-id']), /^[0-9a-f-]{36}$/);
  });

  test('Browsers of the named origins may call, also when they are refused; others may not.', async (t) => {
    const { app } = await testApp(t, { CORS_ORIGINS: 'https://app.example, http://localhost:3000' });
    const allowed = async (origin: string): Promise<unknown> =>
      (await app.inject({ method: 'POST', url: '/transcribe', headers: { origin } })).headers[
        'access-control-allow-origin'
      ];
    assert.equal(await allowed('https://app.example'), 'https://app.example');
    assert.equal(await allowed('https://evil.example'), undefined);
    const preflight = await app.inject({
      method: 'OPTIONS',
      url: '/v1/audio/transcriptions',
      headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' },
    });
    assert.equal(preflight.statusCode, 204);
    const stream = await app.inject({
      method: 'POST',
      url: '/transcribe/stream',
      headers: { origin: 'https://app.example', 'content-type': 'audio/wav' },
      payload: 'x\n',
    });
    assert.equal(stream.headers['access-control-allow-origin'], 'https://app.example');
  });

  test('Without CORS_ORIGINS no browser of another origin may call.', async (t) => {
    const { app } = await testApp(t);
    assert.equal(
      (await app.inject({ url: '/health', headers: { origin: 'https://app.example' } })).headers[
        'access-control-allow-origin'
      ],
      undefined,
    );
  });

  test('without keys a host that is no address and not listed is refused on every route, and with keys it is not', async (t) => {
    const { app } = await testApp(t, { ALLOWED_HOSTS: 'asr.example' });
    for (const [method, url] of [
      ['GET', '/v1/jobs'],
      ['GET', '/health'],
      ['GET', '/sessions'],
      ['GET', '/docs'],
      ['GET', '/nothing'],
      ['DELETE', '/v1/jobs/x'],
      ['POST', '/v1/tickets'],
      ['OPTIONS', '/v1/jobs'],
    ] as const) {
      const reply = await app.inject({
        method,
        url,
        headers: { host: 'evil.example:8000', origin: 'http://evil.example:8000' },
      });
      assert.deepEqual(
        [reply.statusCode, reply.json<{ error: { code: string } }>().error.code],
        [403, 'permission_denied'],
        `${method} ${url}`,
      );
    }
    for (const host of ['127.0.0.1:8000', 'localhost', '[::1]:8000', 'asr.example'])
      assert.equal((await app.inject({ url: '/health', headers: { host } })).statusCode, 200, host);
    const folder = await mkdtemp(join(tmpdir(), 'api-keys-'));
    t.after(() => rm(folder, { recursive: true }));
    const { key } = await createKey(join(folder, 'keys.json'), { name: 'full' });
    const keyed = await testApp(t, { API_KEYS_FILE: join(folder, 'keys.json') });
    assert.equal(
      (await keyed.app.inject({ url: '/v1/jobs', headers: { host: 'asr.example', authorization: `Bearer ${key}` } }))
        .statusCode,
      200,
    );
  });

  test('a foreign page may send nothing but plain reads, and one of this machine or of a listed origin may', async (t) => {
    const { app, jobs, service } = await testApp(t, { CORS_ORIGINS: 'https://app.example' });
    const foreign = [{ origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }];
    for (const headers of foreign) {
      for (const url of [
        '/v1/jobs',
        '/transcribe',
        '/transcribe/stream',
        '/v1/audio/transcriptions',
        '/v1/listen',
        '/v1/tickets',
        '/v1/jobs?url=http%3A%2F%2Flocalhost%2F',
      ]) {
        const sent = form(['file', 'x\n', 'a.wav']);
        assert.equal(
          (await app.inject({ method: 'POST', url, payload: sent.payload, headers: { ...sent.headers, ...headers } }))
            .statusCode,
          403,
          url,
        );
      }
      assert.equal((await app.inject({ method: 'DELETE', url: '/v1/jobs/x', headers })).statusCode, 403);
      assert.equal((await app.inject({ url: '/health', headers })).statusCode, 200);
    }
    assert.deepEqual([jobs.submissions.length, service.starts.length], [0, 0]);
    for (const headers of [
      { origin: 'https://app.example' },
      { origin: 'http://localhost:80', 'sec-fetch-site': 'same-origin' },
      {},
    ]) {
      const sent = form(['file', 'x\n', 'a.wav']);
      assert.equal(
        (
          await app.inject({
            method: 'POST',
            url: '/transcribe',
            payload: sent.payload,
            headers: { ...sent.headers, ...headers },
          })
        ).statusCode,
        200,
      );
    }
  });

  test('ENABLE_REST=false leaves the health check and nothing else.', async (t) => {
    const { app } = await testApp(t, { ENABLE_REST: 'false' });
    assert.equal((await app.inject({ url: '/health' })).statusCode, 200);
    for (const url of ['/transcribe', '/v1/audio/transcriptions'])
      assert.equal((await app.inject({ method: 'POST', url, ...form(['file', 'x', 'a.wav']) })).statusCode, 404);
    for (const url of ['/v1/models', '/capabilities', '/sessions'])
      assert.equal((await app.inject({ url })).statusCode, 404);
  });
});
