import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { createKey, revokeKey } from '@murmuration/access';
import { FORM_TYPE, HeldRequest } from '../testing/held-request.js';
import { form, testApp, type TestApp } from '../testing/test-app.js';

interface Keyed extends TestApp {
  readonly path: string;
  /** Keys by what they may do. */
  readonly keys: Readonly<Record<'acme' | 'bolt' | 'reader' | 'writer' | 'admin' | 'expired', string>>;
  readonly acmeId: string;
}

/** The API with a file of keys. */
async function keyedApp(t: TestContext, environment: Readonly<Record<string, string>> = {}): Promise<Keyed> {
  const folder = await mkdtemp(join(tmpdir(), 'api-keys-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'keys.json');
  const acme = await createKey(path, { name: 'acme' });
  const make = async (name: string, scopes?: readonly string[], more: object = {}, nowMs?: number): Promise<string> =>
    (await createKey(path, { name, ...(scopes === undefined ? {} : { scopes }), ...more }, nowMs)).key;
  const keys = {
    acme: acme.key,
    bolt: await make('bolt'),
    reader: await make('reader', ['read']),
    writer: await make('writer', ['transcribe']),
    admin: await make('boss', ['admin']),
    expired: await make('acme', undefined, { expires: '1h' }, Date.now() - 2 * 3_600_000),
  };
  return { ...(await testApp(t, { API_KEYS_FILE: path, ...environment })), path, keys, acmeId: acme.entry.id };
}

const bearer = (key: string): { authorization: string } => ({ authorization: `Bearer ${key}` });
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

async function codeOf(
  app: FastifyInstance,
  method: 'GET' | 'POST',
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<[number, string | undefined]> {
  const reply = await app.inject({ method, url, headers });
  return [reply.statusCode, reply.statusCode >= 400 ? reply.json<{ error: { code: string } }>().error.code : undefined];
}

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

  test('A key without the scope is refused with 403, before the recording is read.', async (t) => {
    const { app, keys, service, spooled } = await keyedApp(t);
    const body = form(['file', 'text\n', 'a.wav']);
    for (const url of ['/transcribe', '/transcribe/stream', '/v1/audio/transcriptions', '/v1/audio/translations']) {
      const reply = await app.inject({
        method: 'POST',
        url,
        ...body,
        headers: { ...body.headers, ...bearer(keys.reader) },
      });
      assert.deepEqual(
        [reply.statusCode, reply.json<{ error: { code: string; type: string } }>().error],
        [
          403,
          {
            message: 'The API key may not do this. Use a key that has the scope transcribe.',
            type: 'permission_error',
            param: null,
            code: 'permission_denied',
          },
        ],
      );
    }
    for (const url of ['/v1/models', '/capabilities', '/sessions']) {
      assert.deepEqual(await codeOf(app, 'GET', url, bearer(keys.writer)), [403, 'permission_denied'], url);
      assert.deepEqual(await codeOf(app, 'GET', url, bearer(keys.reader)), [200, undefined], url);
      assert.deepEqual(await codeOf(app, 'GET', url, bearer(keys.admin)), [200, undefined], url);
    }
    assert.deepEqual(await codeOf(app, 'POST', '/transcribe', bearer(keys.admin)), [403, 'permission_denied']);
    assert.deepEqual([service.starts.length, await spooled()], [0, []]);
    const taken = await app.inject({
      method: 'POST',
      url: '/transcribe',
      ...body,
      headers: { ...body.headers, ...bearer(keys.writer) },
    });
    assert.equal(taken.statusCode, 200);
  });

  test('Work belongs to the key that sent it, and /sessions shows it to that key and to administrators.', async (t) => {
    const { app, keys, service } = await keyedApp(t);
    const body = form(['file', 'text\n', 'a.wav']);
    await app.inject({
      method: 'POST',
      url: '/transcribe',
      ...body,
      headers: { ...body.headers, ...bearer(keys.acme) },
    });
    assert.deepEqual(
      service.starts.map((start) => start.owner),
      ['acme'],
    );
    const job = (id: string, owner: string | null): (typeof service.jobs)[number] => ({
      id,
      owner,
      state: 'running',
      lane: 'interactive',
      model: 'm',
      startedAtMs: 0,
      chunksPlanned: 1,
      chunksDone: 0,
    });
    service.jobs = [job('a', 'acme'), job('b', 'bolt'), job('c', null)];
    const seen = async (key: string): Promise<string[]> =>
      (await app.inject({ url: '/sessions', headers: bearer(key) }))
        .json<{ sessions: { id: string }[] }>()
        .sessions.map(({ id }) => id);
    assert.deepEqual(await seen(keys.acme), ['a']);
    assert.deepEqual(await seen(keys.bolt), ['b']);
    assert.deepEqual(await seen(keys.reader), []);
    assert.deepEqual(await seen(keys.admin), ['a', 'b', 'c']);
  });

  test("No field makes work another's.", async (t) => {
    const { app, keys, service } = await keyedApp(t);
    for (const field of ['owner', 'tenant', 'key_id']) {
      const body = form([field, 'bolt'], ['file', 'text\n', 'a.wav']);
      const reply = await app.inject({
        method: 'POST',
        url: '/transcribe',
        ...body,
        headers: { ...body.headers, ...bearer(keys.acme) },
      });
      assert.deepEqual(
        [reply.statusCode, reply.json<{ error: { code: string; param: string } }>().error.code],
        [400, 'unknown_field'],
        field,
      );
      const openAi = await app.inject({
        method: 'POST',
        url: '/v1/audio/transcriptions',
        ...form([field, 'bolt'], ['model', 'whisper-1'], ['file', 'text\n', 'a.wav']),
        headers: { ...body.headers, ...bearer(keys.acme) },
      });
      assert.equal(openAi.statusCode, 200);
    }
    assert.ok(service.starts.length > 0 && service.starts.every((start) => start.owner === 'acme'));
  });

  test('What administers is 403 for every other key.', async (t) => {
    const { app, keys } = await keyedApp(t);
    app.get('/administration', { config: { access: ['admin'] } }, () => 'done');
    for (const key of [keys.acme, keys.reader, keys.writer])
      assert.deepEqual(await codeOf(app, 'GET', '/administration', bearer(key)), [403, 'permission_denied']);
    assert.deepEqual(await codeOf(app, 'GET', '/administration', bearer(keys.admin)), [200, undefined]);
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

  test('A refused upload is answered while it is still sent, and no 100 Continue invites it.', async (t) => {
    const { listen, service } = await keyedApp(t);
    const address = await listen();
    const upload = new HeldRequest(`${address}/transcribe`, FORM_TYPE);
    await upload.send('--test-boundary\r\n');
    assert.deepEqual(await upload.json(), { status: 401, code: 'unauthenticated', param: null, text: undefined });
    upload.raw.destroy();
    const polite = request(`${address}/transcribe`, {
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'audio/wav', 'content-length': '1000000', expect: '100-continue' },
    });
    let invited = false;
    polite
      .on('continue', () => {
        invited = true;
      })
      .on('error', () => undefined);
    polite.flushHeaders();
    const status = await new Promise((resolve) => {
      polite.on('response', (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
    });
    polite.destroy();
    assert.deepEqual([status, invited, service.starts.length], [401, false, 0]);
  });
});

describe('Tickets at the HTTP endpoint', () => {
  test('A ticket reads until it expires, does nothing but read, and makes no further tickets.', async (t) => {
    const { app, keys } = await keyedApp(t);
    const reply = await app.inject({ method: 'POST', url: '/v1/tickets', headers: bearer(keys.acme) });
    const { ticket, expires_at: expiresAt } = reply.json<{ ticket: string; expires_at: string }>();
    assert.deepEqual([reply.statusCode, reply.headers['cache-control']], [201, 'no-store']);
    const leftMs = Date.parse(expiresAt) - Date.now();
    assert.ok(leftMs > 0 && leftMs <= 60_000);
    for (let i = 0; i < 3; i++) assert.equal((await app.inject({ url: `/sessions?ticket=${ticket}` })).statusCode, 200);
    for (const url of ['/transcribe', '/v1/audio/transcriptions', '/v1/tickets'])
      assert.deepEqual(await codeOf(app, 'POST', `${url}?ticket=${ticket}`, {}), [401, 'unauthenticated'], url);
    assert.deepEqual(await codeOf(app, 'GET', '/sessions?ticket=ticket_wrong', {}), [401, 'unauthenticated']);
  });

  test('A ticket may what its key may, and ends with it.', async (t) => {
    const { app, keys, path, acmeId } = await keyedApp(t);
    const ticketOf = async (key: string): Promise<string> =>
      (await app.inject({ method: 'POST', url: '/v1/tickets', headers: bearer(key) })).json<{ ticket: string }>()
        .ticket;
    assert.deepEqual(await codeOf(app, 'GET', `/v1/models?ticket=${await ticketOf(keys.writer)}`, {}), [
      403,
      'permission_denied',
    ]);
    const ticket = await ticketOf(keys.acme);
    assert.equal((await app.inject({ url: `/v1/models?ticket=${ticket}` })).statusCode, 200);
    await revokeKey(path, acmeId);
    while ((await app.inject({ url: `/v1/models?ticket=${ticket}` })).statusCode !== 401)
      await new Promise((resolve) => {
        setTimeout(resolve, 10);
      });
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
