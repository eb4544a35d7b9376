import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { liveKeys } from '../keys.js';
import type { LiveRecord } from './live-record.js';
import { LiveStore } from './live-store.js';
import { TEST_MODEL } from '../testing/fixtures.js';
import { LiveSessions, Owner } from '../testing/live-sessions.js';

let sessions: LiveSessions;

before(async () => {
  sessions = await LiveSessions.start();
});

after(() => sessions.close());

test('A change that is sent twice is done once, and one that does not follow is refused', async () => {
  const owner = await sessions.begin();
  const { change } = owner;
  const started = { ...change, keepFromSamples: 0, events: [{ type: 'started' as const, utterance: 0, atMs: 0 }] };
  assert.equal((await sessions.store.change(owner, started)).outcome, 'ok');
  assert.equal((await sessions.store.change(owner, started)).outcome, 'ok');
  assert.equal((await sessions.told(owner)).length, 1);
  assert.equal((await sessions.store.pcm(owner.id, 0, 100_000)).missingSamples, 84_000);
  assert.equal((await sessions.store.change(owner, { ...change, op: 'other' })).outcome, 'behind');
});

test('Whoever takes a session over locks the owner before out, and hears what was stored', async () => {
  const owner = await sessions.begin();
  await owner.append({ snapshot: '{"a":1}', snapshotAtSamples: 16_000, decoder: '{"d":2}' });
  assert.equal(
    await sessions.store.take(owner.id, { tokenHash: 'wrong', owner: null, relay: 'b', holder: 'h2' }),
    null,
  );
  assert.equal(
    await sessions.store.take(owner.id, { tokenHash: 'hash', owner: 'somebody', relay: 'b', holder: 'h2' }),
    null,
  );
  const record = await sessions.store.take(owner.id, { tokenHash: 'hash', owner: null, relay: 'b', holder: 'h2' });
  assert.deepEqual(
    [record?.epoch, record?.relay, record?.positionSamples, record?.snapshot, record?.decoder],
    [2, 'b', 16_000, '{"a":1}', '{"d":2}'],
  );
  assert.equal((await owner.append()).outcome, 'lost');
  assert.equal(await sessions.store.tell(owner, 'warning', {}), false);
  assert.ok(record);
  const heir = new Owner(sessions.store, record);
  assert.equal((await heir.append()).outcome, 'ok');
});

test('A finished session closes with its last final, at once when none is awaited, and leaves its events only', async () => {
  const owner = await sessions.begin();
  await owner.utter(0);
  await owner.append({ finish: 'idle' });
  const picked = await sessions.pick(owner, 0);
  await sessions.finish(picked, 'text');
  const last = (await sessions.told(owner)).at(-1);
  assert.deepEqual(last?.type === 'closed' && last.totals, {
    audioMs: 2_000,
    speechMs: 1_000,
    utterances: 1,
    end: 'idle',
  });
  assert.equal((await owner.append()).outcome, 'gone');
  const left = await sessions.redis.keys(`*${owner.id}}*`);
  assert.deepEqual(left.sort(), [liveKeys(owner.id).events, liveKeys(owner.id).session].sort());
  for (const key of left) assert.ok((await sessions.redis.pttl(key)) > 0);
  const empty = await sessions.begin();
  const answer = await empty.append({ finish: 'finished' });
  assert.equal(answer.outcome === 'ok' && answer.closed, true);
});

test('Every key of a session has an end, and what is read of its audio may begin and end anywhere', async () => {
  const owner = await sessions.begin();
  await owner.utter(0, { keepFromSamples: 0, snapshotAtSamples: 0 });
  await owner.append({ keepFromSamples: 0 });
  await sessions.pick(owner, 0);
  for (const key of await sessions.redis.keys(`*${owner.id}}*`)) assert.ok((await sessions.redis.pttl(key)) > 0, key);
  const { pcm: across } = await sessions.store.pcm(owner.id, 15_990, 16_010);
  assert.deepEqual(
    [...new Int16Array(new Uint8Array(across).buffer)],
    [...new Array<number>(10).fill(1), ...new Array<number>(10).fill(2)],
  );
});

test('A session that is deleted ends for its owner and its viewers, and only its last event can still be read, for a moment', async () => {
  const owner = await sessions.begin();
  await owner.utter(0);
  await owner.utter(1);
  await sessions.finish(await sessions.pick(owner, 0), 'secret words');
  assert.deepEqual(await sessions.store.erase(owner.id), {
    modelSlug: TEST_MODEL.slug,
    tickets: [{ ticket: 2, first: 1 }],
  });
  assert.deepEqual(
    (await sessions.told(owner)).map((event) => event.type),
    ['closed'],
  );
  assert.deepEqual(await owner.append(), { outcome: 'gone' });
  const keys = await sessions.redis.keys(`*{s.${owner.id}}*`);
  assert.deepEqual(keys.sort(), [liveKeys(owner.id).events, liveKeys(owner.id).session].sort());
  for (const key of keys) {
    const lifeMs = await sessions.redis.pttl(key);
    assert.ok(lifeMs > 0 && lifeMs <= 10_000);
    assert.ok(!(await sessions.redis.dumpBuffer(key)).includes('secret'), 'trimmed entries leave no bytes');
  }
  assert.ok(!(await sessions.store.list('everybody')).some((session) => session.id === owner.id));
  assert.equal(await sessions.store.erase('none'), null);
});

test('An owner is told a session that the store has no more apart from one that has closed', async () => {
  const owner = await sessions.begin();
  await sessions.redis.del(liveKeys(owner.id).session);
  assert.deepEqual(await owner.append(), { outcome: 'absent' });
  assert.deepEqual(await sessions.store.renew([owner]), ['absent']);
  assert.equal(await sessions.redis.exists(liveKeys(owner.id).session), 0, 'and nothing is written');
});

test('Sessions that nobody renews are found, those that are renewed or closed are not', async () => {
  const owner = await sessions.begin();
  assert.deepEqual(await sessions.store.overdue(1_000), []);
  await sessions.store.release(owner, 0);
  assert.deepEqual(await sessions.store.overdue(1_000), [{ id: owner.id, epoch: 1 }]);
  assert.equal((await sessions.store.list('everybody')).find((one) => one.id === owner.id)?.state, 'detached');
  await sessions.store.renew([owner]);
  assert.deepEqual(await sessions.store.overdue(1_000), []);
  await sessions.store.close(owner, 'cancelled');
  assert.equal(
    (await sessions.store.list('everybody')).some((one) => one.id === owner.id),
    false,
  );
});

test('The clock of no node decides when a lease is over, a partial is due, or how old a session is', async (t) => {
  const owner = await sessions.begin();
  for (const hours of [1, -1]) {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + hours * 3_600_000 });
    assert.deepEqual(
      (await sessions.store.overdue(1_000)).filter(({ id }) => id === owner.id),
      [],
      'others’ sessions are not overdue for it',
    );
    const own = await sessions.begin();
    await sessions.store.renew([own]);
    const partial = await own.append(own.open(0, 16_000));
    assert.ok(partial.outcome === 'ok' && partial.partial === 1);
    const record = await sessions.store.take(own.id, { tokenHash: 'hash', owner: null, relay: 'b', holder: 'h2' });
    assert.ok(record !== null && record.ageMs < 600_000);
    t.mock.timers.reset();
    assert.deepEqual(
      (await sessions.store.overdue(1_000)).filter(({ id }) => id === own.id),
      [],
      'its sessions are not overdue for others',
    );
    const again = await new Owner(sessions.store, record).append({
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
    const owner = await sessions.begin();
    const keys = liveKeys(owner.id);
    const planned = { utterance: 0, startSamples: 0, samples: 16_000, startMs: 0, endMs: 900, by: 'silence' };
    await sessions.redis.hdel(keys.session, 'lane', 'ticket', 'ticketOpen', 'held');
    await sessions.redis.hset(keys.session, { position: 16_000, count: 1, pending: 16_000 });
    await sessions.redis.hset(keys.utterances, '0', JSON.stringify(planned));
    await sessions.redis.hset(keys.tries, { f0: '2', c0: '1' });
    assert.deepEqual(await sessions.store.tickets(owner.id), []);
    const taken = await sessions.store.take(owner.id, { ...claim, relay: 'b', holder: 'h2' });
    assert.equal(taken?.state, 'closed');
    assert.deepEqual(
      (await sessions.told(owner)).map(({ type }) => type),
      ['error', 'closed'],
    );
    assert.equal(await sessions.redis.exists(keys.utterances, keys.pending, keys.tries, keys.pcm), 0);
    assert.deepEqual(await sessions.store.erase(owner.id), { modelSlug: TEST_MODEL.slug, tickets: [] });
  }
});

test('Of two owners that count to the same epoch after a failover only the one that the store knows may write', async () => {
  const owner = await sessions.begin();
  await owner.append();
  const replica = await sessions.redis.dumpBuffer(liveKeys(owner.id).session);
  const first = await sessions.store.take(owner.id, { tokenHash: 'hash', owner: null, relay: 'a', holder: 'a' });
  assert.ok(first);
  await sessions.redis.restore(liveKeys(owner.id).session, 60_000, replica, 'REPLACE');
  const late = new Owner(sessions.store, first);
  assert.deepEqual(
    await late.append(),
    { outcome: 'behind', epoch: 1, op: 'h1.0' },
    'nobody has taken it since: who took it may take it again',
  );
  assert.deepEqual(await sessions.store.renew([first]), ['behind']);
  const second = await sessions.store.take(owner.id, { tokenHash: 'hash', owner: null, relay: 'b', holder: 'b' });
  assert.ok(second);
  assert.equal(second.epoch, first.epoch);
  assert.equal((await new Owner(sessions.store, first).append()).outcome, 'lost');
  assert.equal(await sessions.store.tell(first, 'warning', {}), false);
  assert.deepEqual(await sessions.store.renew([first]), ['lost']);
  assert.equal((await new Owner(sessions.store, second).append()).outcome, 'ok');
  assert.equal((await sessions.store.read(owner.id))?.positionSamples, 32_000);
});

test('A change is refused when the one before it is not there, though it had no audio', async () => {
  const owner = await sessions.begin();
  await owner.utter(0);
  const { op } = owner.change;
  const replica = await sessions.redis.dumpBuffer(liveKeys(owner.id).session);
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
  await sessions.redis.restore(liveKeys(owner.id).session, 60_000, replica, 'REPLACE');
  assert.notEqual(op, 'h1.0');
  assert.deepEqual(await owner.append(), { outcome: 'behind', epoch: 1, op: 'h1.0' });
});

test('A session that one relay after another fails to finish is closed with an error; one that is handed over in order, or resumed, is not', async () => {
  const owner = await sessions.begin();
  const toFinish = async (epoch: number, id = owner.id): Promise<LiveRecord> => {
    const record = await sessions.store.take(id, {
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
  assert.ok(await sessions.store.take(owner.id, { tokenHash: 'hash', owner: null, relay: 'b', holder: 'h5' }));
  for (const epoch of [5, 6, 7]) assert.equal((await toFinish(epoch)).state, 'open');
  assert.equal((await toFinish(8)).state, 'closed');
  const [error, closed] = await sessions.told(owner);
  assert.equal(error?.type === 'error' && error.error.code, 'transcription_failed');
  assert.equal(closed?.type === 'closed' && closed.totals.end, 'failed');
  const handedOver = await sessions.begin();
  for (let epoch = 1; epoch < 10; epoch++) await sessions.store.release(await toFinish(epoch, handedOver.id), 60_000);
  assert.equal((await sessions.store.read(handedOver.id))?.state, 'detached');
});

test('Leases stand still while Redis is away', async () => {
  const owner = await sessions.begin();
  const short = new LiveStore(sessions.redis, { keepMs: 60_000, closedKeepMs: 60_000, leaseMs: 4_000 });
  await short.renew([owner]);
  sessions.server.signal('SIGSTOP');
  await new Promise((resolve) => {
    setTimeout(resolve, 6_000);
  });
  sessions.server.signal('SIGCONT');
  assert.deepEqual(await sessions.store.overdue(1_000), []);
  while ((await sessions.store.overdue(1_000)).length === 0)
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  await sessions.store.close(owner, 'cancelled');
});
