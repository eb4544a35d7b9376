import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { LiveEvent } from '@murmuration/contracts';
import type { Live, LiveSession } from '@murmuration/transcribe';
import {
  type LiveNodes,
  allEvents,
  finalsOf,
  heard,
  openLive,
  send,
  startLivePair,
  whole,
} from './harness/live-nodes.js';
import { WITHOUT_SHARED } from './harness/speech.js';
import { seeded } from './harness/seeded.js';
import { bytesOfPcm } from './harness/wav.js';

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

test(
  'A streamed recording is told as speech that starts and ends, a partial while somebody speaks, and one final an utterance in order',
  { skip: WITHOUT_SHARED },
  async () => {
    const session = await openLive(first);
    const told: LiveEvent[] = [];
    let onPartial: () => void = () => undefined;
    const partial = new Promise<void>((resolve) => {
      onPartial = resolve;
    });
    const reading = (async () => {
      for await (const one of session.events('0', AbortSignal.timeout(60_000))) {
        told.push(one);
        if (one.type === 'partial') onPartial();
      }
    })();
    const bytes = bytesOfPcm(speech);
    // In the middle of the first utterance.
    await send(session, bytes.subarray(0, 48_000));
    await partial;
    await send(session, bytes.subarray(48_000));
    await session.finish();
    await reading;
    const events = told;
    const finals = finalsOf(events);
    assert.ok(finals.length >= 6);
    assert.deepEqual(
      finals.map((final) => final.utterance),
      finals.map((_, at) => at),
    );
    for (const { utterance } of finals) {
      const kinds = events
        .filter((one) => 'utterance' in one && one.utterance === utterance)
        .map((one) => one.type)
        .filter((type) => type !== 'partial');
      assert.deepEqual(kinds, ['speech_started', 'speech_ended', 'final']);
    }
    assert.ok(finals.every((final) => final.text !== '' && final.words.length > 0 && final.confidence > 0));
    const last = events.at(-1);
    assert.equal(last?.type, 'closed');
    assert.deepEqual(last.totals, {
      audioMs: Math.round(speech.length / 16),
      speechMs: last.totals.speechMs,
      utterances: finals.length,
      end: 'finished',
    });
  },
);

test(
  'Audio cut anywhere, at twenty places, each time to the other of two relays, is transcribed as if nothing had happened',
  { skip: WITHOUT_SHARED },
  async () => {
    const random = seeded(7);
    for (const settings of [
      { encoding: 'pcm_s16le' },
      { encoding: 'pcm_f32le', sampleRateHz: 44_100, channels: 2 },
    ] as const) {
      const bytes = settings.encoding === 'pcm_s16le' ? bytesOfPcm(speech) : stretched(speech, settings.sampleRateHz);
      const frame = settings.encoding === 'pcm_s16le' ? 2 : 8;
      const undisturbed = heard(await whole(first, bytes, settings));
      let session: LiveSession = await openLive(first, settings);
      const told: LiveEvent[] = [];
      const cuts = Array.from({ length: 20 }, () => Math.floor(random() * bytes.length)).sort((a, b) => a - b);
      for (const [at, cut] of cuts.entries()) {
        let from = session.storedSamples * frame;
        // Whatever is under way is left as it is: the relay is just not used any more.
        while (from < cut) {
          const piece = bytes.subarray(from, Math.min(cut, from + 1 + Math.floor(random() * 20_000)));
          await session.push(piece);
          from += piece.length;
        }
        session = await (at % 2 === 0 ? second : first).resume(session.id, session.token, null);
      }
      const events = allEvents(session);
      await send(session, bytes.subarray(session.storedSamples * frame));
      await session.finish();
      told.push(...(await events));
      assert.deepEqual(heard(told), undisturbed);
    }
  },
);

/** The recording at another rate as 32-bit floats on two channels: samples repeated, which is all that this needs. */
function stretched(pcm: Int16Array, rateHz: number): Uint8Array {
  const frames = Math.floor((pcm.length * rateHz) / 16_000);
  const samples = new Float32Array(frames * 2);
  for (let frame = 0; frame < frames; frame++)
    samples.fill((pcm[Math.floor((frame * 16_000) / rateHz)] ?? 0) / 32_768, frame * 2, frame * 2 + 2);
  return new Uint8Array(samples.buffer);
}

test(
  'Who had a session that another connection resumes is told so, and cannot write to it any more',
  { skip: WITHOUT_SHARED },
  async () => {
    const old = await openLive(first);
    await send(old, bytesOfPcm(speech).subarray(0, 64_000));
    const told = assert.rejects(allEvents(old), { code: 'session_lost' });
    const taken = await second.resume(old.id, old.token, null);
    await told;
    await assert.rejects(old.push(new Uint8Array(3_200)), { code: 'session_lost' });
    await taken.cancel();
    assert.equal((await allEvents(taken)).at(-1)?.type, 'closed');
  },
);

test("A session's place is free once its end is told, for the next one at once", { skip: WITHOUT_SHARED }, async () => {
  const narrow = await nodes.addNode('narrow', { maxSessions: 1 });
  for (let round = 0; round < 3; round++) {
    const events = await whole(narrow, bytesOfPcm(speech).subarray(0, 128_000), {});
    assert.equal(events.at(-1)?.type, 'closed');
    assert.ok(finalsOf(events).length > 0);
  }
});

test(
  'Speech that goes on and on is cut at quiet places, within the longest utterance, and nothing is lost between',
  { skip: WITHOUT_SHARED },
  async () => {
    const events = await whole(first, bytesOfPcm(speech), { maxUtteranceMs: 2_000, endpointingMs: 3_000 });
    const ended = events.filter((one) => one.type === 'speech_ended');
    assert.ok(ended.some((one) => one.by === 'cut'));
    assert.ok(ended.every((one) => one.endMs - one.startMs <= 2_000));
    for (const [at, one] of ended.entries()) {
      const next = ended[at + 1];
      if (one.by === 'cut') assert.equal(next?.startMs, one.endMs);
    }
  },
);

test(
  'Without detection the client alone ends utterances, and cleared audio is in none',
  { skip: WITHOUT_SHARED },
  async () => {
    const session = await openLive(first, { detect: false });
    const events = allEvents(session);
    const bytes = bytesOfPcm(speech);
    assert.equal(await session.commit(), null);
    await send(session, bytes.subarray(0, 48_001), 4_801);
    assert.equal(await session.commit(), 0);
    await send(session, bytes.subarray(48_001, 80_000));
    await session.clear();
    await send(session, bytes.subarray(80_000, 112_000));
    assert.equal(await session.commit(), 1);
    await session.finish();
    const ended = (await events).filter((one) => one.type === 'speech_ended');
    assert.deepEqual(
      ended.map(({ startMs, endMs, by }) => ({ startMs, endMs, by })),
      [
        { startMs: 0, endMs: 1_500, by: 'committed' },
        { startMs: 2_500, endMs: 3_500, by: 'committed' },
      ],
    );
  },
);

test(
  'Sessions of all relays are listed, each to those it belongs to, and a drained relay hands its own off',
  { skip: WITHOUT_SHARED },
  async () => {
    const draining = await nodes.addNode('draining');
    const session = await openLive(draining);
    await send(session, bytesOfPcm(speech).subarray(0, 100_000));
    const listed = (await first.list('everybody')).find((one) => one.id === session.id);
    assert.equal(listed?.relay, 'draining');
    assert.equal(listed.state, 'open');
    assert.deepEqual(await first.list({ owner: 'somebody' }), []);
    await assert.rejects(first.watch(session.id, { owner: 'somebody' }, null, new AbortController().signal), {
      code: 'not_found',
    });
    await draining.drain();
    await assert.rejects(openLive(draining), { code: 'shutting_down' });
    const resumed = await first.resume(session.id, session.token, null);
    assert.equal(resumed.storedSamples, 50_000);
    await resumed.cancel();
  },
);
