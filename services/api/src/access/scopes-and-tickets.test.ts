import assert from 'node:assert/strict';
import { request } from 'node:http';
import { describe, test } from 'node:test';
import { revokeKey } from '@murmuration/access';
import { FORM_TYPE, HeldRequest } from '../testing/held-request.js';
import { form } from '../testing/test-app.js';
import { bearer, codeOf, keyedApp } from '../testing/keyed-app.js';

describe('Keys at the HTTP endpoint', () => {
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
