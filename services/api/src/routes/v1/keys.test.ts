import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createKey } from '@murmuration/access';
import { testApp } from '../../testing/test-app.js';

test('An administrator lists, makes and revokes keys; a new one counts, and others may not do that', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'api-keys-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'keys.json');
  const admin = (await createKey(file, { name: 'operator', scopes: ['admin'] })).key;
  const { app } = await testApp(t, { API_KEYS_FILE: file });
  const ask = (method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object, key = admin) =>
    app.inject({
      method,
      url,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(payload === undefined ? {} : { payload: JSON.stringify(payload) }),
    });
  const made = await ask('POST', '/v1/keys', {
    name: 'acme',
    scopes: ['read'],
    expires: '90d',
    weight: 2,
    monthly_audio_seconds: 3_600,
  });
  assert.equal(made.statusCode, 201, made.body);
  assert.equal(made.headers['cache-control'], 'no-store');
  const { id, key } = made.json<{ id: string; key: string }>();
  const list = await ask('GET', '/v1/keys');
  assert.ok(!list.body.includes(key));
  assert.deepEqual(
    list
      .json<{ data: { name: string; state: string; scopes: string[] }[] }>()
      .data.map(({ name, state, scopes }) => [name, state, scopes]),
    [
      ['operator', 'usable', ['admin']],
      ['acme', 'usable', ['read']],
    ],
  );
  // The file is read again when it changes.
  while ((await ask('GET', '/v1/models', undefined, key)).statusCode === 401)
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  const used = { recordings: 2, recorded_seconds: 90, live_sessions: 1, live_seconds: 30.5 };
  const usage = { today: used, month: used, last_month: used };
  assert.deepEqual(
    list
      .json<{ data: { weight: number; monthly_audio_seconds: number | null; usage: unknown }[] }>()
      .data.map((one) => [one.weight, one.monthly_audio_seconds, one.usage]),
    [
      [1, null, usage],
      [2, 3_600, usage],
    ],
  );
  assert.deepEqual((await ask('GET', '/v1/usage', undefined, key)).json(), {
    name: 'acme',
    monthly_audio_seconds: 3_600,
    ...usage,
    days: [{ day: '2027-01-31', ...used }],
  });
  assert.equal((await ask('GET', '/v1/keys', undefined, key)).statusCode, 403);
  assert.equal((await ask('DELETE', `/v1/keys/${id}`)).statusCode, 204);
  assert.equal((await ask('DELETE', '/v1/keys/key-0')).statusCode, 404);
  assert.match((await ask('GET', '/v1/keys')).body, /"revoked"/);
  for (const [body, complaint] of [
    [{ name: 'a b' }, /name: must be 1 to 64/],
    [{ name: 'a', scopes: ['all'] }, /scopes\.0: /],
    [{ name: 'a', expires: 'soon' }, /expires must be a time to come/],
    [{ name: 'a', monthly_audio_seconds: 0 }, /monthly_audio_seconds: /],
    [{ name: 'a', more: 1 }, /The body: /],
  ] as const) {
    const refused = await ask('POST', '/v1/keys', body);
    assert.equal(refused.statusCode, 400);
    assert.match(refused.json<{ error: { message: string } }>().error.message, complaint);
  }
});

test('Without keys there are none to administer', async (t) => {
  const { app } = await testApp(t);
  const reply = await app.inject({ url: '/v1/keys' });
  assert.equal(reply.statusCode, 404);
  assert.match(reply.body, /API_KEYS_FILE/);
  assert.equal((await app.inject({ url: '/v1/usage' })).statusCode, 404);
});
