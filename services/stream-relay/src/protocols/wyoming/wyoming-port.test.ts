import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { testRelay, type TestRelay } from '../../testing/test-relay.js';
import { event } from '../testing/live-events.js';
import { wyoming } from './wyoming-port.js';

const CHUNK = '{"type":"audio-chunk","data":{"rate":16000,"width":2,"channels":1},"payload_length":2}\nab';

async function opened(
  t: TestContext,
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly relay: TestRelay; readonly dial: () => Promise<Socket> }> {
  const relay = await testRelay(t, environment);
  const port = await wyoming.ownPort?.open(relay.relayContext, 0);
  assert.ok(port !== undefined);
  t.after(() => port.close());
  return {
    relay,
    dial: async () => {
      const socket = connect(port.port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    },
  };
}

/** All that comes until the server closes. */
async function rest(socket: Socket): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString('utf8');
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition())
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
}

describe('The port of Wyoming', () => {
  test('audio goes to a session that belongs to nobody, and its text comes back', async (t) => {
    const { relay, dial } = await opened(t);
    const socket = await dial();
    socket.write(CHUNK);
    await until(() => relay.live.sessions[0]?.samples === 1);
    const [session] = relay.live.sessions;
    assert.equal(session?.request.owner, null);
    session.tell(event.final(0, 'Hello.'));
    socket.write('{"type":"audio-stop"}\n');
    let text = '';
    for await (const piece of socket) {
      text += (piece as Buffer).toString('utf8');
      if (text.includes('transcript-stop')) break;
    }
    assert.match(text, /\{"type":"transcript","data_length":\d+\}\n\{"text":"Hello\.","language":"en"\}/);
  });

  test('a full relay, silence and garbage are errors, after which the connection is closed', async (t) => {
    const { relay, dial } = await opened(t, { START_TIMEOUT_MS: '50' });
    assert.match(await rest(await dial()), /"type":"error".*\n.*invalid_message/);
    const garbage = await dial();
    garbage.write('\0\xff\n');
    assert.match(await rest(garbage), /"type":"error".*\n.*not JSON/);
    relay.live.maxSessions = 0;
    const full = await dial();
    full.write(CHUNK);
    assert.match(await rest(full), /"type":"error".*\n.*queue_full/);
  });

  test('a client that goes leaves a session that is finished', async (t) => {
    const { relay, dial } = await opened(t);
    const socket = await dial();
    socket.write(CHUNK);
    await until(() => relay.live.sessions[0]?.samples === 1);
    socket.resetAndDestroy();
    await until(() => relay.live.sessions[0]?.state === 'closed');
  });

  test('a relay that stops lets nobody in any more', async (t) => {
    const { relay, dial } = await opened(t);
    relay.drain();
    await assert.rejects(dial(), { code: 'ECONNREFUSED' });
  });
});
