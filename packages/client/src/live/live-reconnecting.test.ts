import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { Requester } from '../http/requester.js';
import { startLive } from './start-live.js';
import { all, expectedFinals, finals, noise, place, speak } from '../testing/live-place.js';

describe('A live session', () => {
  for (const seed of [1, 2, 3]) {
    test(`Connections that break at any place lose no sample and no event, and repeat none (sequence ${String(seed)})`, async (t) => {
      let state = seed;
      const random = (below: number): number => {
        state = (state * 48_271) % 2_147_483_647;
        return state % below;
      };
      let cuts = 0;
      let frames = 0;
      let cutAt = 5;
      const { relay, live } = await place(t, {
        onFrame: (connection, frame) => {
          if (++frames < cutAt || cuts >= 60) return false;
          frames = 0;
          cutAt = 1 + random(15);
          cuts++;
          switch (random(6)) {
            // Before the frame is taken; after; after it is stored but not acknowledged; politely; with a fault; half through its answer.
            case 0:
              connection.cut();
              return true;
            case 1:
              connection.take(frame);
              connection.cut();
              return true;
            case 2:
              connection.take(frame);
              connection.store(false);
              connection.cut();
              return true;
            case 3:
              connection.take(frame);
              connection.leave();
              return true;
            case 4:
              connection.closeWith(1011);
              return true;
            default:
              connection.take(frame);
              connection.closeWith(1013);
              return true;
          }
        },
      });
      const session = live({ bufferMs: 1_000 });
      const audio = noise(2_000_000);
      const hearing = all(session);
      await speak(session, audio, 1_999 + 2 * seed);
      session.finish();
      const events = await hearing;
      assert.equal(cuts, 60);
      assert.ok(relay.connections.length > 50, String(relay.connections.length));
      const kept = [...relay.sessions.values()].filter(({ id }) => id === session.id);
      assert.deepEqual(kept[0]?.audio, audio);
      assert.deepEqual(finals(events), expectedFinals(audio));
      assert.equal(events.at(-1)?.type, 'closed');
      assert.equal(events.filter(({ type }) => type === 'ready').length, 1);
    });
  }

  test('A relay that leaves is left at once, and its successor goes on', async (t) => {
    const { relay, live } = await place(t);
    const session = live();
    const audio = noise(64_000);
    const hearing = all(session);
    await session.send(audio.subarray(0, 20_000));
    while (relay.onlySessionOrNull()?.audio.length !== 20_000) {
      relay.connections[0]?.store();
      await new Promise((resolve) => {
        setTimeout(resolve, 2);
      });
    }
    relay.connections[0]?.leave();
    await speak(session, audio.subarray(20_000));
    session.finish();
    const types = (await hearing).map(({ type }) => type);
    assert.deepEqual(
      types.filter((type) => type !== 'final'),
      ['ready', 'reconnecting', 'resumed', 'closed'],
    );
    assert.deepEqual(relay.onlySession.audio, audio);
    assert.equal(relay.connections.length, 2);
  });

  test('A server that falls silent while it owes an answer is left for another connection', async (t) => {
    const { relay, live } = await place(t, {
      onFrame: (connection, frame) =>
        connection === relay.connections[0] && (Buffer.isBuffer(frame) || frame.type !== 'start'),
    });
    const session = live({}, { silenceMs: 300 });
    const hearing = all(session);
    const audio = noise(10_000);
    await speak(session, audio);
    session.finish();
    assert.deepEqual(finals(await hearing), expectedFinals(audio));
    assert.deepEqual(relay.onlySession.audio, audio);
    assert.equal(relay.connections.length, 2);
  });

  test('A refusal is told with its code, and not asked again when that would not help', async (t) => {
    const { relay, live } = await place(t, {
      onFrame: (connection) => {
        connection.say({
          type: 'error',
          code: 'unsupported_language',
          message: 'The model does not know it.',
          param: 'language',
          retryable: false,
        });
        connection.closeWith(1008);
        return true;
      },
    });
    const session = live({ language: 'xx' });
    await assert.rejects(all(session), {
      code: 'unsupported_language',
      param: 'language',
      message: 'The model does not know it.',
    });
    await assert.rejects(session.send(new Uint8Array(2)), { code: 'unsupported_language' });
    assert.equal(relay.connections.length, 1);
  });

  test('A full relay is asked again, and its refusal is final in the end', async (t) => {
    const { relay, live } = await place(t, {
      onFrame: (connection) => {
        connection.say({ type: 'error', code: 'queue_full', message: 'No room.', param: null, retryable: true });
        connection.closeWith(1013);
        return true;
      },
    });
    await assert.rejects(all(live()), { code: 'queue_full' });
    assert.equal(relay.connections.length, 5);
  });

  test('A key goes along as a subprotocol; a wrong one is told, whether the socket says so or only the HTTP server', async (t) => {
    const { relay, live } = await place(t, {
      refuse: ({ headers }) =>
        headers['sec-websocket-protocol'] === 'murmuration.v1,murmuration.key.right' ? null : 401,
    });
    const session = live({}, { apiKey: 'right' });
    session.finish();
    assert.equal((await all(session)).at(-1)?.type, 'closed');
    const connections = relay.requests.length;
    await assert.rejects(all(live({}, { apiKey: 'wrong' })), { code: 'unauthenticated', status: 401 });
    assert.equal(relay.requests.length, connections + 1);
    // As in a browser, where the error says nothing.
    class Mute extends WebSocket {
      override emit(name: string | symbol, ...args: unknown[]): boolean {
        return super.emit(name, ...(name === 'error' ? [new Error('')] : args));
      }
    }
    const requester = new Requester({
      baseUrl: relay.url,
      apiKey: 'wrong',
      fetch: globalThis.fetch,
      retries: 0,
      backoff: { baseMs: 4, capMs: 20, random: Math.random },
    });
    await assert.rejects(all(startLive({ requester, baseUrl: relay.url, apiKey: 'wrong', webSocket: Mute }, {})), {
      code: 'unauthenticated',
      status: 401,
    });
  });

  test('With tickets each connection has a new one, and no key', async (t) => {
    let cut = false;
    const { relay, live } = await place(t, {
      onFrame: (connection, frame) => {
        if (cut || !Buffer.isBuffer(frame)) return false;
        cut = true;
        connection.cut();
        return true;
      },
    });
    let tickets = 0;
    const session = live({ ticket: () => Promise.resolve(`t${String(++tickets)}`) }, { apiKey: 'right' });
    const hearing = all(session);
    await session.send(noise(100));
    session.finish();
    await hearing;
    assert.deepEqual(
      relay.requests.map(({ url, headers }) => [url, headers['sec-websocket-protocol']]),
      [
        ['/ws/transcribe?ticket=t1', 'murmuration.v1'],
        ['/ws/transcribe?ticket=t2', 'murmuration.v1'],
      ],
    );
  });

  test('An address at which nothing listens is given up, with or without a session', async (t) => {
    const { relay, live } = await place(t);
    const session = live({ reconnectForMs: 100 });
    const first = await session[Symbol.asyncIterator]().next();
    assert.equal(first.done === true ? null : first.value.type, 'ready');
    await relay.close();
    await assert.rejects(all(session), { code: 'unreachable' });
    await assert.rejects(all(live()), { code: 'unreachable' });
  });

  test('What another server says is told as such', async (t) => {
    const { live } = await place(t, {
      onFrame: (connection) => {
        connection.babble('<html>');
        return true;
      },
    });
    await assert.rejects(all(live()), { code: 'bad_answer' });
  });
});
