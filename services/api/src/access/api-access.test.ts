import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { createKey, revokeKey } from '@murmuration/access';
import { form, testApp } from '../testing/test-app.js';
import { bearer, keyedApp } from '../testing/keyed-app.js';

const PROTECTED: readonly ['GET' | 'POST', string][] = [
  ['POST', '/transcribe'],
  ['POST', '/transcribe/stream'],
  ['POST', '/v1/audio/transcriptions'],
  ['POST', '/v1/audio/translations'],
  ['GET', '/v1/models'],
  ['GET', '/v1/models/whisper-1'],
  ['GET', '/capabilities'],
  ['GET', '/sessions'],
  ['POST', '/v1/tickets'],
];

describe('Keys at the HTTP endpoint', () => {
  test('Without a key every route but the public ones answers 401 and says how to send one.', async (t) => {
    const { app, service } = await keyedApp(t);
    for (const [method, url] of PROTECTED) {
      const reply = await app.inject({ method, url });
      assert.deepEqual(
        [
          reply.statusCode,
          reply.headers['www-authenticate'],
          reply.json<{ error: { code: string; type: string } }>().error.code,
        ],
        [401, 'Bearer realm="murmuration"', 'unauthenticated'],
        url,
      );
    }
    assert.equal((await app.inject({ method: 'HEAD', url: '/v1/models' })).statusCode, 401);
    assert.equal(service.starts.length, 0);
  });

  test("what is a key's is kept by no cache on the way, refusals too", async (t) => {
    const { app, keys } = await keyedApp(t);
    for (const url of ['/v1/jobs', '/v1/jobs/x', '/sessions', '/v1/models', '/capabilities']) {
      assert.equal(
        (await app.inject({ url, headers: { 'x-api-key': keys.acme } })).headers['cache-control'],
        'no-store',
        url,
      );
      assert.equal((await app.inject({ url })).headers['cache-control'], 'no-store', url);
    }
    assert.equal(
      (await app.inject({ method: 'POST', url: '/transcribe', headers: bearer(keys.acme), payload: 'x\n' })).headers[
        'cache-control'
      ],
      'no-store',
    );
  });

  test('A key that is absent, wrong, truncated, prolonged, 10 KB, expired or of another kind gets the same answer.', async (t) => {
    const { app, keys } = await keyedApp(t);
    const shown: Readonly<Record<string, string>>[] = [
      {},
      bearer('wrong'),
      bearer(keys.acme.slice(0, -1)),
      bearer(`${keys.acme}x`),
      bearer('k'.repeat(10_240)),
      bearer(keys.expired),
      { authorization: `Basic ${keys.acme}` },
      { authorization: keys.acme },
      { 'x-api-key': 'wrong' },
      { 'x-api-key': 'k'.repeat(10_240) },
      { authorization: 'Bearer wrong', 'x-api-key': keys.acme },
    ];
    const answers = await Promise.all(
      shown.map(async (headers) => {
        const reply = await app.inject({ url: '/v1/models', headers: { ...headers, 'x-request-id': 'same' } });
        return { status: reply.statusCode, body: reply.body, headers: { ...reply.headers, date: '' } };
      }),
    );
    for (const answer of answers) assert.deepEqual(answer, answers[0]);
    assert.equal(answers[0]?.status, 401);
  });

  test('A key comes as Bearer, as Token and as x-api-key.', async (t) => {
    const { app, keys } = await keyedApp(t);
    for (const headers of [
      bearer(keys.acme),
      { authorization: `Token ${keys.acme}` },
      { authorization: `bearer ${keys.acme}` },
      { 'x-api-key': keys.acme },
      { authorization: 'Basic dXNlcg==', 'x-api-key': keys.acme },
    ]) {
      assert.equal((await app.inject({ url: '/v1/models', headers })).statusCode, 200);
    }
  });

  test('refuses a revoked key within five seconds, and admits a new one, while the service runs', async (t) => {
    const { app, keys, path, acmeId } = await keyedApp(t);
    const status = async (key: string): Promise<number> =>
      (await app.inject({ url: '/v1/models', headers: bearer(key) })).statusCode;
    assert.equal(await status(keys.acme), 200);
    await revokeKey(path, acmeId);
    const successor = await createKey(path, { name: 'acme' });
    const untilMs = performance.now() + 5_000;
    while ((await status(keys.acme)) !== 401 || (await status(successor.key)) !== 200) {
      assert.ok(performance.now() < untilMs, 'the file was not read again');
      await new Promise((resolve) => {
        setTimeout(resolve, 10);
      });
    }
  });

  test('Health, descriptions, unknown addresses and preflight requests need no key.', async (t) => {
    const { app } = await keyedApp(t, { CORS_ORIGINS: 'https://app.example' });
    for (const url of ['/health', '/openapi.json', '/docs', '/docs/json', '/redoc'])
      assert.equal((await app.inject({ url })).statusCode, 200, url);
    assert.equal((await app.inject({ url: '/nothing' })).statusCode, 404);
    assert.equal((await app.inject({ url: '/metrics' })).statusCode, 404);
    assert.equal((await app.inject({ url: '/transcribe' })).statusCode, 405);
    const origin = 'https://app.example';
    const preflight = await app.inject({
      method: 'OPTIONS',
      url: '/transcribe',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    });
    assert.deepEqual([preflight.statusCode, preflight.headers['access-control-allow-headers']], [204, 'authorization']);
    const refused = await app.inject({ method: 'POST', url: '/transcribe', headers: { origin } });
    assert.deepEqual([refused.statusCode, refused.headers['access-control-allow-origin']], [401, origin]);
  });

  test('A key in the address is refused in a sentence that does not repeat it, also when it is right.', async (t) => {
    const { app, keys } = await keyedApp(t);
    for (const name of ['key', 'api_key', 'apikey', 'access_token', 'token']) {
      const reply = await app.inject({ url: `/v1/models?${name}=${keys.acme}`, headers: bearer(keys.acme) });
      assert.deepEqual(
        [reply.statusCode, reply.json<{ error: { code: string } }>().error.code],
        [400, 'invalid_request'],
        name,
      );
      assert.match(reply.body, /A key may not stand in an address/);
      assert.ok(!reply.body.includes(keys.acme));
    }
  });

  test('A route that does not say who may call it stops the start.', async (t) => {
    const { app } = await keyedApp(t);
    assert.throws(() => app.get('/forgotten', () => 'x'), /GET \/forgotten does not say who may call it/);
  });
});

describe('The API without keys', () => {
  test('Everybody may do everything, whatever key they show and wherever; clients need no other code.', async (t) => {
    const { app } = await testApp(t);
    for (const headers of [{}, bearer('unused'), { 'x-api-key': 'unused' }])
      assert.equal((await app.inject({ url: '/v1/models', headers })).statusCode, 200);
    assert.equal((await app.inject({ url: '/v1/models?key=unused&ticket=unused' })).statusCode, 200);
    assert.equal((await app.inject({ method: 'POST', url: '/v1/tickets' })).statusCode, 201);
    const body = form(['file', 'text\n', 'a.wav']);
    assert.equal(
      (
        await app.inject({
          method: 'POST',
          url: '/transcribe',
          ...body,
          headers: { ...body.headers, ...bearer('unused') },
        })
      ).statusCode,
      200,
    );
  });
});

describe('The API description of keys', () => {
  interface Description {
    readonly components: {
      readonly securitySchemes: Readonly<
        Record<string, { readonly type: string; readonly in?: string; readonly name?: string }>
      >;
    };
    readonly paths: Readonly<
      Record<
        string,
        Readonly<
          Record<
            string,
            {
              readonly security?: readonly Readonly<Record<string, unknown>>[];
              readonly responses: Readonly<Record<string, { readonly description: string }>>;
            }
          >
        >
      >
    >;
  }

  const described = async (app: FastifyInstance): Promise<Description> =>
    (await app.inject({ url: '/openapi.json' })).json<Description>();

  test('Every operation says how a key is sent, which scope it needs, and that it may refuse.', async (t) => {
    const { app } = await keyedApp(t);
    const { components, paths } = await described(app);
    assert.deepEqual(
      Object.entries(components.securitySchemes).map(([name, scheme]) => [name, scheme.type, scheme.in, scheme.name]),
      [
        ['key', 'http', undefined, undefined],
        ['keyHeader', 'apiKey', 'header', 'x-api-key'],
        ['ticket', 'apiKey', 'query', 'ticket'],
      ],
    );
    assert.deepEqual(paths['/health']?.['get']?.security, []);
    assert.deepEqual(paths['/v1/models']?.['get']?.security, [{ key: [] }, { keyHeader: [] }, { ticket: [] }]);
    const upload = paths['/transcribe']?.['post'];
    assert.match(upload?.responses['403']?.description ?? '', /`permission_denied`: .* Needed: `transcribe`\./s);
    assert.deepEqual(upload?.security, [{ key: [] }, { keyHeader: [] }]);
    for (const [path, operations] of Object.entries(paths)) {
      for (const { responses } of Object.values(operations)) assert.equal('401' in responses, path !== '/health', path);
    }
    assert.equal('403' in (paths['/v1/tickets']?.['post']?.responses ?? {}), false);
  });

  test('Where no key is asked for, the description says that none is needed.', async (t) => {
    const { app } = await testApp(t);
    const { paths } = await described(app);
    assert.deepEqual(paths['/v1/models']?.['get']?.security, [{}, { key: [] }, { keyHeader: [] }, { ticket: [] }]);
  });
});
