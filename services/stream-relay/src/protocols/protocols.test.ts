import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { createKey, sealClientSecret } from '@murmuration/access';
import type { MemorySession } from '../testing/memory-live.js';
import { testRelay, type TestRelay } from '../testing/test-relay.js';
import type { LiveProtocol } from './live-protocol.js';
import { vosk as voskProtocol } from './vosk/vosk-translator.js';
import { whisperLive } from './whisper-live/whisper-live-translator.js';
import { event } from './testing/live-events.js';
import { RawClient } from './testing/raw-client.js';

type Options = Parameters<typeof RawClient.connect>[1];

interface Endpoints extends TestRelay {
  readonly open: (path: string, options?: Options) => Promise<RawClient>;
  /** A connection to a protocol's own port. */
  readonly openPort: (protocol: LiveProtocol, options?: Options & { readonly path?: string }) => Promise<RawClient>;
}

async function endpoints(t: TestContext, environment: Readonly<Record<string, string>> = {}): Promise<Endpoints> {
  const relay = await testRelay(t, environment);
  const url = `ws://127.0.0.1:${String((relay.app.server.address() as AddressInfo).port)}`;
  return {
    ...relay,
    open: (path, options) => RawClient.connect(`${url}${path}`, options),
    openPort: async ({ ownPort }, { path = '/', ...options } = {}) => {
      assert.ok(ownPort !== undefined);
      const open = await ownPort.open(relay.relayContext, 0);
      t.after(() => open.close());
      return RawClient.connect(`ws://127.0.0.1:${String(open.port)}${path}`, options);
    },
  };
}

async function keyedEndpoints(t: TestContext): Promise<Endpoints & { readonly key: string; readonly reader: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'relay-protocols-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'keys.json');
  const { key } = await createKey(path, { name: 'acme' });
  const { key: reader } = await createKey(path, { name: 'reader', scopes: ['read'] });
  return { ...(await endpoints(t, { API_KEYS_FILE: path })), key, reader };
}

/** The session that the relay has opened; waits for it. */
async function sessionOf(relay: TestRelay, at = 0): Promise<MemorySession> {
  for (;;) {
    const session = relay.live.sessions[at];
    if (session !== undefined) return session;
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition())
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
}

const LISTEN = '/v1/listen?encoding=linear16&sample_rate=16000';
const REALTIME = '/v1/realtime?intent=transcription';

describe('Protocols on their sockets', () => {
  test('OpenAI: audio opens the session with what was set, and what happens comes as events of OpenAI', async (t) => {
    const relay = await endpoints(t);
    const client = await relay.open(`${REALTIME}&model=whisper-1`);
    await client.first(({ type }) => type === 'session.created');
    client.say({
      type: 'session.update',
      session: { type: 'transcription', audio: { input: { transcription: { language: 'en' } } } },
    });
    client.say({ type: 'input_audio_buffer.append', audio: Buffer.alloc(4_800).toString('base64') });
    const session = await sessionOf(relay);
    assert.deepEqual(
      [session.request.settings.model, session.request.settings.language, session.request.settings.sampleRateHz],
      ['whisper-1', 'en', 24_000],
    );
    await until(() => session.samples === 2_400);
    for (const one of [event.started(0), event.partial(0, 'Hello'), event.ended(0), event.final(0, 'Hello.')])
      session.tell(one);
    assert.equal((await client.first(({ type }) => String(type).endsWith('.completed')))['transcript'], 'Hello.');
    client.socket.close();
    await until(() => session.state === 'closed');
  });

  test('Deepgram: CloseStream flushes; Metadata and 1000 come last.', async (t) => {
    const relay = await endpoints(t);
    const client = await relay.open(LISTEN, { headers: { authorization: 'Token unused' } });
    client.socket.send(Buffer.alloc(3_200));
    client.say({ type: 'CloseStream' });
    assert.equal((await client.first(({ type }) => type === 'Metadata'))['duration'], 0.1);
    assert.deepEqual((await client.closed)[0], 1000);
  });

  test('WhisperLive and vosk-server speak on ports of their own, whatever the path.', async (t) => {
    const relay = await endpoints(t);
    const whisper = await relay.openPort(whisperLive);
    whisper.say({ uid: 'u', language: 'en', task: 'transcribe', model: 'small' });
    assert.equal((await whisper.first(() => true))['message'], 'SERVER_READY');
    whisper.socket.send(Buffer.from('END_OF_AUDIO'));
    assert.deepEqual(await whisper.closed, [1000, 'finished']);
    const vosk = await relay.openPort(voskProtocol, { path: '/any/path' });
    vosk.say({ config: { sample_rate: 16_000 } });
    vosk.socket.send(Buffer.alloc(8_000));
    assert.deepEqual(await vosk.first(() => true), { partial: '' });
    (await sessionOf(relay, 1)).tell(event.final(0, 'Hello.'));
    vosk.socket.send('{"eof" : 1}');
    assert.deepEqual(await vosk.first((message) => 'text' in message), { text: 'Hello.' });
    assert.equal((await vosk.closed)[0], 1000);
  });

  test('A client that goes without a word leaves a session that is finished, with all that it sent before.', async (t) => {
    const relay = await endpoints(t);
    const client = await relay.open(LISTEN);
    const session = await sessionOf(relay);
    for (let i = 0; i < 50; i++) client.socket.send(Buffer.alloc(3_200));
    client.socket.close();
    await until(() => session.state === 'closed');
    assert.equal(session.samples, 80_000);
  });

  test('A sender that is faster than its session is not read while the session is held up, and loses nothing.', async (t) => {
    const relay = await endpoints(t);
    const client = await relay.openPort(voskProtocol);
    client.socket.send(Buffer.alloc(8_000));
    await client.first(() => true);
    const session = await sessionOf(relay);
    let release = (): void => undefined;
    session.held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const frames = 2_000;
    for (let i = 0; i < frames; i++) client.socket.send(Buffer.alloc(8_000));
    await until(() => client.socket.bufferedAmount > 0);
    assert.ok(session.samples === 4_000 && client.messages.length === 1);
    session.held = null;
    release();
    await until(() => client.messages.length === frames + 1);
    assert.equal(session.samples, (frames + 1) * 4_000);
  });

  test('A relay that stops sends away who has no session, lets the others finish, and gives up the rest with 1012.', async (t) => {
    const relay = await endpoints(t);
    const [idle, busy] = [await relay.open(REALTIME), await relay.open(LISTEN)];
    await idle.first(() => true);
    const session = await sessionOf(relay);
    relay.drain();
    assert.equal((await idle.closed)[0], 1012);
    busy.socket.send(Buffer.alloc(3_200));
    await until(() => session.samples === 1_600);
    await assert.rejects(relay.open(LISTEN), /status 503 \{"err_code":"shutting_down"/);
  });
});

describe('Bad input to the protocols', () => {
  const wrong: readonly (readonly [string, (relay: Endpoints) => Promise<RawClient>, string | Buffer, number])[] = [
    ['Garbage to Deepgram', (relay) => relay.open(LISTEN), 'hello {', 1008],
    [
      'No audio in a container to Deepgram',
      (relay) => relay.open('/v1/listen'),
      Buffer.from('this is no audio at all'),
      1008,
    ],
    ['A frame of 2 MB to Deepgram', (relay) => relay.open(LISTEN), Buffer.alloc(2 * 1024 * 1024), 1009],
    ['A frame of 32 MB to OpenAI', (relay) => relay.open(REALTIME), 'x'.repeat(32 * 1024 * 1024), 1009],
    ['Audio before the options to WhisperLive', (relay) => relay.openPort(whisperLive), Buffer.alloc(100), 1008],
    ['Garbage to WhisperLive', (relay) => relay.openPort(whisperLive), 'hello {', 1008],
    [
      'A language that is not known to WhisperLive',
      (relay) => relay.openPort(whisperLive),
      '{"uid":"u","language":"xx"}',
      1008,
    ],
    ['Garbage to vosk-server', (relay) => relay.openPort(voskProtocol), 'hello {', 1008],
    ['A frame of 9 MB to vosk-server', (relay) => relay.openPort(voskProtocol), Buffer.alloc(9 * 1024 * 1024), 1009],
  ];
  for (const [name, connect, frame, code] of wrong) {
    test(`${name} closes with ${String(code)}, and nobody else is disturbed.`, async (t) => {
      const relay = await endpoints(t);
      const other = await relay.open(REALTIME);
      const client = await connect(relay);
      client.socket.send(frame, { binary: typeof frame !== 'string' });
      assert.equal((await client.closed)[0], code);
      other.say({ type: 'input_audio_buffer.clear' });
      await other.first(({ type }) => type === 'input_audio_buffer.cleared');
    });
  }

  test("reports a full relay in each protocol's own form", async (t) => {
    const relay = await endpoints(t);
    relay.live.maxSessions = 0;
    const deepgram = await relay.open(LISTEN);
    assert.deepEqual([(await deepgram.first(() => true))['code'], (await deepgram.closed)[0]], ['queue_full', 1013]);
    const whisper = await relay.openPort(whisperLive);
    whisper.say({ uid: 'u' });
    assert.deepEqual([(await whisper.first(() => true))['status'], (await whisper.closed)[0]], ['WAIT', 1013]);
    const vosk = await relay.openPort(voskProtocol);
    vosk.socket.send(Buffer.alloc(100));
    assert.equal((await vosk.closed)[0], 1013);
    const openai = await relay.open(REALTIME);
    openai.say({ type: 'input_audio_buffer.append', audio: 'AAAA' });
    assert.deepEqual(
      [
        ((await openai.first(({ type }) => type === 'error'))['error'] as { code: string }).code,
        (await openai.closed)[0],
      ],
      ['queue_full', 1013],
    );
    assert.match(
      await relay.relayContext.metrics.registry.getSingleMetricAsString('asr_shed_total'),
      /^asr_shed_total\{reason="queue_full"\} 4$/m,
    );
  });

  test('Who connects and says nothing to WhisperLive or vosk-server is closed.', async (t) => {
    const relay = await endpoints(t, { START_TIMEOUT_MS: '30' });
    for (const protocol of [whisperLive, voskProtocol])
      assert.equal((await (await relay.openPort(protocol)).closed)[0], 1008);
  });

  test("refuses unreadable parameters before the handshake, in the protocol's own form", async (t) => {
    const relay = await endpoints(t);
    await assert.rejects(
      relay.open('/v1/listen?encoding=mp3'),
      /status 400 \{"err_code":"invalid_field","err_msg":"encoding: /,
    );
    await assert.rejects(relay.open('/v1/realtime?model=gpt-realtime'), /status 400 \{"error":.*"param":"intent"/);
  });

  test('Pages of strangers get in nowhere.', async (t) => {
    const relay = await endpoints(t);
    const headers = { origin: 'https://evil.example' };
    await assert.rejects(relay.open(REALTIME, { headers }), /status 403/);
    await assert.rejects(relay.open(LISTEN, { headers }), /status 403/);
    await assert.rejects(relay.openPort(voskProtocol, { headers }), /status 403/);
  });
});

describe('Keys of the protocols', () => {
  test("Each client's own way to show a key is understood, and a key is never sent back.", async (t) => {
    const relay = await keyedEndpoints(t);
    const ways: readonly (readonly [string, NonNullable<Options>, string])[] = [
      [REALTIME, { headers: { authorization: `Bearer ${relay.key}` } }, ''],
      [
        REALTIME,
        { protocols: ['realtime', `openai-insecure-api-key.${relay.key}`, 'openai-beta.realtime-v1'] },
        'realtime',
      ],
      [LISTEN, { headers: { authorization: `Token ${relay.key}` } }, ''],
      [LISTEN, { protocols: ['token', relay.key] }, 'token'],
    ];
    for (const [path, options, protocol] of ways)
      assert.equal((await relay.open(path, options)).socket.protocol, protocol);
    assert.deepEqual(
      [(await sessionOf(relay, 0)).request.owner, (await sessionOf(relay, 1)).request.owner],
      ['acme', 'acme'],
    );
    const { ticket } = await relay.access.issueTicket(await relay.access.authenticate({ kind: 'key', key: relay.key }));
    await relay.openPort(voskProtocol, { path: `/?ticket=${ticket}` });
    await assert.rejects(relay.openPort(voskProtocol, { path: `/?ticket=${ticket}` }), /status 401/);
    await relay.openPort(whisperLive, { headers: { authorization: `Bearer ${relay.key}` } });
  });

  test('Without a key, with one that may not, or with one in the address nobody gets in.', async (t) => {
    const relay = await keyedEndpoints(t);
    for (const path of [REALTIME, LISTEN]) {
      await assert.rejects(relay.open(path), /status 401/);
      await assert.rejects(relay.open(path, { headers: { authorization: `Bearer ${relay.reader}` } }), /status 403/);
      await assert.rejects(relay.open(`${path}&token=${relay.key}`), /status 400/);
    }
    await assert.rejects(relay.openPort(voskProtocol), /status 401/);
    await assert.rejects(relay.openPort(whisperLive, { path: `/?token=${relay.key}` }), /status 400/);
    await assert.rejects(relay.open(LISTEN, { protocols: ['token', 'murm_wrong'] }), /status 401/);
    assert.equal(relay.live.sessions.length, 0);
  });

  test("A client secret speaks to OpenAI's address with its session, as bearer and as subprotocol, and to no other.", async (t) => {
    const relay = await keyedEndpoints(t);
    const { secret } = await relay.access.issueClientSecret(
      await relay.access.authenticate({ kind: 'key', key: relay.key }),
      60_000,
    );
    const value = sealClientSecret(
      secret,
      '{"type":"transcription","audio":{"input":{"transcription":{"language":"de"}}}}',
    );
    for (const options of [
      { headers: { authorization: `Bearer ${value}` } },
      { protocols: ['realtime', `openai-insecure-api-key.${value}`] },
    ]) {
      const client = await relay.open('/v1/realtime', options);
      client.say({ type: 'input_audio_buffer.append', audio: 'AAAA' });
    }
    assert.deepEqual(
      [(await sessionOf(relay, 1)).request.settings.language, (await sessionOf(relay, 1)).request.owner],
      ['de', 'acme'],
    );
    await assert.rejects(relay.open(LISTEN, { headers: { authorization: `Token ${value}` } }), /status 401/);
    await assert.rejects(relay.open('/ws/transcribe', { headers: { authorization: `Bearer ${value}` } }), /status 401/);
    await assert.rejects(
      relay.open('/v1/realtime', { headers: { authorization: `Bearer ${sealClientSecret(`${secret}x`, '')}` } }),
      /status 401/,
    );
    await assert.rejects(
      relay.open('/v1/realtime', { headers: { authorization: `Bearer ${sealClientSecret(secret, '{')}` } }),
      /status 400/,
    );
  });
});
