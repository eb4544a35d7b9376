import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { createKey } from '@murmuration/access';
import { testRelay, type TestRelay } from '../testing/test-relay.js';

async function keyedRelay(
  t: TestContext,
): Promise<TestRelay & { readonly keys: Readonly<Record<'full' | 'reader' | 'writer', string>> }> {
  const folder = await mkdtemp(join(tmpdir(), 'relay-keys-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'keys.json');
  const make = async (name: string, scopes?: readonly string[]): Promise<string> =>
    (await createKey(path, { name, ...(scopes === undefined ? {} : { scopes }) })).key;
  const keys = {
    full: await make('full'),
    reader: await make('reader', ['read']),
    writer: await make('writer', ['transcribe']),
  };
  return { ...(await testRelay(t, { API_KEYS_FILE: path })), keys };
}

describe('Keys at the WebSocket endpoint', () => {
  test("A key comes in a header, or among the subprotocols, where it is not sent back; the session is its owner's.", async (t) => {
    const relay = await keyedRelay(t);
    const { full } = relay.keys;
    for (const options of [
      { headers: { authorization: `Bearer ${full}` } },
      { headers: { authorization: `Token ${full}` } },
      { headers: { 'x-api-key': full } },
      { protocols: ['murmuration.v1', `murmuration.key.${full}`] },
    ]) {
      const client = await relay.connect('/ws/transcribe', options);
      assert.equal(client.socket.protocol, 'protocols' in options ? 'murmuration.v1' : '');
      client.say({ type: 'start' });
      await client.first('ready');
      assert.equal(relay.live.sessions.at(-1)?.request.owner, 'full');
    }
  });

  test('Without a key, with a wrong one, or without the scope the handshake is refused.', async (t) => {
    const relay = await keyedRelay(t);
    await assert.rejects(relay.connect(), /status 401/);
    await assert.rejects(relay.connect('/', { headers: { authorization: 'Bearer murm_wrong' } }), /status 401/);
    await assert.rejects(
      relay.connect('/ws/transcribe', { headers: { authorization: `Bearer ${relay.keys.reader}` } }),
      /status 403/,
    );
    await assert.rejects(
      relay.connect('/v1/sessions/x/watch', { headers: { authorization: `Bearer ${relay.keys.writer}` } }),
      /status 403/,
    );
    await assert.rejects(relay.connect(`/ws/transcribe?api_key=${relay.keys.full}`), /status 400/);
  });

  test('A ticket opens one socket and no second.', async (t) => {
    const relay = await keyedRelay(t);
    const principal = await relay.access.authenticate({ kind: 'key', key: relay.keys.full });
    const { ticket } = await relay.access.issueTicket(principal);
    const client = await relay.connect(`/ws/transcribe?ticket=${ticket}`);
    client.say({ type: 'start' });
    await client.first('ready');
    await assert.rejects(relay.connect(`/ws/transcribe?ticket=${ticket}`), /status 401/);
  });

  test('Another key cannot resume a session even with its token.', async (t) => {
    const relay = await keyedRelay(t);
    const client = await relay.connect('/', { headers: { authorization: `Bearer ${relay.keys.full}` } });
    client.say({ type: 'start' });
    const { session, token } = await client.first('ready');
    const other = await relay.connect('/', { headers: { authorization: `Bearer ${relay.keys.writer}` } });
    other.say({ type: 'resume', session, token });
    assert.equal((await other.first('error')).code, 'invalid_resume');
    assert.equal((await other.closed)[0], 1008);
  });
});

describe('Hosts at the WebSocket endpoint', () => {
  test('without keys a name that is not listed is refused, on every path; an address, localhost or a listed name is not', async (t) => {
    const relay = await testRelay(t, { ALLOWED_HOSTS: 'asr.example' });
    for (const path of ['/', '/ws/transcribe', '/v1/realtime', '/v1/listen'])
      await assert.rejects(
        relay.connect(path, { headers: { host: 'evil.example:8765' }, origin: 'http://evil.example:8765' }),
        /status 403/,
        path,
      );
    assert.equal((await relay.app.inject({ url: '/nothing', headers: { host: 'evil.example' } })).statusCode, 403);
    for (const host of ['localhost:8765', '10.0.0.7', 'asr.example'])
      (await relay.connect('/', { headers: { host } })).socket.terminate();
    const keyed = await keyedRelay(t);
    (
      await keyed.connect('/', { headers: { host: 'anything.example', authorization: `Bearer ${keyed.keys.full}` } })
    ).socket.terminate();
  });
});

test('a post is answered before its body has come, and its connection ends', { timeout: 60_000 }, async (t) => {
  const relay = await testRelay(t);
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect((relay.app.server.address() as AddressInfo).port, '127.0.0.1', () => {
      socket.write(
        'POST /nothing HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
      );
    });
    let all = '';
    socket
      .on('data', (data) => {
        all += data.toString();
      })
      .on('close', () => {
        resolve(all);
      })
      .on('error', reject);
  });
  assert.match(answer, /^HTTP\/1\.1 404 /);
});

describe('Pages at the WebSocket endpoint', () => {
  test('A page of a stranger is refused before the handshake, one of this machine is not.', async (t) => {
    const relay = await testRelay(t);
    await assert.rejects(relay.connect('/', { origin: 'https://evil.example' }), /status 403/);
    (await relay.connect('/', { origin: 'http://localhost:8000' })).socket.terminate();
    const listed = await testRelay(t, { CORS_ORIGINS: 'https://app.example' });
    await assert.rejects(listed.connect('/', { origin: 'http://localhost:8000' }), /status 403/);
    (await listed.connect('/', { origin: 'https://app.example' })).socket.terminate();
  });
});
