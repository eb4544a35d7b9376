import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Murmuration, type LiveEvent, type LiveSession } from '@murmuration/client/node';
import { WebSocket } from 'ws';
import { Cluster } from './harness/cluster.js';
import { until } from './harness/api-requests.js';
import { seeded } from './harness/seeded.js';
import { RATE_HZ, joined, samples } from './harness/wav.js';

const CUTS = 40;
/** Of the cuts, those at which a relay is killed outright and comes back. */
const KILLS: ReadonlySet<number> = new Set([10, 25]);
const MINUTES = 3;
const PIECE_SAMPLES = RATE_HZ / 10;

let cluster: Cluster;
let pcm: Int16Array;

before(async () => {
  const turn = joined(
    (await samples()).map((clip) => clip.pcm),
    800,
  );
  pcm = joined(
    Array.from({ length: Math.ceil((MINUTES * 60 * RATE_HZ) / turn.length) }, () => turn),
    0,
  );
  // The text of the simulated device depends on the samples alone: audio that is lost, doubled or out of place shows in it.
  cluster = await Cluster.start({ relays: 2, worker: { DEVICE: 'simulated' } });
});

after(async () => {
  await cluster.close();
});

/** Speaks all of it, as fast as it is taken; `between` is told after each piece. */
async function speak(
  session: LiveSession,
  between: (sentSamples: number) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  for (let at = 0; at < pcm.length; at += PIECE_SAMPLES) {
    await session.send(pcm.subarray(at, at + PIECE_SAMPLES));
    await between(at);
  }
  session.finish();
}

async function all(session: LiveSession): Promise<LiveEvent[]> {
  const events: LiveEvent[] = [];
  for await (const event of session) events.push(event);
  return events;
}

function finals(events: readonly LiveEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'final' ? [`${String(event.start_ms)} ${event.text}`] : []));
}

async function undisturbed(): Promise<string[]> {
  const session = new Murmuration({ baseUrl: cluster.url }).live();
  const [events] = await Promise.all([all(session), speak(session)]);
  assert.equal(events.at(-1)?.type, 'closed');
  return finals(events);
}

test('A session whose connections break all the time, each next one to the other relay, gives the text of an undisturbed one', async (t) => {
  const expected = await undisturbed();
  assert.ok(expected.length > 20);
  const random = seeded(7);
  const cuts = Array.from({ length: CUTS }, () => Math.floor(random() * pcm.length)).sort((a, b) => a - b);
  let opened = 0;
  let current: WebSocket | null = null;
  /** Goes to the relays in turn, whatever the address. */
  class Wandering extends WebSocket {
    constructor(_url: string, protocols?: string[]) {
      super(`ws://127.0.0.1:${String(cluster.relays[opened++ % 2]?.port)}/ws/transcribe`, protocols);
      // eslint-disable-next-line @typescript-eslint/no-this-alias -- the connection that the test breaks
      current = this;
    }
  }
  // On a busy machine a break lasts longer than a second; ends by the clock are not what this is about.
  const session = new Murmuration({ baseUrl: cluster.url, webSocket: Wandering }).live({
    bufferMs: 5_000,
    idle_endpointing_ms: 10_000,
  });
  let done = 0;
  let resumed = 0;
  const events: LiveEvent[] = [];
  const hearing = (async () => {
    for await (const event of session) {
      events.push(event);
      if (event.type === 'resumed') resumed++;
    }
  })();
  await speak(session, async (sentSamples) => {
    while (done < CUTS && (cuts[done] ?? 0) <= sentSamples) {
      if (KILLS.has(done)) await killRelay((opened - 1) % 2);
      done++;
      const before = resumed;
      current?.terminate();
      // The next cut mostly meets a connection that goes on with the session, else one in whatever state it is.
      if (random() < 0.8) await until('the session is resumed', () => resumed > before);
    }
  });
  await hearing;
  t.diagnostic(
    `${String(CUTS)} cuts, ${String(KILLS.size)} kills, ${String(opened)} connections, ${String(resumed)} resumed`,
  );
  assert.ok(resumed >= CUTS * 0.6, String(resumed));
  assert.deepEqual(finals(events), expected);
  const ids = events.flatMap((event) => ('event_id' in event ? [event.event_id] : []));
  assert.equal(new Set(ids).size, ids.length);
  const last = events.at(-1);
  assert.ok(last?.type === 'closed');
  assert.deepEqual([last.totals.end, last.totals.audio_ms], ['finished', Math.round((pcm.length / RATE_HZ) * 1_000)]);
});

/** Kills a relay and starts it again at the same ports. */
async function killRelay(at: number): Promise<void> {
  const relay = cluster.relays[at];
  assert.ok(relay);
  await relay.process.end('SIGKILL');
  cluster.relays[at] = await cluster.addRelay(relay);
  cluster.relays.pop();
}

test('A relay that is drained hands its session to the other, and the client notices nothing but the move', async () => {
  const [first, second] = cluster.relays;
  assert.ok(first && second);
  const expected = await undisturbed();
  let isDrained = false;
  class Following extends WebSocket {
    constructor(_url: string, protocols?: string[]) {
      super(`ws://127.0.0.1:${String((isDrained ? second : first)?.port)}/`, protocols);
    }
  }
  const session = new Murmuration({ baseUrl: cluster.url, webSocket: Following }).live();
  const endings: Promise<number | null>[] = [];
  const [events] = await Promise.all([
    all(session),
    speak(session, (sentSamples) => {
      if (sentSamples >= pcm.length / 2 && !isDrained) {
        isDrained = true;
        endings.push(first.process.end('SIGTERM'));
      }
      return Promise.resolve();
    }),
  ]);
  assert.deepEqual(await Promise.all(endings), [0]);
  assert.deepEqual(finals(events), expected);
  assert.equal(events.filter(({ type }) => type === 'resumed').length, 1);
});
