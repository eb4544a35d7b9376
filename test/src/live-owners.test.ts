import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { LiveEvent } from '@murmuration/contracts';
import { patientConnection, type Redis } from '@murmuration/store';
import type { Live } from '@murmuration/transcribe';
import { Cluster } from './harness/cluster.js';
import { LiveConnection } from './harness/live-client.js';
import { createLogger } from '@murmuration/runtime';
import { LiveNodes, allEvents, finalsOf, openLive, send } from './harness/live-nodes.js';
import { RATE_HZ, joined, samples } from './harness/wav.js';

const FRAME = new Int16Array(RATE_HZ / 10);
const GRACE_S = 1;
/** Loaded before everything else in a process: its wall clock is off by this much. */
const skewed = (ms: number): string =>
  `--import=data:text/javascript,${encodeURIComponent(`const Real = Date; globalThis.Date = class extends Real { constructor(...given) { super(...(given.length === 0 ? [Real.now() + ${String(ms)}] : given)); } static now() { return Real.now() + ${String(ms)}; } };`)}`;

/** A client that sends silence until it is stopped. */
async function speaker(stops: (() => void)[], port: number): Promise<LiveConnection> {
  const connection = await LiveConnection.open(`ws://127.0.0.1:${String(port)}/ws/transcribe`);
  connection.send({ type: 'start', encoding: 'pcm_s16le', sample_rate: RATE_HZ });
  await connection.next('ready', (message) => message.type === 'ready');
  const timer = setInterval(() => {
    connection.audio(FRAME);
  }, 100);
  stops.push(() => {
    clearInterval(timer);
    connection.cut();
  });
  return connection;
}

test(
  'relays whose clocks are ten minutes apart leave each other’s sessions alone, and finish those that are nobody’s',
  { timeout: 300_000 },
  async (t) => {
    const stops: (() => void)[] = [];
    t.after(() => {
      for (const stop of stops) stop();
    });
    const cluster = await Cluster.start({
      relays: 1,
      worker: { DEVICE: 'simulated' },
      relay: { SESSION_GRACE: String(GRACE_S) },
    });
    t.after(() => cluster.close());
    const ports = [cluster.relays[0]?.port ?? 0];
    for (const skewMs of [600_000, -600_000]) {
      ports.push((await cluster.addRelay(undefined, { NODE_OPTIONS: skewed(skewMs) })).port);
    }
    const speakers = await Promise.all(ports.map((port) => speaker(stops, port)));
    for (const port of ports) {
      const left = await speaker(stops, port);
      const session = left.messages[0]?.session ?? '';
      left.cut();
      const told = await (await fetch(`${cluster.url}/v1/sessions/${session}/events?last_event_id=0`)).text();
      assert.match(told, /"end":"abandoned"/);
    }
    for (const one of speakers)
      assert.deepEqual(
        one.messages.filter(({ type }) => type === 'error' || type === 'closed'),
        [],
      );
  },
);

/** One relay, and a connection to its Redis for what is done to that. */
async function relayAndRedis(t: TestContext): Promise<{ readonly redis: Redis; readonly live: Live }> {
  const nodes = await LiveNodes.start();
  t.after(() => nodes.close());
  const redis = patientConnection(nodes.redis.url, createLogger({ service: 'test', level: 'silent' }));
  t.after(() => {
    redis.disconnect();
  });
  return { redis, live: await nodes.addNode('relay') };
}

test('a session goes on after Redis was away for longer than its lease', { timeout: 120_000 }, async (t) => {
  const nodes = await LiveNodes.start();
  t.after(() => nodes.close());
  const [own] = [
    await nodes.addNode('own', { graceMs: GRACE_S * 1_000 }),
    await nodes.addNode('other', { graceMs: GRACE_S * 1_000 }),
  ];
  const session = await openLive(own);
  const events: Promise<LiveEvent[]> = allEvents(session);
  const push = (): Promise<void> => session.push(new Uint8Array(FRAME.buffer));
  await push();
  nodes.redis.signal('SIGSTOP');
  // The grace and the ten seconds that are added to it.
  await new Promise((resolve) => {
    setTimeout(resolve, GRACE_S * 1_000 + 13_000);
  });
  nodes.redis.signal('SIGCONT');
  const onwards = performance.now() + 15_000;
  while (performance.now() < onwards) {
    await push();
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
  await session.finish();
  const last = (await events).at(-1);
  assert.equal(last?.type === 'closed' && last.totals.end, 'finished');
});

test(
  'a session goes on where Redis refuses its audio for a while, full or read-only',
  { timeout: 120_000 },
  async (t) => {
    const { redis, live } = await relayAndRedis(t);
    const session = await openLive(live);
    const events = allEvents(session);
    let pushed = 0;
    const push = async (): Promise<void> => {
      await session.push(new Uint8Array(FRAME.buffer));
      pushed++;
    };
    await push();
    for (const [setting, refusing, sound] of [
      ['maxmemory', '1', '512mb'],
      ['min-replicas-to-write', '1', '0'],
    ] as const) {
      await redis.config('SET', setting, refusing);
      const untilMs = performance.now() + 3_000;
      const sending = (async () => {
        while (performance.now() < untilMs) {
          await push();
          await pause(100);
        }
      })();
      await pause(3_000);
      await redis.config('SET', setting, sound);
      await sending;
    }
    await session.finish();
    const last = (await events).at(-1);
    assert.deepEqual(last?.type === 'closed' && [last.totals.end, last.totals.audioMs], ['finished', pushed * 100]);
  },
);

test(
  'a session that the store has lost is told to its owner as session_lost, while it speaks and while it is silent; its keys outlive an outage of hours',
  { timeout: 120_000 },
  async (t) => {
    const { redis, live } = await relayAndRedis(t);
    const [speaking, silent] = [await openLive(live), await openLive(live)];
    const ends = [speaking, silent].map((session) => allEvents(session));
    const lost = { code: 'session_lost', message: /lost the session/ };
    const rejected = ends.map((end) => assert.rejects(end, lost));
    await speaking.push(new Uint8Array(FRAME.buffer));
    for (const { id } of [speaking, silent]) {
      const keys = await redis.keys(`*{s.${id}}*`);
      for (const key of keys) assert.ok((await redis.pttl(key)) > 12 * 3_600_000, key);
      await redis.del(keys);
    }
    await assert.rejects(async () => {
      for (;;) await speaking.push(new Uint8Array(FRAME.buffer));
    }, lost);
    await Promise.all(rejected);
    await assert.rejects(silent.push(new Uint8Array(FRAME.buffer)), lost);
    await assert.rejects(live.resume(silent.id, silent.token, null), { code: 'invalid_resume' });
    assert.equal(live.owned, 0);
  },
);

test(
  'who resumes a closed session after its last event, or after one that never was, is not kept waiting',
  { timeout: 120_000 },
  async (t) => {
    const nodes = await LiveNodes.start();
    t.after(() => nodes.close());
    const live = await nodes.addNode('relay');
    const session = await openLive(live);
    await session.finish();
    const last = (await allEvents(session)).at(-1);
    assert.equal(last?.type, 'closed');
    for (const afterId of [last.id, '99999999999999-0']) {
      const again = await live.resume(session.id, session.token, null);
      assert.deepEqual(await allEvents(again, afterId, 20_000), []);
    }
  },
);

test('a session that cannot be looked after keeps no other from being renewed', { timeout: 120_000 }, async (t) => {
  const nodes = await LiveNodes.start();
  t.after(() => nodes.close());
  const redis = patientConnection(nodes.redis.url, createLogger({ service: 'test', level: 'silent' }));
  t.after(() => {
    redis.disconnect();
  });
  const live = await nodes.addNode('relay');
  const [broken, sound] = [await openLive(live), await openLive(live)];
  await nodes.killFirstWorker();
  const [clip] = await samples();
  assert.ok(clip);
  await send(broken, new Uint8Array(clip.pcm.buffer, clip.pcm.byteOffset, clip.pcm.byteLength));
  await broken.commit();
  // Its owner looks for tickets that are lost while no final comes, and that fails from now on.
  const pending = `murm:{s.${broken.id}}:pending`;
  await redis.multi().del(pending).set(pending, 'no list').exec();
  const lease = async (): Promise<number> => Number(await redis.zscore('murm:live-sessions', sound.id));
  // Longer than the pause before a look for tickets and that between two renewals.
  await pause(10_000);
  const before = await lease();
  while ((await lease()) === before) await pause(100);
  await redis.del(pending);
});

/** What a replica has of a session: put back, it is the store after a failover that lost what came since. */
class Replica {
  readonly #redis: ReturnType<typeof patientConnection>;
  readonly #names: readonly string[];
  readonly #dumps: readonly (Buffer | null)[];

  private constructor(
    redis: ReturnType<typeof patientConnection>,
    names: readonly string[],
    dumps: readonly (Buffer | null)[],
  ) {
    this.#redis = redis;
    this.#names = names;
    this.#dumps = dumps;
  }

  static async of(redis: ReturnType<typeof patientConnection>, session: string): Promise<Replica> {
    const names = ['session', 'pcm', 'utterances', 'pending', 'events', 'tries', 'results'].map(
      (name) => `murm:{s.${session}}:${name}`,
    );
    const dumping = redis.multi();
    for (const name of names) dumping.dumpBuffer(name);
    return new Replica(
      redis,
      names,
      ((await dumping.exec()) ?? []).map(([, dump]) => dump as Buffer | null),
    );
  }

  async failOver(): Promise<void> {
    const restoring = this.#redis.multi().unlink(...this.#names);
    this.#names.forEach((name, at) => {
      const dump = this.#dumps[at];
      if (dump !== null && dump !== undefined) restoring.restore(name, 60_000, dump);
    });
    await restoring.exec();
  }
}

test(
  'acknowledged audio and ended utterances that a failover loses are stored again by their owner, who keeps the session that it took',
  { timeout: 120_000 },
  async (t) => {
    const nodes = await LiveNodes.start();
    t.after(() => nodes.close());
    const redis = patientConnection(nodes.redis.url, createLogger({ service: 'test', level: 'silent' }));
    t.after(() => {
      redis.disconnect();
    });
    const [first, second] = [await nodes.addNode('first'), await nodes.addNode('second')];
    const speech = joined(
      (await samples()).map((clip) => clip.pcm),
      900,
    );
    const bytes = new Uint8Array(speech.buffer, speech.byteOffset, speech.byteLength);
    const settings = { idleEndpointingMs: 60_000 };
    const heard = (events: readonly LiveEvent[]): unknown => [
      ...new Map(finalsOf(events).map(({ utterance, startMs, endMs, text }) => [utterance, { startMs, endMs, text }])),
    ];
    const quiet = await openLive(first, settings);
    await send(quiet, bytes);
    await quiet.finish();
    const undisturbed = heard(await allEvents(quiet));

    let session = await openLive(first, settings);
    const sendAll = async (from: number, to: number): Promise<void> => {
      const stored = new Promise<void>((resolve) => {
        session.onStored((count) => {
          if (count === to / 2) resolve();
        });
      });
      await Promise.all([send(session, bytes.subarray(from, to)), stored]);
    };
    await sendAll(0, 200_000);
    let replica = await Replica.of(redis, session.id);
    await sendAll(200_000, 320_000);
    await replica.failOver();
    await sendAll(320_000, 360_000);
    replica = await Replica.of(redis, session.id);
    session = await second.resume(session.id, session.token, null);
    await sendAll(360_000, 420_000);
    await replica.failOver();
    await send(session, bytes.subarray(420_000));
    await session.finish();
    const told = await allEvents(session);
    assert.equal(told.at(-1)?.type, 'closed');
    assert.deepEqual(heard(told), undisturbed);
  },
);

test(
  'a finished session whose last finals no worker gives ends with an error, and so does one whose finish waits for them',
  { timeout: 120_000 },
  async (t) => {
    const nodes = await LiveNodes.start();
    t.after(() => nodes.close());
    const live = await nodes.addNode('relay', { finishMs: 4_000 });
    const speech = joined(
      (await samples()).map((clip) => clip.pcm),
      900,
    );
    const bytes = new Uint8Array(speech.buffer, speech.byteOffset, speech.byteLength);
    const [short, long] = [await openLive(live), await openLive(live)];
    await nodes.killFirstWorker();
    const events = [allEvents(short), allEvents(long)];
    await send(short, bytes.subarray(0, 200_000));
    await short.finish();
    // More than may wait: its finish comes after audio that is held up.
    const sending = (async () => {
      for (let i = 0; i < 5; i++) await send(long, bytes);
    })();
    while (((await live.list('everybody')).find(({ id }) => id === long.id)?.lagMs ?? 0) < 30_000)
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    await long.finish();
    await sending;
    for (const told of await Promise.all(events)) {
      const [error, closed] = told.slice(-2);
      assert.equal(error?.type === 'error' && error.error.code, 'no_worker');
      assert.equal(closed?.type === 'closed' && closed.totals.end, 'failed');
    }
  },
);
