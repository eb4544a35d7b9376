import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { liveKeys } from '../keys.js';
import type { PlannedUtterance } from './live-record.js';
import type { ChangeAnswer, LiveChange } from './live-change.js';
import { LiveSessions } from '../testing/live-sessions.js';

let sessions: LiveSessions;

before(async () => {
  sessions = await LiveSessions.start();
});

after(() => sessions.close());

test('Finals are told in the order of their utterances, whatever order they come in, and each takes its audio with it', async () => {
  const owner = await sessions.begin();
  await owner.utter(0);
  await owner.utter(1);
  const [late, early] = [await sessions.pick(owner, 0), await sessions.pick(owner, 1)];
  const [{ pcm: first }, { pcm: second }] = await Promise.all([sessions.items.pcm(late), sessions.items.pcm(early)]);
  assert.deepEqual([second.length, second.readInt16LE(0), first.readInt16LE(0)], [32_000, 2, 1]);
  assert.equal(await sessions.finish(early, 'second'), 'ok');
  assert.deepEqual(
    (await sessions.told(owner)).map((event) => event.type),
    ['speech_started', 'speech_ended', 'speech_started', 'speech_ended'],
  );
  assert.equal(await sessions.redis.xlen(liveKeys(owner.id).pcm), 2);
  assert.equal(await sessions.finish(late, 'first'), 'ok');
  assert.deepEqual(
    (await sessions.told(owner)).flatMap((event) => (event.type === 'final' ? [event.text] : [])),
    ['first', 'second'],
  );
  assert.equal(await sessions.redis.xlen(liveKeys(owner.id).pcm), 0);
  assert.equal(await sessions.store.pendingSamples(owner.id), 0);
});

test('Of two workers with the same final the one that picked it up last writes, and nobody twice', async () => {
  const owner = await sessions.begin();
  await owner.utter(0);
  const [first, second] = [await sessions.pick(owner, 0), await sessions.pick(owner, 0)];
  assert.equal(await sessions.finish(first, 'late'), 'stale');
  assert.equal(await sessions.finish(second, 'right'), 'ok');
  assert.equal(await sessions.finish(second, 'again'), 'duplicate');
  assert.deepEqual(await sessions.items.take({ job: owner.id, ticket: 1 }), []);
});

test('Crashes of a final are counted until it is taken', async () => {
  const owner = await sessions.begin();
  await owner.utter(0);
  const first = await sessions.pick(owner, 0);
  await sessions.items.begin([first]);
  // Its batch fails, and it is tried by itself: the worker dies once all the same.
  await sessions.items.begin([first]);
  const again = await sessions.pick(owner, 0);
  assert.deepEqual([again.fence, again.crashes], [2, 1]);
  await sessions.items.begin([first]);
  assert.deepEqual((await sessions.pick(owner, 0)).crashes, 1, 'a worker that has lost it casts no suspicion on it');
});

test('names the ticket of an utterance again where the reply was lost, and all that a session must have on the queue', async () => {
  const owner = await sessions.begin();
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
    const answer = await sessions.store.change(owner, change);
    assert.deepEqual(answer.outcome === 'ok' && answer.ticket, { ticket: 1, first: 0 });
  }
  assert.deepEqual(await sessions.store.tickets(owner.id), [{ ticket: 1, first: 0 }]);
  const item = await sessions.pick(owner, 0);
  assert.deepEqual(await sessions.store.tickets(owner.id), [{ ticket: 1, first: 0 }], 'it is held under it');
  assert.equal(await sessions.finish(item, 'text'), 'ok');
  assert.deepEqual(await sessions.store.tickets(owner.id), []);
});

test('One partial of a session is wanted at a time; when its utterance has ended it is dropped at pick-up', async () => {
  const owner = await sessions.begin();
  const partialOf = (answer: ChangeAnswer): number | null => (answer.outcome === 'ok' ? answer.partial : -1);
  assert.equal(partialOf(await owner.append(owner.open(0, 16_000))), 1);
  assert.equal(partialOf(await owner.append(owner.open(0, 32_000))), null);
  const picked = await sessions.items.pickUpPartial(owner.id, 0, 1);
  assert.ok(picked);
  assert.equal(picked.endSamples, 32_000, 'it covers what was said by now');
  assert.equal(
    await sessions.items.finishPartial(picked, {
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
  const next = await sessions.items.pickUpPartial(owner.id, 0, 2);
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
  assert.equal(await sessions.items.pickUpPartial(owner.id, 0, 2), null);
  assert.ok(next);
  assert.equal(
    await sessions.items.finishPartial(next, {
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
  const owner = await sessions.begin();
  for (const revision of [1, 2]) {
    await owner.append(owner.open(0, revision * 16_000));
    const picked = await sessions.items.pickUpPartial(owner.id, 0, revision);
    assert.ok(picked);
    await sessions.items.finishPartial(picked, {
      utterance: 0,
      startMs: 0,
      endMs: revision * 1_000,
      text: `text ${String(revision)}`,
      stableChars: 0,
      words: [],
    });
  }
  assert.deepEqual(
    (await sessions.told(owner)).map((event) => (event.type === 'partial' ? event.text : event.type)),
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
  await sessions.finish(await sessions.pick(owner, 0), 'whole text');
  assert.deepEqual(
    (await sessions.told(owner)).map((event) => event.type),
    ['speech_ended', 'final'],
  );
});

test('Text made of an utterance while it rested is its final’s when it ends there, and is no use when it went on', async () => {
  const owner = await sessions.begin();
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
  const picked = await sessions.items.pickUpPartial(owner.id, 0, wanted.partial);
  assert.ok(picked?.resting === true && !picked.interim);
  assert.equal(
    await sessions.items.finishPartial(picked, null, { utterance: 0, startSamples: 0, samples: 16_000, recognition }),
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
  assert.deepEqual((await sessions.pick(owner, 0)).early, recognition);

  const other = await sessions.begin();
  const first = await other.append(open(16_000));
  assert.ok(first.outcome === 'ok' && first.partial !== null);
  const early = await sessions.items.pickUpPartial(other.id, 0, first.partial);
  assert.ok(early);
  await sessions.items.finishPartial(early, null, { utterance: 0, startSamples: 0, samples: 16_000, recognition });
  await other.append({ events: [{ type: 'ended', planned: { ...planned, samples: 32_000 } }] });
  assert.equal((await sessions.pick(other, 0)).early, null);
});

test('Audio that the store has lost is silence of the same length, and is counted', async () => {
  const owner = await sessions.begin();
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
  await sessions.redis.xdel(liveKeys(owner.id).pcm, '32000-0');
  const { pcm, missingSamples } = await sessions.items.pcm(await sessions.pick(owner, 0));
  assert.equal(missingSamples, 16_000);
  assert.deepEqual(
    [8_000, 24_000, 40_000].map((at) => pcm.readInt16LE(at * 2)),
    [1, 0, 3],
  );
});

test('A final of an utterance that was planned anew since, after a failover, is refused', async () => {
  const owner = await sessions.begin();
  await owner.utter(0);
  const picked = await sessions.pick(owner, 0);
  await sessions.redis.hset(
    liveKeys(owner.id).utterances,
    '0',
    `1 1500 ${JSON.stringify({ ...picked.planned, samples: 24_000 })}`,
  );
  assert.equal(await sessions.finish(picked, 'too short'), 'stale');
  assert.equal(await sessions.finish(await sessions.pick(owner, 0), 'right'), 'ok');
});
