import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { LiveEvent } from '@murmuration/contracts';
import type { Live, LiveSession } from '@murmuration/transcribe';
import { LiveNodes, allEvents, finalsOf, openLive, send } from './harness/live-nodes.js';
import { frameOf, paced } from './harness/paced.js';
import { WITHOUT_SHARED, bytesOf, sharedClip } from './harness/speech.js';
import { RATE_HZ, pcmOf } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';

let nodes: LiveNodes;
let first: Live;
let second: Live;
let jfk: Int16Array;
const SAID = words(
  'And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country.',
);

before(async () => {
  if (WITHOUT_SHARED !== false) return;
  nodes = await LiveNodes.start({});
  [first, second] = [await nodes.addNode('first'), await nodes.addNode('second')];
  jfk = pcmOf(await bytesOf(sharedClip('jfk.wav')));
});

after(async () => {
  if (WITHOUT_SHARED === false) await nodes.close();
});

const spoken = (fromSeconds: number, toSeconds: number): Buffer =>
  frameOf(jfk.subarray(fromSeconds * RATE_HZ, toSeconds * RATE_HZ));

/** Events as they come, and waiting for those that fit. */
function listening(session: LiveSession): {
  readonly told: LiveEvent[];
  readonly first: <T extends LiveEvent['type']>(type: T, count?: number) => Promise<Extract<LiveEvent, { type: T }>>;
} {
  const told: LiveEvent[] = [];
  let wake = (): void => undefined;
  void (async () => {
    for await (const one of session.events('0', AbortSignal.timeout(60_000))) {
      told.push(one);
      wake();
    }
  })().catch(() => undefined);
  return {
    told,
    first: async (type, count = 1) => {
      for (;;) {
        const found = told.filter((one) => one.type === type)[count - 1];
        if (found !== undefined) return found as never;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

test(
  'an end that the client asks for is followed by no speech that is not there, in silence, in noise and at the finish',
  { skip: WITHOUT_SHARED },
  async () => {
    for (const level of [0, 60]) {
      for (const end of ['commit', 'clear'] as const) {
        const session = await openLive(first);
        await send(session, spoken(0, 2.2));
        await session[end]();
        await send(session, frameOf(Int16Array.from({ length: 2 * RATE_HZ }, () => (Math.random() - 0.5) * level)));
        await session.finish();
        const events = await allEvents(session);
        const kinds = events.flatMap((one) => (one.type === 'partial' ? [] : [one.type]));
        assert.deepEqual(
          kinds,
          end === 'commit' ? ['speech_started', 'speech_ended', 'final', 'closed'] : ['speech_started', 'closed'],
          `${end}, noise of ${String(level)}`,
        );
      }
    }
  },
);

test(
  'speech that goes on across two commits is transcribed wholly, each part started after the end before it',
  { skip: WITHOUT_SHARED },
  async () => {
    const session = await openLive(first, { endpointingMs: 2_000 });
    for (const [from, to] of [
      [0, 4.4],
      [4.4, 8.9],
      [8.9, 11],
    ] as const) {
      await send(session, spoken(from, to));
      if (to < 11) await session.commit();
    }
    await session.finish();
    const events = await allEvents(session);
    const text = finalsOf(events)
      .map((final) => final.text)
      .join(' ');
    assert.ok(wordErrors(SAID, words(text)) <= 3, text);
    const starts = events.filter((one) => one.type === 'speech_started').map((one) => one.atMs);
    assert.equal(starts.length, 3);
    assert.ok((starts[1] ?? 0) >= 4_400 && (starts[2] ?? 0) >= 8_900, String(starts));
  },
);

test(
  'an utterance ends when no audio comes, though the client keeps the session alive, and what is spoken afterwards has the times of the audio',
  { skip: WITHOUT_SHARED },
  async () => {
    const session = await openLive(first, { idleEndpointingMs: 400 });
    const { told, first: heard } = listening(session);
    await paced(jfk.subarray(0, 2 * RATE_HZ), (frame) => {
      session.push(frame).catch(() => undefined);
    });
    const alive = setInterval(() => {
      session.keepAlive();
    }, 50);
    const final = await heard('final');
    clearInterval(alive);
    assert.ok(wordErrors(words('And so, my fellow Americans'), words(final.text)) <= 1, final.text);
    assert.ok(final.endMs <= 2_000 && final.by === 'silence');
    await send(session, spoken(2, 8));
    await session.finish();
    await heard('closed');
    const later = told.filter((one) => one.type === 'speech_started').at(-1);
    assert.ok(later !== undefined && later.atMs >= 3_000 && later.atMs <= 8_000, 'counted in audio, not by the clock');
    const closed = told.at(-1);
    assert.equal(closed?.type === 'closed' && closed.totals.audioMs, 8_000);
  },
);

test('a sender of slices of one second is not taken for one that is quiet', { skip: WITHOUT_SHARED }, async () => {
  const undisturbed = await openLive(first);
  await send(undisturbed, frameOf(jfk));
  await undisturbed.finish();
  const session = await openLive(first, { idleEndpointingMs: 800 });
  const pushed: Promise<void>[] = [];
  await paced(
    jfk,
    (slice) => {
      pushed.push(session.push(slice));
    },
    { frameMs: 1_000 },
  );
  await Promise.all(pushed);
  await session.finish();
  const span = (events: readonly LiveEvent[]): unknown =>
    finalsOf(events).map(({ startMs, endMs }) => [startMs, endMs]);
  assert.deepEqual(span(await allEvents(session)), span(await allEvents(undisturbed)));
});

test(
  'an utterance in progress ends on the relay that takes its session over, when its client sends nothing there',
  { skip: WITHOUT_SHARED },
  async () => {
    const session = await openLive(first, { idleEndpointingMs: 1_500 });
    await send(session, spoken(0, 2));
    const taken = await second.resume(session.id, session.token, null);
    const { first: heard } = listening(taken);
    const final = await heard('final');
    assert.ok(wordErrors(words('And so, my fellow Americans'), words(final.text)) <= 1, final.text);
    await taken.cancel();
  },
);

test('where the client ends its utterances itself the clock ends none', { skip: WITHOUT_SHARED }, async () => {
  const session = await openLive(first, { detect: false, idleEndpointingMs: 100 });
  const { told, first: heard } = listening(session);
  await send(session, spoken(0, 2));
  const other = await openLive(first, { idleEndpointingMs: 100 });
  await send(other, spoken(0, 2));
  await listening(other).first('final');
  assert.deepEqual(
    told.filter((one) => one.type === 'speech_ended'),
    [],
  );
  await session.commit();
  assert.equal((await heard('final')).by, 'committed');
  await Promise.all([session.cancel(), other.cancel()]);
});

test(
  'channels that cancel each other are heard, and the session is warned once',
  { skip: WITHOUT_SHARED },
  async () => {
    const session = await openLive(first, { channels: 2 });
    await send(
      session,
      frameOf(
        Int16Array.from({ length: jfk.length * 2 }, (_value, at) => ((at & 1) === 0 ? 1 : -1) * (jfk[at >> 1] ?? 0)),
      ),
      12_800,
    );
    await session.finish();
    const events = await allEvents(session);
    assert.ok(
      wordErrors(
        SAID,
        words(
          finalsOf(events)
            .map(({ text }) => text)
            .join(' '),
        ),
      ) <= 3,
    );
    assert.deepEqual(
      events.filter((one) => one.type === 'warning').map(({ code }) => code),
      ['mix_adjusted'],
    );
  },
);
