import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { decodeOptionsSchema, liveSettingsSchema, type LiveEvent, type ModelDescription } from '@murmuration/contracts';
import { createLogger } from '@murmuration/runtime';
import { patientConnection, subscriberConnection, type Redis } from '../connections.js';
import { liveKeys } from '../keys.js';
import { startRedis, type TestRedis } from '../testing/start-redis.js';
import { TicketQueues } from '../work/ticket-queue.js';
import { LiveItems, type LiveItem } from './live-items.js';
import { LiveEvents } from './live-events.js';
import type { LiveOwner, LiveRecord, NewLive, PlannedUtterance } from './live-record.js';
import { LiveStore, type ChangeAnswer, type LiveChange } from './live-store.js';
import { WakeChannels } from './wake-channels.js';

const logger = createLogger({ service: 'test', level: 'silent' });
let server: TestRedis;
let redis: Redis;
let subscriber: Redis;
let store: LiveStore;
let queues: TicketQueues;
let items: LiveItems;
let events: LiveEvents;
let nextId = 1;

before(async () => {
  server = await startRedis();
  redis = patientConnection(server.url, logger);
  subscriber = subscriberConnection(server.url, logger);
  store = new LiveStore(redis, { keepMs: 60_000, closedKeepMs: 60_000, leaseMs: 60_000 });
  queues = new TicketQueues(redis);
  items = new LiveItems(redis, queues, MODEL.slug);
  events = new LiveEvents(redis, new WakeChannels(subscriber));
});

after(async () => {
  await queues.close();
  subscriber.disconnect();
  await redis.quit();
  await server.close();
});

const MODEL: ModelDescription = {
  id: 'model',
  slug: 'model',
  family: 'simulated',
  languages: ['en'],
  tasks: ['transcribe'],
  wordTimes: 'none',
  detectsLanguage: false,
  dtype: 'simulated',
  chunkPolicy: {
    sampleRateHz: 16_000,
    maxChunkMs: 20_000,
    targetChunkMs: 10_000,
    packGapMs: 0,
    gridMs: 500,
    overlapMs: 0,
  },
};

/** A session's owner that stores a second of audio a change. */
class Owner implements LiveOwner {
  readonly id: string;
  readonly epoch: number;
  readonly holder: string;
  #samples: number;
  #op: string;
  #ops = 0;

  constructor({
    id,
    epoch,
    holder,
    positionSamples = 0,
    op = '',
  }: LiveOwner & { readonly positionSamples?: number; readonly op?: string }) {
    this.id = id;
    this.epoch = epoch;
    this.holder = holder;
    this.#samples = positionSamples;
    this.#op = op;
  }

  static async create(): Promise<Owner> {
    const session: NewLive = {
      id: `s${String(nextId++)}`,
      tokenHash: 'hash',
      owner: null,
      relay: 'relay',
      holder: 'h1',
      settings: liveSettingsSchema.parse({}),
      model: MODEL,
      decode: decodeOptionsSchema.parse({}),
    };
    await store.create(session);
    return new Owner({ ...session, epoch: 1 });
  }

  get change(): LiveChange {
    const fromSamples = this.#samples;
    const pcm = new Uint8Array(new Int16Array(16_000).fill(fromSamples / 16_000 + 1).buffer);
    return {
      op: `${this.holder}.${String(this.#ops)}`,
      after: this.#op,
      fromSamples,
      toSamples: fromSamples + 16_000,
      pcm,
      sourceSamples: fromSamples + 16_000,
      decoder: null,
      snapshot: null,
      snapshotAtSamples: 0,
      keepFromSamples: fromSamples + 16_000,
      open: null,
      events: [],
      partialAfterSamples: 0,
      cleared: false,
      finish: null,
      renew: false,
    };
  }

  async append(more: Partial<LiveChange> = {}): Promise<ChangeAnswer> {
    const change = { ...this.change, ...more };
    const answer = await store.change(this, change);
    this.#ops++;
    this.#op = change.op;
    this.#samples = change.toSamples;
    return answer;
  }

  /** A second of audio that is an utterance by itself. */
  async utter(utterance: number, more: Partial<LiveChange> = {}): Promise<void> {
    const planned: PlannedUtterance = {
      utterance,
      startSamples: this.#samples,
      samples: 16_000,
      startMs: this.#samples / 16,
      endMs: this.#samples / 16 + 1_000,
      by: 'silence',
    };
    await this.append({
      events: [
        { type: 'started', utterance, atMs: planned.startMs },
        { type: 'ended', planned },
      ],
      ...more,
    });
  }

  /** The open utterance, all of the audio so far. */
  open(utterance: number, endSamples: number): Partial<LiveChange> {
    return {
      open: { utterance, startSamples: 0, endSamples, speechStartSamples: 0, resting: false },
      keepFromSamples: 0,
      partialAfterSamples: 8_000,
    };
  }
}

/** Takes an utterance by its ticket: the first time, or again. A session's tickets bring its utterances in order. */
async function pick(owner: Owner, utterance: number): Promise<LiveItem> {
  const [item] = await items.take({ job: owner.id, ticket: utterance + 1 });
  assert.equal(item?.index, utterance);
  return item;
}

async function finish(picked: LiveItem, text: string): Promise<string> {
  const { utterance, startMs, endMs, by } = picked.planned;
  return items.give(
    picked,
    {
      utterance,
      startMs,
      endMs,
      by,
      text,
      confidence: 1,
      words: [],
      filtered: [],
      language: 'en',
      languageProbability: null,
    },
    null,
  );
}

async function told(owner: Owner): Promise<LiveEvent[]> {
  const list: LiveEvent[] = [];
  const stopped = new AbortController();
  for await (const event of events.follow(
    owner.id,
    '0',
    AbortSignal.any([stopped.signal, AbortSignal.timeout(10_000)]),
  )) {
    list.push(event);
    if (event.id === (await events.latestId(owner.id))) stopped.abort();
  }
  return list;
}

test('Finals are told in the order of their utterances, whatever order they come in, and each takes its audio with it', async () => {
  const owner = await Owner.create();
  await owner.utter(0);
  await owner.utter(1);
  const [late, early] = [await pick(owner, 0), await pick(owner, 1)];
  const [{ pcm: first }, { pcm: second }] = await Promise.all([items.pcm(late), items.pcm(early)]);
  assert.deepEqual([second.length, second.readInt16LE(0), first.readInt16LE(0)], [32_000, 2, 1]);
  assert.equal(await finish(early, 'second'), 'ok');
  assert.deepEqual(
    (await told(owner)).map((event) => event.type),
    ['speech_started', 'speech_ended', 'speech_started', 'speech_ended'],
  );
  assert.equal(await redis.xlen(liveKeys(owner.id).pcm), 2);
  assert.equal(await finish(late, 'first'), 'ok');
  assert.deepEqual(
    (await told(owner)).flatMap((event) => (event.type === 'final' ? [event.text] : [])),
    ['first', 'second'],
  );
  assert.equal(await redis.xlen(liveKeys(owner.id).pcm), 0);
  assert.equal(await store.pendingSamples(owner.id), 0);
});

test('Of two workers with the same final the one that picked it up last writes, and nobody twice', async () => {
  const owner = await Owner.create();
  await owner.utter(0);
  const [first, second] = [await pick(owner, 0), await pick(owner, 0)];
  assert.equal(await finish(first, 'late'), 'stale');
  assert.equal(await finish(second, 'right'), 'ok');
  assert.equal(await finish(second, 'again'), 'duplicate');
  assert.deepEqual(await items.take({ job: owner.id, ticket: 1 }), []);
});

test('Crashes of a final are counted until it is taken', async () => {
  const owner = await Owner.create();
  await owner.utter(0);
  const first = await pick(owner, 0);
  await items.begin([first]);
  // Its batch fails, and it is tried by itself: the worker dies once all the same.
  await items.begin([first]);
  const again = await pick(owner, 0);
  assert.deepEqual([again.fence, again.crashes], [2, 1]);
  await items.begin([first]);
  assert.deepEqual((await pick(owner, 0)).crashes, 1, 'a worker that has lost it casts no suspicion on it');
});

test('names the ticket of an utterance again where the reply was lost, and all that a session must have on the queue', async () => {
  const owner = await Owner.create();
  const planned: PlannedUtterance = {
    utterance: 0,
    startSamples: 0,
    samples: 16_000,
    startMs: 0,
    endMs: 1_000,
    by: 'silence',
  };
  const change = { ...owner.change, events: [{ type: 'ended' as const, planned }] };
  for (let sent = 0; sent < 2; sent++) {
    const answer = await store.change(owner, change);
    assert.deepEqual(answer.outcome === 'ok' && answer.ticket, { ticket: 1, first: 0 });
  }
  assert.deepEqual(await store.tickets(owner.id), [{ ticket: 1, first: 0 }]);
  const item = await pick(owner, 0);
  assert.deepEqual(await store.tickets(owner.id), [{ ticket: 1, first: 0 }], 'it is held under it');
  assert.equal(await finish(item, 'text'), 'ok');
  assert.deepEqual(await store.tickets(owner.id), []);
});

test('One partial of a session is wanted at a time; when its utterance has ended it is dropped at pick-up', async () => {
  const owner = await Owner.create();
  const partialOf = (answer: ChangeAnswer): number | null => (answer.outcome === 'ok' ? answer.partial : -1);
  assert.equal(partialOf(await owner.append(owner.open(0, 16_000))), 1);
  assert.equal(partialOf(await owner.append(owner.open(0, 32_000))), null);
  const picked = await items.pickUpPartial(owner.id, 0, 1);
  assert.ok(picked);
  assert.equal(picked.endSamples, 32_000, 'it covers what was said by now');
  assert.equal(
    await items.finishPartial(picked, {
      utterance: 0,
      startMs: 0,
      endMs: 2_000,
      text: 'one two',
      stableChars: 3,
      words: [],
    }),
    true,
  );
  assert.equal(partialOf(await owner.append(owner.open(0, 39_000))), null, 'too little is new');
  assert.equal(partialOf(await owner.append(owner.open(0, 64_000))), 2);
  const next = await items.pickUpPartial(owner.id, 0, 2);
  assert.deepEqual([next?.textBefore, next?.stableBefore], ['one two', 'one']);
  const planned: PlannedUtterance = {
    utterance: 0,
    startSamples: 0,
    samples: 64_000,
    startMs: 0,
    endMs: 4_000,
    by: 'silence',
  };
  await owner.append({ events: [{ type: 'ended', planned }] });
  assert.equal(await items.pickUpPartial(owner.id, 0, 2), null);
  assert.ok(next);
  assert.equal(
    await items.finishPartial(next, {
      utterance: 0,
      startMs: 0,
      endMs: 3_000,
      text: 'one two three',
      stableChars: 3,
      words: [],
    }),
    false,
  );
});

test('A newer partial and the final take the partial before out of the stream', async () => {
  const owner = await Owner.create();
  for (const revision of [1, 2]) {
    await owner.append(owner.open(0, revision * 16_000));
    const picked = await items.pickUpPartial(owner.id, 0, revision);
    assert.ok(picked);
    await items.finishPartial(picked, {
      utterance: 0,
      startMs: 0,
      endMs: revision * 1_000,
      text: `text ${String(revision)}`,
      stableChars: 0,
      words: [],
    });
  }
  assert.deepEqual(
    (await told(owner)).map((event) => (event.type === 'partial' ? event.text : event.type)),
    ['text 2'],
  );
  const planned: PlannedUtterance = {
    utterance: 0,
    startSamples: 0,
    samples: 48_000,
    startMs: 0,
    endMs: 3_000,
    by: 'committed',
  };
  await owner.append({ events: [{ type: 'ended', planned }], keepFromSamples: 48_000 });
  await finish(await pick(owner, 0), 'whole text');
  assert.deepEqual(
    (await told(owner)).map((event) => event.type),
    ['speech_ended', 'final'],
  );
});

test('A change that is sent twice is done once, and one that does not follow is refused', async () => {
  const owner = await Owner.create();
  const { change } = owner;
  const started = { ...change, keepFromSamples: 0, events: [{ type: 'started' as const, utterance: 0, atMs: 0 }] };
  assert.equal((await store.change(owner, started)).outcome, 'ok');
  assert.equal((await store.change(owner, started)).outcome, 'ok');
  assert.equal((await told(owner)).length, 1);
  assert.equal((await store.pcm(owner.id, 0, 100_000)).missingSamples, 84_000);
  assert.equal((await store.change(owner, { ...change, op: 'other' })).outcome, 'behind');
});

test('Whoever takes a session over locks the owner before out, and hears what was stored', async () => {
  const owner = await Owner.create();
  await owner.append({ snapshot: '{"a":1}', snapshotAtSamples: 16_000, decoder: '{"d":2}' });
  assert.equal(await store.take(owner.id, { tokenHash: 'wrong', owner: null, relay: 'b', holder: 'h2' }), null);
  assert.equal(await store.take(owner.id, { tokenHash: 'hash', owner: 'somebody', relay: 'b', holder: 'h2' }), null);
  const record = await store.take(owner.id, { tokenHash: 'hash', owner: null, relay: 'b', holder: 'h2' });
  assert.deepEqual(
    [record?.epoch, record?.relay, record?.positionSamples, record?.snapshot, record?.decoder],
    [2, 'b', 16_000, '{"a":1}', '{"d":2}'],
  );
  assert.equal((await owner.append()).outcome, 'lost');
  assert.equal(await store.tell(owner, 'warning', {}), false);
  assert.ok(record);
  const heir = new Owner(record);
  assert.equal((await heir.append()).outcome, 'ok');
});

test('A finished session closes with its last final, at once when none is awaited, and leaves its events only', async () => {
  const owner = await Owner.create();
  await owner.utter(0);
  await owner.append({ finish: 'idle' });
  const picked = await pick(owner, 0);
  await finish(picked, 'text');
  const last = (await told(owner)).at(-1);
  assert.deepEqual(last?.type === 'closed' && last.totals, {
    audioMs: 2_000,
    speechMs: 1_000,
    utterances: 1,
    end: 'idle',
  });
  assert.equal((await owner.append()).outcome, 'gone');
  const left = await redis.keys(`*${owner.id}}*`);
  assert.deepEqual(left.sort(), [liveKeys(owner.id).events, liveKeys(owner.id).session].sort());
  for (const key of left) assert.ok((await redis.pttl(key)) > 0);
  const empty = await Owner.create();
  const answer = await empty.append({ finish: 'finished' });
  assert.equal(answer.outcome === 'ok' && answer.closed, true);
});

test('Every key of a session has an end, and what is read of its audio may begin and end anywhere', async () => {
  const owner = await Owner.create();
  await owner.utter(0, { keepFromSamples: 0, snapshotAtSamples: 0 });
  await owner.append({ keepFromSamples: 0 });
  await pick(owner, 0);
  for (const key of await redis.keys(`*${owner.id}}*`)) assert.ok((await redis.pttl(key)) > 0, key);
  const { pcm: across } = await store.pcm(owner.id, 15_990, 16_010);
  assert.deepEqual(
    [...new Int16Array(new Uint8Array(across).buffer)],
    [...new Array<number>(10).fill(1), ...new Array<number>(10).fill(2)],
  );
});

test('A session that is deleted ends for its owner and its viewers, and only its last event can still be read, for a moment', async () => {
  const owner = await Owner.create();
  await owner.utter(0);
  await owner.utter(1);
  await finish(await pick(owner, 0), 'secret words');
  assert.deepEqual(await store.erase(owner.id), { modelSlug: 'model', tickets: [{ ticket: 2, first: 1 }] });
  assert.deepEqual(
    (await told(owner)).map((event) => event.type),
    ['closed'],
  );
  assert.deepEqual(await owner.append(), { outcome: 'gone' });
  const keys = await redis.keys(`*{s.${owner.id}}*`);
  assert.deepEqual(keys.sort(), [liveKeys(owner.id).events, liveKeys(owner.id).session].sort());
  for (const key of keys) {
    const lifeMs = await redis.pttl(key);
    assert.ok(lifeMs > 0 && lifeMs <= 10_000);
    assert.ok(!(await redis.dumpBuffer(key)).includes('secret'), 'trimmed entries leave no bytes');
  }
  assert.ok(!(await store.list('everybody')).some((session) => session.id === owner.id));
  assert.equal(await store.erase('none'), null);
});

test('Sessions that nobody renews are found, those that are renewed or closed are not', async () => {
  const owner = await Owner.create();
  assert.deepEqual(await store.overdue(1_000), []);
  await store.release(owner, 0);
  assert.deepEqual(await store.overdue(1_000), [{ id: owner.id, epoch: 1 }]);
  assert.equal((await store.list('everybody')).find((one) => one.id === owner.id)?.state, 'detached');
  await store.renew([owner]);
  assert.deepEqual(await store.overdue(1_000), []);
  await store.close(owner, 'cancelled');
  assert.equal(
    (await store.list('everybody')).some((one) => one.id === owner.id),
    false,
  );
});

test('Text made of an utterance while it rested is its final’s when it ends there, and is no use when it went on', async () => {
  const owner = await Owner.create();
  const recognition = { segments: [], filtered: [], language: 'en', languageProbability: 1 };
  const open = (endSamples: number): Partial<LiveChange> => ({
    open: { utterance: 0, startSamples: 0, endSamples, speechStartSamples: 0, resting: true },
    keepFromSamples: 0,
  });
  const wanted = await owner.append(open(16_000));
  assert.ok(
    wanted.outcome === 'ok' && wanted.partial !== null,
    'an utterance that rests is wanted though no partials are told',
  );
  const picked = await items.pickUpPartial(owner.id, 0, wanted.partial);
  assert.ok(picked?.resting === true && !picked.interim);
  assert.equal(
    await items.finishPartial(picked, null, { utterance: 0, startSamples: 0, samples: 16_000, recognition }),
    false,
    'and is not told',
  );
  const again = await owner.append(open(16_000));
  assert.ok(again.outcome === 'ok' && again.partial === null, 'nor wanted twice');
  const planned: PlannedUtterance = {
    utterance: 0,
    startSamples: 0,
    samples: 16_000,
    startMs: 0,
    endMs: 900,
    by: 'silence',
  };
  await owner.append({ events: [{ type: 'ended', planned }] });
  assert.deepEqual((await pick(owner, 0)).early, recognition);

  const other = await Owner.create();
  const first = await other.append(open(16_000));
  assert.ok(first.outcome === 'ok' && first.partial !== null);
  const early = await items.pickUpPartial(other.id, 0, first.partial);
  assert.ok(early);
  await items.finishPartial(early, null, { utterance: 0, startSamples: 0, samples: 16_000, recognition });
  await other.append({ events: [{ type: 'ended', planned: { ...planned, samples: 32_000 } }] });
  assert.equal((await pick(other, 0)).early, null);
});

test('The clock of no node decides when a lease is over, a partial is due, or how old a session is', async (t) => {
  const owner = await Owner.create();
  for (const hours of [1, -1]) {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + hours * 3_600_000 });
    assert.deepEqual(
      (await store.overdue(1_000)).filter(({ id }) => id === owner.id),
      [],
      'others’ sessions are not overdue for it',
    );
    const own = await Owner.create();
    await store.renew([own]);
    const partial = await own.append(own.open(0, 16_000));
    assert.ok(partial.outcome === 'ok' && partial.partial === 1);
    const record = await store.take(own.id, { tokenHash: 'hash', owner: null, relay: 'b', holder: 'h2' });
    assert.ok(record !== null && record.ageMs < 600_000);
    t.mock.timers.reset();
    assert.deepEqual(
      (await store.overdue(1_000)).filter(({ id }) => id === own.id),
      [],
      'its sessions are not overdue for others',
    );
    const again = await new Owner(record).append({
      open: { utterance: 0, startSamples: 0, endSamples: 24_000, speechStartSamples: 0, resting: false },
      partialAfterSamples: 8_000,
    });
    assert.ok(again.outcome === 'ok' && again.partial === 2);
  }
});

test('A session of the version without tickets is closed with an error by whoever takes it, and can be listed and deleted', async () => {
  for (const claim of [
    { tokenHash: 'hash', owner: null },
    { tokenHash: null, toFinish: true },
  ]) {
    const owner = await Owner.create();
    const keys = liveKeys(owner.id);
    const planned = { utterance: 0, startSamples: 0, samples: 16_000, startMs: 0, endMs: 900, by: 'silence' };
    await redis.hdel(keys.session, 'lane', 'ticket', 'ticketOpen', 'held');
    await redis.hset(keys.session, { position: 16_000, count: 1, pending: 16_000 });
    await redis.hset(keys.utterances, '0', JSON.stringify(planned));
    await redis.hset(keys.tries, { f0: '2', c0: '1' });
    assert.deepEqual(await store.tickets(owner.id), []);
    const taken = await store.take(owner.id, { ...claim, relay: 'b', holder: 'h2' });
    assert.equal(taken?.state, 'closed');
    assert.deepEqual(
      (await told(owner)).map(({ type }) => type),
      ['error', 'closed'],
    );
    assert.equal(await redis.exists(keys.utterances, keys.pending, keys.tries, keys.pcm), 0);
    assert.deepEqual(await store.erase(owner.id), { modelSlug: MODEL.slug, tickets: [] });
  }
});

test('Of two owners that count to the same epoch after a failover only the one that the store knows may write', async () => {
  const owner = await Owner.create();
  await owner.append();
  const replica = await redis.dumpBuffer(liveKeys(owner.id).session);
  const first = await store.take(owner.id, { tokenHash: 'hash', owner: null, relay: 'a', holder: 'a' });
  assert.ok(first);
  await redis.restore(liveKeys(owner.id).session, 60_000, replica, 'REPLACE');
  const late = new Owner(first);
  assert.deepEqual(
    await late.append(),
    { outcome: 'behind', epoch: 1, op: 'h1.0' },
    'nobody has taken it since: who took it may take it again',
  );
  assert.deepEqual(await store.renew([first]), ['behind']);
  const second = await store.take(owner.id, { tokenHash: 'hash', owner: null, relay: 'b', holder: 'b' });
  assert.ok(second);
  assert.equal(second.epoch, first.epoch);
  assert.equal((await new Owner(first).append()).outcome, 'lost');
  assert.equal(await store.tell(first, 'warning', {}), false);
  assert.deepEqual(await store.renew([first]), ['lost']);
  assert.equal((await new Owner(second).append()).outcome, 'ok');
  assert.equal((await store.read(owner.id))?.positionSamples, 32_000);
});

test('A change is refused when the one before it is not there, though it had no audio', async () => {
  const owner = await Owner.create();
  await owner.utter(0);
  const { op } = owner.change;
  const replica = await redis.dumpBuffer(liveKeys(owner.id).session);
  await owner.append({
    toSamples: 16_000,
    pcm: new Uint8Array(0),
    events: [
      {
        type: 'ended',
        planned: { utterance: 1, startSamples: 0, samples: 16_000, startMs: 0, endMs: 1_000, by: 'committed' },
      },
    ],
  });
  await redis.restore(liveKeys(owner.id).session, 60_000, replica, 'REPLACE');
  assert.notEqual(op, 'h1.0');
  assert.deepEqual(await owner.append(), { outcome: 'behind', epoch: 1, op: 'h1.0' });
});

test('A session that one relay after another fails to finish is closed with an error; one that is handed over in order, or resumed, is not', async () => {
  const owner = await Owner.create();
  const toFinish = async (epoch: number, id = owner.id): Promise<LiveRecord> => {
    const record = await store.take(id, {
      tokenHash: null,
      relay: 'b',
      holder: `h${String(epoch + 1)}`,
      epoch,
      toFinish: true,
    });
    assert.ok(record);
    return record;
  };
  for (const epoch of [1, 2, 3]) assert.equal((await toFinish(epoch)).state, 'open');
  assert.ok(await store.take(owner.id, { tokenHash: 'hash', owner: null, relay: 'b', holder: 'h5' }));
  for (const epoch of [5, 6, 7]) assert.equal((await toFinish(epoch)).state, 'open');
  assert.equal((await toFinish(8)).state, 'closed');
  const [error, closed] = await told(owner);
  assert.equal(error?.type === 'error' && error.error.code, 'transcription_failed');
  assert.equal(closed?.type === 'closed' && closed.totals.end, 'failed');
  const handedOver = await Owner.create();
  for (let epoch = 1; epoch < 10; epoch++) await store.release(await toFinish(epoch, handedOver.id), 60_000);
  assert.equal((await store.read(handedOver.id))?.state, 'detached');
});

test('Audio that the store has lost is silence of the same length, and is counted', async () => {
  const owner = await Owner.create();
  const more = { keepFromSamples: 0 };
  await owner.append(more);
  await owner.append(more);
  const planned: PlannedUtterance = {
    utterance: 0,
    startSamples: 0,
    samples: 48_000,
    startMs: 0,
    endMs: 3_000,
    by: 'silence',
  };
  await owner.append({ ...more, events: [{ type: 'ended', planned }] });
  await redis.xdel(liveKeys(owner.id).pcm, '32000-0');
  const { pcm, missingSamples } = await items.pcm(await pick(owner, 0));
  assert.equal(missingSamples, 16_000);
  assert.deepEqual(
    [8_000, 24_000, 40_000].map((at) => pcm.readInt16LE(at * 2)),
    [1, 0, 3],
  );
});

test('A final of an utterance that was planned anew since, after a failover, is refused', async () => {
  const owner = await Owner.create();
  await owner.utter(0);
  const picked = await pick(owner, 0);
  await redis.hset(
    liveKeys(owner.id).utterances,
    '0',
    `1 1500 ${JSON.stringify({ ...picked.planned, samples: 24_000 })}`,
  );
  assert.equal(await finish(picked, 'too short'), 'stale');
  assert.equal(await finish(await pick(owner, 0), 'right'), 'ok');
});

test('Leases stand still while Redis is away', async () => {
  const owner = await Owner.create();
  const short = new LiveStore(redis, { keepMs: 60_000, closedKeepMs: 60_000, leaseMs: 4_000 });
  await short.renew([owner]);
  server.signal('SIGSTOP');
  await new Promise((resolve) => {
    setTimeout(resolve, 6_000);
  });
  server.signal('SIGCONT');
  assert.deepEqual(await store.overdue(1_000), []);
  while ((await store.overdue(1_000)).length === 0)
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  await store.close(owner, 'cancelled');
});
