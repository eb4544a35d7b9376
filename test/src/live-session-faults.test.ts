import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AsrError, type LiveEvent } from '@murmuration/contracts';
import type { Live } from '@murmuration/transcribe';
import { LiveNodes, allEvents, finalsOf, heard, openLive, send, startLivePair, whole } from './harness/live-nodes.js';
import { WITHOUT_SHARED } from './harness/speech.js';
import { bytesOfPcm, joined } from './harness/wav.js';

let nodes: LiveNodes;
let first: Live;
let second: Live;
let speech: Int16Array;

before(async () => {
  if (WITHOUT_SHARED !== false) return;
  ({ nodes, first, second, speech } = await startLivePair());
});

after(async () => {
  if (WITHOUT_SHARED === false) await nodes.close();
});

test('A wrong token, another owner and an unknown session are refused alike', { skip: WITHOUT_SHARED }, async () => {
  const session = await openLive(first);
  for (const attempt of [
    () => second.resume(session.id, `${session.token}x`, null),
    () => second.resume(session.id, session.token, 'somebody'),
    () => second.resume('00000000-0000-0000-0000-000000000000', session.token, null),
    () => second.resume('no id: {s.x}', session.token, null),
  ]) {
    await assert.rejects(attempt, (error: unknown) => error instanceof AsrError && error.code === 'invalid_resume');
  }
  await session.cancel();
});

test(
  'A session without audio is warned, then ends; one whose client went away is finished after its grace',
  { skip: WITHOUT_SHARED },
  async () => {
    const idle = await openLive(first, { idleTimeoutMs: 1_500 });
    const events = await allEvents(idle);
    assert.deepEqual(
      events.map((one) => one.type),
      ['warning', 'closed'],
    );
    const end = events.at(-1);
    assert.equal(end?.type === 'closed' && end.totals.end, 'idle');

    const hasty = await nodes.addNode('hasty', { graceMs: 100 });
    const left = await openLive(hasty);
    await send(left, bytesOfPcm(speech).subarray(0, 250_000));
    await left.detach();
    const told: LiveEvent[] = [];
    for await (const one of (await first.watch(left.id, 'everybody', '0', AbortSignal.timeout(20_000))).events)
      told.push(one);
    const closed = told.at(-1);
    assert.equal(closed?.type === 'closed' && closed.totals.end, 'abandoned');
    assert.ok(finalsOf(told).length > 0);
    assert.deepEqual(finalsOf(told).length, closed?.type === 'closed' ? closed.totals.utterances : -1);
  },
);

test(
  'Redis gone for a moment, then a worker gone for good: nothing of what is said is lost or told twice',
  { skip: WITHOUT_SHARED },
  async () => {
    const cluster = await LiveNodes.start();
    try {
      const live = await cluster.addNode('relay');
      const bytes = bytesOfPcm(speech);
      // The sender waits for Redis and for workers.
      const settings = { idleEndpointingMs: 60_000 };
      const undisturbed = heard(await whole(live, bytes, settings));
      const session = await openLive(live, settings);
      const events = allEvents(session);
      await send(session, bytes.subarray(0, 200_000));
      await cluster.redis.kill();
      const rest = send(session, bytes.subarray(200_000, 600_000));
      await cluster.redis.restart();
      await rest;
      await cluster.addWorker();
      await cluster.killFirstWorker();
      await send(session, bytes.subarray(600_000));
      await session.finish();
      assert.deepEqual(heard(await events), undisturbed);
    } finally {
      await cluster.close();
    }
  },
);

test(
  'Bytes that are no audio end a session in order, and what a closed session told can still be read by who had it',
  { skip: WITHOUT_SHARED },
  async () => {
    const session = await openLive(first, { encoding: 'opus' });
    const events = allEvents(session);
    await assert.rejects(
      async () => {
        for (;;) await session.push(Buffer.from('certainly no container'));
      },
      { code: 'unprocessable_audio' },
    );
    const told = await events;
    assert.deepEqual(
      told.map((one) => one.type),
      ['error', 'closed'],
    );
    const again = await second.resume(session.id, session.token, null);
    assert.deepEqual(await allEvents(again), told);
    await again.push(new Uint8Array(100));
    await again.finish();
  },
);

test(
  'A sender that is faster than the workers is held up, and goes on when they are',
  { skip: WITHOUT_SHARED },
  async () => {
    const cluster = await LiveNodes.start();
    try {
      const live = await cluster.addNode('relay');
      const session = await openLive(live);
      const events = allEvents(session);
      await cluster.killFirstWorker();
      let sent = false;
      const sending = send(session, bytesOfPcm(joined([speech, speech, speech], 900))).then(() => {
        sent = true;
      });
      while (((await live.list('everybody'))[0]?.lagMs ?? 0) < 30_000)
        await new Promise((resolve) => {
          setTimeout(resolve, 20);
        });
      const waiting = cluster.addWorker();
      assert.equal(sent, false);
      await waiting;
      await sending;
      await session.finish();
      const told = await events;
      const last = told.at(-1);
      assert.equal(last?.type === 'closed' && last.totals.utterances, finalsOf(told).length);
      assert.equal(last?.type === 'closed' && last.totals.audioMs, Math.round((speech.length * 3 + 3 * 14_400) / 16));
    } finally {
      await cluster.close();
    }
  },
);
