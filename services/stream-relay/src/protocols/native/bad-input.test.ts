import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { testRelay, type TestRelay, type TestClient } from '../../testing/test-relay.js';

/** What the client was told at the end: the error's code and field, and the close code. */
async function refusal(client: TestClient): Promise<readonly [string, string | null, number]> {
  const error = await client.first('error');
  const [code] = await client.closed;
  return [error.code, error.param, code];
}

/** Another client of the relay still works. */
async function othersWork(relay: TestRelay): Promise<void> {
  const client = await relay.start();
  client.audio(3_200);
  assert.equal((await client.first('ack')).samples, 1_600);
  client.say({ type: 'finish' });
  assert.equal((await client.closed)[0], 1000);
}

describe('Bad input to the own protocol', () => {
  test('Who says nothing is told so and closed.', async (t) => {
    const relay = await testRelay(t, { START_TIMEOUT_MS: '30' });
    const client = await relay.connect();
    assert.deepEqual(await refusal(client), ['invalid_message', null, 1008]);
  });

  const before: readonly [string, string | Buffer, readonly [string, string | null]][] = [
    ['Audio before start', Buffer.alloc(100), ['invalid_message', null]],
    ['An empty binary frame before start', Buffer.alloc(0), ['invalid_message', null]],
    ['Finish before start', '{"type":"finish"}', ['invalid_message', null]],
    ['Garbage text', 'hello {', ['invalid_message', null]],
    ['JSON that is no object', '[1,2]', ['invalid_message', null]],
    ['Null', 'null', ['invalid_message', null]],
    ['An unknown type', '{"type":"begin"}', ['invalid_message', null]],
    ['Deeply nested JSON', '['.repeat(100_000), ['invalid_message', null]],
    ['An unknown encoding', '{"type":"start","encoding":"mp3"}', ['invalid_field', 'encoding']],
    ['A sample rate of nothing', '{"type":"start","sample_rate":0}', ['invalid_field', 'sample_rate']],
    ['A sample rate as text', '{"type":"start","sample_rate":"16000"}', ['invalid_field', 'sample_rate']],
    ['Too many channels', '{"type":"start","channels":99}', ['invalid_field', 'channels']],
    ['An unknown field', '{"type":"start","sampleRate":16000}', ['unknown_field', 'sampleRate']],
    ['A prompt without end', `{"type":"start","prompt":"${'x'.repeat(5_000)}"}`, ['invalid_field', 'prompt']],
    ['No language', '{"type":"start","language":"!!"}', ['unsupported_language', 'language']],
    ['A language that the model does not know', '{"type":"start","language":"xx"}', ['unsupported_language', null]],
    [
      'A wrong event id',
      '{"type":"resume","session":"s","token":"t","last_event_id":"+"}',
      ['invalid_field', 'last_event_id'],
    ],
    ['An unknown session', '{"type":"resume","session":"s","token":"t"}', ['invalid_resume', null]],
    ['A prototype as a field', '{"type":"start","__proto__":{"encoding":"opus"}}', ['unknown_field', '__proto__']],
  ];
  for (const [name, frame, [code, param]] of before) {
    test(`${name} is answered by ${code} and 1008, and nobody else is disturbed.`, async (t) => {
      const relay = await testRelay(t);
      const client = await relay.connect();
      client.socket.send(frame, { binary: typeof frame !== 'string' });
      const [told, field, closeCode] = await refusal(client);
      assert.deepEqual([told, closeCode], [code, 1008]);
      if (param !== null) assert.equal(field, param);
      await othersWork(relay);
    });
  }

  test('A second start, and garbage in mid-session, end the connection but not the session: it may be resumed.', async (t) => {
    const relay = await testRelay(t);
    for (const frame of ['{"type":"start"}', 'garbage', '{"type":"resume","session":"s","token":"t"}']) {
      const client = await relay.start();
      const { session, token } = await client.first('ready');
      client.socket.send(frame);
      assert.deepEqual(await refusal(client), ['invalid_message', null, 1008]);
      const again = await relay.connect();
      again.say({ type: 'resume', session, token });
      await again.first('resumed');
      again.say({ type: 'cancel' });
      await again.closed;
    }
  });

  test('A wrong token does not open a session, and the one who has it is not disturbed.', async (t) => {
    const relay = await testRelay(t);
    const owner = await relay.start();
    const { session, token } = await owner.first('ready');
    const thief = await relay.connect();
    thief.say({ type: 'resume', session, token: `${token.slice(0, -1)}~` });
    assert.deepEqual(await refusal(thief), ['invalid_resume', null, 1008]);
    owner.audio(2);
    assert.equal((await owner.first('ack')).samples, 1);
  });

  test('Frames of an odd number of bytes are audio like others.', async (t) => {
    const relay = await testRelay(t);
    const client = await relay.start();
    for (let i = 0; i < 4; i++) client.audio(333);
    client.say({ type: 'finish' });
    await client.closed;
    assert.equal(client.messages.filter((message) => message.type === 'ack').at(-1)?.samples, 666);
  });

  test('A frame above 1 MiB is closed with 1009, and so are fragments without end.', async (t) => {
    const relay = await testRelay(t);
    const large = await relay.start();
    large.audio(1024 * 1024 + 1);
    assert.equal((await large.closed)[0], 1009);
    const endless = await relay.start();
    const fragment = Buffer.alloc(64 * 1024);
    const send = (): void => {
      if (endless.socket.readyState === endless.socket.OPEN)
        endless.socket.send(fragment, { fin: false }, () => {
          send();
        });
    };
    send();
    assert.equal((await endless.closed)[0], 1009);
    await othersWork(relay);
    assert.deepEqual(
      relay.live.sessions.slice(0, 2).map((session) => session.state),
      ['detached', 'detached'],
    );
  });

  test('Text that is no UTF-8 is closed with 1007, and bytes that are no frame with 1002.', async (t) => {
    const relay = await testRelay(t);
    const client = await relay.connect();
    client.socket.send(Buffer.from([0xff, 0xfe]), { binary: false });
    assert.equal((await client.closed)[0], 1007);
    const unmasked = await relay.connect();
    (unmasked.socket as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(
      Buffer.from([0x81, 0x01, 0x61]),
    );
    assert.equal((await unmasked.closed)[0], 1002);
    await othersWork(relay);
  });

  test('More sessions than there is room for are told queue_full and closed with 1013.', async (t) => {
    const relay = await testRelay(t);
    relay.live.maxSessions = 20;
    const clients = await Promise.all(Array.from({ length: 100 }, () => relay.connect()));
    for (const client of clients) client.say({ type: 'start' });
    await Promise.all(clients.map((client) => client.until(() => client.messages.length > 0)));
    const refused = clients.filter((client) => client.messages[0]?.type === 'error');
    assert.equal(refused.length, 80);
    for (const client of refused) assert.deepEqual(await refusal(client), ['queue_full', null, 1013]);
    assert.match(
      await relay.relayContext.metrics.registry.getSingleMetricAsString('asr_shed_total'),
      /^asr_shed_total\{reason="queue_full"\} 80$/m,
    );
  });

  test('A peer that is dead is cut, and its session kept for it.', async (t) => {
    const relay = await testRelay(t, { PING_INTERVAL_MS: '40' });
    const client = await relay.start();
    client.socket.pause();
    await new Promise<void>((resolve) => {
      const [server] = relay.app.websocketServer.clients;
      server?.on('close', () => {
        resolve();
      });
    });
    assert.equal(relay.live.sessions[0]?.state, 'detached');
    client.socket.terminate();
  });

  test('A plain request, an unknown address and a handshake that is none are refused in words.', async (t) => {
    const relay = await testRelay(t);
    const { port } = relay.app.server.address() as { port: number };
    const reply = await fetch(`http://127.0.0.1:${String(port)}/ws/transcribe`);
    assert.equal(reply.status, 404);
    await assert.rejects(relay.connect('/nothing'), /status 404/);
    const text = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.write(
          'GET /ws/transcribe HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 1\r\n\r\n',
        );
      });
      let all = '';
      socket
        .on('data', (data) => {
          all += data.toString();
        })
        .on('close', () => {
          resolve(all);
        });
    });
    assert.match(text, /^HTTP\/1\.1 400/);
    await othersWork(relay);
  });
});
