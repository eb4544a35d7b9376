import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ServerMessage } from '@murmuration/contracts';
import type { LiveMessage } from './live-types.js';
import { all, expectedFinals, finals, noise, place, speak } from '../testing/live-place.js';

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;

const sameTypes: Same<Mutable<LiveMessage>, ServerMessage> = true;

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
});
