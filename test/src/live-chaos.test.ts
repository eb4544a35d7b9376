import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cluster } from './harness/cluster.js';
import { LiveConnection, type LiveMessage } from './harness/live-client.js';
import { seeded } from './harness/seeded.js';
import { RATE_HZ, joined, samples } from './harness/wav.js';

const CUTS = 50;
const KILLS: ReadonlySet<number> = new Set([15, 35]);
const MINUTES = 5;
const FRAME = RATE_HZ / 10;
const random = seeded(Number(process.env['CHAOS_SEED'] ?? 20_261_124));

let cluster: Cluster;
let pcm: Int16Array;

before(async () => {
  const clips = (await samples()).map((clip) => clip.pcm);
  const turn = joined(clips, 800);
  pcm = joined(
    Array.from({ length: Math.ceil((MINUTES * 60 * RATE_HZ) / turn.length) }, () => turn),
    0,
  );
  // The simulated device's text depends on the samples alone: audio sent twice or lost shows in it.
  cluster = await Cluster.start({ relays: 2, worker: { DEVICE: 'simulated' } });
});

after(async () => {
  await cluster.close();
});

function addressOf(relay: number): string {
  return `ws://127.0.0.1:${String(cluster.relays[relay]?.port)}/ws/transcribe`;
}

/** Sends audio from `at` until `until`, ten times as fast as it was spoken at most. */
async function sendUntil(connection: LiveConnection, at: number, until: number): Promise<void> {
  for (; at < until; at += FRAME) {
    connection.audio(pcm.subarray(at, Math.min(at + FRAME, until)));
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
}

/** What of the messages is new, in the order of their ids. */
function remember(all: Map<string, LiveMessage>, connection: LiveConnection): void {
  for (const message of connection.messages) {
    if (message.event_id === undefined) continue;
    assert.equal(all.has(message.event_id), false, `${message.type} ${message.event_id} came twice`);
    all.set(message.event_id, message);
  }
}

function finalTexts(messages: Iterable<LiveMessage>): string[] {
  return [...messages]
    .filter((message) => message.type === 'final')
    .map((message) => `${String(message.start_ms)} ${message.text ?? ''}`);
}

test(
  'A stream cut fifty times and carried on at another relay, one of them killed twice, gives the text of an undisturbed one',
  { timeout: 600_000 },
  async (t) => {
    const quiet = await LiveConnection.open(addressOf(0));
    quiet.send({ type: 'start', encoding: 'pcm_s16le', sample_rate: RATE_HZ });
    await quiet.next('ready', (message) => message.type === 'ready');
    await sendUntil(quiet, 0, pcm.length);
    quiet.send({ type: 'finish' });
    await quiet.next('closed', (message) => message.type === 'closed', 120_000);
    const expected = finalTexts(quiet.messages);
    assert.ok(expected.length > 30);

    const cuts = Array.from({ length: CUTS }, () => Math.floor(random() * pcm.length)).sort((a, b) => a - b);
    const heard = new Map<string, LiveMessage>();
    let relay = 0;
    let connection = await LiveConnection.open(addressOf(relay));
    connection.send({ type: 'start', encoding: 'pcm_s16le', sample_rate: RATE_HZ });
    const ready = await connection.next('ready', (message) => message.type === 'ready');
    let from = 0;
    for (const [n, cut] of cuts.entries()) {
      await sendUntil(connection, from, Math.max(from, cut));
      if (KILLS.has(n)) {
        await cluster.relays[relay]?.process.end('SIGKILL');
        const place = cluster.relays[relay];
        assert.ok(place);
        cluster.relays[relay] = await cluster.addRelay(place);
        cluster.relays.pop();
      }
      connection.cut();
      await connection.closed;
      remember(heard, connection);
      relay = 1 - relay;
      connection = await LiveConnection.open(addressOf(relay));
      const last = [...heard.keys()].at(-1);
      connection.send({
        type: 'resume',
        session: ready.session,
        token: ready.token,
        ...(last === undefined ? {} : { last_event_id: last }),
      });
      const resumed = await connection.next(`resumed after cut ${String(n)}`, (message) => message.type === 'resumed');
      from = resumed.samples ?? 0;
    }
    await sendUntil(connection, from, pcm.length);
    connection.send({ type: 'finish' });
    await connection.next('closed', (message) => message.type === 'closed', 120_000);
    remember(heard, connection);
    const finals = finalTexts(heard.values());
    t.diagnostic(`${String(CUTS)} cuts, ${String(KILLS.size)} kills, ${String(finals.length)} finals`);
    assert.deepEqual(finals, expected);
  },
);
