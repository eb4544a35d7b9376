import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import type { ServerMessage } from '@murmuration/contracts';
import { Requester } from '../http/requester.js';
import { TestLiveRelay, textOf, utterancesIn, type RelayScript } from '../testing/live-relay.js';
import type { LiveSession } from './live-session.js';
import type { LiveEvent, LiveMessage, LiveOptions } from './live-types.js';
import { startLive } from './start-live.js';

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;
const sameTypes: Same<Mutable<LiveMessage>, ServerMessage> = true;

interface Place {
  readonly relay: TestLiveRelay;
  readonly live: (
    options?: LiveOptions,
    more?: { readonly apiKey?: string; readonly silenceMs?: number },
  ) => LiveSession;
}

async function place(t: TestContext, script: RelayScript = {}): Promise<Place> {
  const relay = await TestLiveRelay.open(script);
  t.after(() => relay.close());
  return {
    relay,
    live: (options = {}, { apiKey, silenceMs } = {}) => {
      const requester = new Requester({
        baseUrl: relay.url,
        apiKey: apiKey ?? null,
        fetch: globalThis.fetch,
        retries: 0,
        backoff: { baseMs: 4, capMs: 20, random: Math.random },
      });
      const session = startLive(
        {
          requester,
          baseUrl: relay.url,
          apiKey: apiKey ?? null,
          webSocket: WebSocket,
          ...(silenceMs === undefined ? {} : { silenceMs }),
        },
        options,
      );
      t.after(() => {
        session.cancel();
      });
      return session;
    },
  };
}

/** Noise that is the same in every run. */
function noise(bytes: number): Buffer {
  const audio = Buffer.alloc(bytes);
  for (let i = 0, state = 1; i < bytes; i++, state = (state * 48_271) % 2_147_483_647) audio[i] = state & 0xff;
  return audio;
}

async function all(session: LiveSession): Promise<LiveEvent[]> {
  const events: LiveEvent[] = [];
  for await (const event of session) events.push(event);
  return events;
}

/** Gives the audio in pieces of many sizes, each when the one before is buffered. */
async function speak(session: LiveSession, audio: Buffer, pieceBytes = 641): Promise<void> {
  for (let at = 0; at < audio.length; at += pieceBytes) await session.send(audio.subarray(at, at + pieceBytes));
}

function finals(events: readonly LiveEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'final' ? [event.text] : []));
}

function expectedFinals(audio: Buffer): string[] {
  return Array.from({ length: utterancesIn(audio.length) }, (_, utterance) => textOf(audio, utterance));
}

describe('A live session', () => {
  test('Messages are those of the server', () => {
    assert.equal(sameTypes, true);
  });

  test('Begins with its settings, gives events in order, and ends with the finish', async (t) => {
    const starts: unknown[] = [];
    const { relay, live } = await place(t, {
      onFrame: (_connection, frame) => {
        if (!Buffer.isBuffer(frame) && frame.type === 'start') starts.push(frame);
        return false;
      },
    });
    const session = live({ language: 'en', sample_rate: 8_000, endpointing_ms: 300, prompt: undefined, bufferMs: 500 });
    const audio = noise(100_001);
    const hearing = all(session);
    await speak(session, audio);
    session.finish();
    const events = await hearing;
    assert.deepEqual(starts, [{ type: 'start', language: 'en', sample_rate: 8_000, endpointing_ms: 300 }]);
    assert.deepEqual([events[0]?.type, events.at(-1)?.type], ['ready', 'closed']);
    assert.equal(session.id, relay.onlySession.id);
    assert.deepEqual(finals(events), expectedFinals(audio));
    assert.deepEqual(relay.onlySession.audio, audio);
    assert.equal(relay.requests[0]?.headers['sec-websocket-protocol'], 'murmuration.v1');
    await assert.rejects(session.send(audio), { code: 'session_ended' });
  });

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

  test('A sender is held back while nothing is acknowledged, and refused when it does not wait', async (t) => {
    const { relay, live } = await place(t, { ackEvery: Number.POSITIVE_INFINITY });
    const session = live({ bufferMs: 100 });
    const hearing = all(session);
    let inHand = 0;
    const sends = Array.from({ length: 8 }, (_, i) =>
      session.send(noise(800).fill(i)).then(() => {
        inHand++;
      }),
    );
    // The ring holds 3200 bytes, and as many wait.
    await assert.rejects(session.send(new Int16Array(5)), { code: 'buffer_full' });
    await Promise.all(sends.slice(0, 4));
    assert.equal(inHand, 4);
    while ((relay.onlySessionOrNull()?.audio.length ?? 0) < 6_400) {
      relay.connections[0]?.store();
      await new Promise((resolve) => {
        setTimeout(resolve, 2);
      });
    }
    await Promise.all(sends);
    session.finish();
    await hearing;
    assert.equal(relay.onlySession.audio.length, 6_400);
  });

  test('Audio is copied: a caller may use its buffer again', async (t) => {
    const { relay, live } = await place(t);
    const session = live({ bufferMs: 10 });
    const hearing = all(session);
    const frame = new Int16Array(100);
    for (let i = 0; i < 50; i++) await session.send(frame.fill(i));
    session.finish();
    await hearing;
    assert.deepEqual(
      relay.onlySession.audio,
      Buffer.from(new Int16Array(5_000).map((_, i) => Math.floor(i / 100)).buffer),
    );
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

  test('Who cancels, leaves the loop or aborts ends the session on the server too', async (t) => {
    const { relay, live } = await place(t);
    const cancelled = live();
    for await (const event of cancelled) {
      assert.equal(event.type, 'ready');
      cancelled.cancel();
    }
    for await (const event of live()) {
      assert.equal(event.type, 'ready');
      break;
    }
    const leaving = new AbortController();
    const reason = new Error('enough');
    await assert.rejects(async () => {
      for await (const event of live({ signal: leaving.signal })) {
        assert.equal(event.type, 'ready');
        leaving.abort(reason);
      }
    }, reason);
    await assert.rejects(all(live({ signal: leaving.signal })), reason);
    while (![...relay.sessions.values()].every(({ isClosed }) => isClosed))
      await new Promise((resolve) => {
        setTimeout(resolve, 2);
      });
    assert.equal(relay.sessions.size, 3);
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
