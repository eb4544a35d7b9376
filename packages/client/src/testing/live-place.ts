import type { TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { Requester } from '../http/requester.js';
import { TestLiveRelay, textOf, utterancesIn, type RelayScript } from './live-relay.js';
import type { LiveSession } from '../live/live-session.js';
import type { LiveEvent, LiveOptions } from '../live/live-types.js';
import { startLive } from '../live/start-live.js';

/** A relay, and sessions with it. */
export interface Place {
  readonly relay: TestLiveRelay;
  readonly live: (
    options?: LiveOptions,
    more?: { readonly apiKey?: string; readonly silenceMs?: number },
  ) => LiveSession;
}

/** Opens a relay that acts by a script, until the end of the test. */
export async function place(t: TestContext, script: RelayScript = {}): Promise<Place> {
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
export function noise(bytes: number): Buffer {
  const audio = Buffer.alloc(bytes);
  for (let i = 0, state = 1; i < bytes; i++, state = (state * 48_271) % 2_147_483_647) audio[i] = state & 0xff;
  return audio;
}

/** All events of a session, to its end. */
export async function all(session: LiveSession): Promise<LiveEvent[]> {
  const events: LiveEvent[] = [];
  for await (const event of session) events.push(event);
  return events;
}

/** Gives the audio in pieces of many sizes, each when the one before is buffered. */
export async function speak(session: LiveSession, audio: Buffer, pieceBytes = 641): Promise<void> {
  for (let at = 0; at < audio.length; at += pieceBytes) await session.send(audio.subarray(at, at + pieceBytes));
}

/** Texts of the finals, in order. */
export function finals(events: readonly LiveEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'final' ? [event.text] : []));
}

/** The texts that a `TestLiveRelay` makes of this audio. */
export function expectedFinals(audio: Buffer): string[] {
  return Array.from({ length: utterancesIn(audio.length) }, (_, utterance) => textOf(audio, utterance));
}
