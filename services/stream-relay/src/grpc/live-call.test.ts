import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Talk } from './testing/grpc-client.js';
import { testGrpc, type TestGrpc } from './testing/test-grpc.js';

const LIVE = 'Transcription/StreamingTranscribe';

async function started(context: TestContext, config: object = {}): Promise<TestGrpc & { readonly talk: Talk }> {
  const grpc = await testGrpc(context);
  const talk = grpc.client.talk(LIVE);
  talk.say({ config });
  await talk.first('ready');
  return { ...grpc, talk };
}

describe('Live audio over gRPC', () => {
  test('A session answers ready with what it settled on, then acks and events, and closes after finish.', async (context) => {
    const { talk, live } = await started(context, {
      encoding: 'LIVE_ENCODING_MULAW',
      sampleRateHz: 8_000,
      language: 'en-GB',
      detect: false,
      prompt: 'p',
    });
    const ready = await talk.first('ready');
    const session = live.sessions[0];
    assert.deepEqual(
      [ready['session'], ready['token'], ready['model']],
      [session?.id, session?.token, 'org/memory-model'],
    );
    const { encoding, sampleRateHz, channels, language, detect, interimResults, endpointingMs } = ready[
      'settings'
    ] as Record<string, unknown>;
    assert.deepEqual(
      { encoding, sampleRateHz, channels, language, detect, interimResults, endpointingMs },
      {
        encoding: 'LIVE_ENCODING_MULAW',
        sampleRateHz: 8_000,
        channels: 1,
        language: 'en',
        detect: false,
        interimResults: true,
        endpointingMs: 400,
      },
    );
    talk.say({ audio: Buffer.alloc(3_200) });
    assert.deepEqual(await talk.first('ack'), { samples: 1_600 });
    session?.tell({ type: 'speech_started', utterance: 0, atMs: 10.4 });
    session?.tell({ type: 'partial', utterance: 0, startMs: 10, endMs: 20, text: 'a b', stableChars: 1, words: [] });
    session?.tell({ type: 'speech_ended', utterance: 0, startMs: 10, endMs: 30, by: 'silence' });
    session?.tell({
      type: 'final',
      utterance: 0,
      startMs: 10,
      endMs: 30,
      text: 'a b c',
      confidence: 0.5,
      words: [{ word: ' a', startMs: 1, endMs: 2, probability: 1 }],
      filtered: [],
      language: 'en',
      languageProbability: null,
      by: 'silence',
    });
    session?.tell({ type: 'warning', code: 'idle', message: 'm' });
    session?.tell({
      type: 'error',
      error: { code: 'transcription_failed', message: 'm', param: null, retryAfterSeconds: null },
    });
    assert.deepEqual(await talk.first('speechStarted'), { utterance: 0, atMs: 10 });
    assert.deepEqual(await talk.first('partial'), {
      utterance: 0,
      startMs: 10,
      endMs: 20,
      text: 'a b',
      stableChars: 1,
    });
    const final = await talk.first('final');
    assert.deepEqual(
      [final['text'], final['confidence'], final['language'], (final['words'] as object[]).length],
      ['a b c', 0.5, 'en', 1],
    );
    assert.equal((await talk.first('error'))['code'], 'transcription_failed');
    talk.say({ keepalive: {} });
    talk.say({ commit: {} });
    talk.say({ finish: {} });
    talk.say({ audio: Buffer.alloc(2) });
    assert.equal((await talk.first('closed'))['end'], 'LIVE_END_FINISHED');
    assert.equal((await talk.ending).status, 'OK');
    const ids = talk.messages.flatMap((message) =>
      message['event'] === undefined ? [] : [(message['event'] as { eventId: string }).eventId],
    );
    assert.deepEqual(ids, ['1-0', '2-0', '4-0', '5-0', '6-0', '7-0']);
    assert.equal(session?.samples, 1_600);
  });

  test('Ending the requests counts as finish, and cancel ends the session at once.', async (context) => {
    const { client, talk } = await started(context);
    talk.stream.end();
    assert.equal((await talk.first('closed'))['end'], 'LIVE_END_FINISHED');
    const other = client.talk(LIVE);
    other.say({ config: {} });
    other.say({ cancel: {} });
    assert.equal((await other.first('closed'))['end'], 'LIVE_END_CANCELLED');
    assert.equal((await other.ending).status, 'OK');
  });

  test('A call that is cancelled leaves its session to be resumed, from the next sample and after the last event seen.', async (context) => {
    const { client, talk, live } = await started(context);
    const session = live.sessions[0];
    talk.say({ audio: Buffer.alloc(2_000) });
    await talk.first('ack');
    session?.tell({ type: 'speech_started', utterance: 0, atMs: 1 });
    session?.tell({ type: 'speech_started', utterance: 1, atMs: 2 });
    await talk.until(() => talk.messages.filter((message) => message['message'] === 'event').length === 2);
    talk.stream.cancel();
    assert.equal((await talk.ending).status, 'CANCELLED');
    while (session?.state !== 'detached')
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    const again = client.talk(LIVE);
    again.say({ resume: { session: session.id, token: session.token, lastEventId: '1-0' } });
    assert.deepEqual(await again.first('resumed'), { session: session.id, samples: 1_000 });
    assert.deepEqual(await again.first('speechStarted'), { utterance: 1, atMs: 2 });
    again.say({ audio: Buffer.alloc(200) });
    await again.first('ack');
    assert.equal(session.samples, 1_100);
    again.say({ finish: {} });
    assert.equal((await again.ending).status, 'OK');
  });

  test('A call that reads on after an event that never was ends in order when the session does.', async (context) => {
    const { client, live } = await started(context);
    const session = live.sessions[0];
    const again = client.talk(LIVE);
    again.say({ resume: { session: session?.id, token: session?.token, lastEventId: '9-0' } });
    await again.first('resumed');
    again.say({ finish: {} });
    assert.equal((await again.ending).status, 'OK');
  });

  test('Who resumes a session ends the call that had it; a wrong token and a closed session are refused alike.', async (context) => {
    const { client, talk, live } = await started(context);
    const session = live.sessions[0];
    const second = client.talk(LIVE);
    second.say({ resume: { session: session?.id, token: session?.token } });
    await second.first('resumed');
    talk.say({ audio: Buffer.alloc(2) });
    assert.deepEqual([(await talk.ending).status, (await talk.ending).code], ['ABORTED', 'session_lost']);
    assert.equal(session?.state, 'open');
    second.say({ finish: {} });
    await second.ending;
    const refusals = await Promise.all(
      [
        [session.id, 'guessed'],
        [session.id, session.token],
        ['nobody', session.token],
        ['x'.repeat(101), 't'],
      ].map(async ([id, token]) => {
        const refused = client.talk(LIVE);
        refused.say({ resume: { session: id, token } });
        const { status, code, message } = await refused.ending;
        return JSON.stringify([status, code, message]);
      }),
    );
    assert.deepEqual(new Set(refusals).size, 1);
    assert.match(refusals[0] ?? '', /PERMISSION_DENIED","invalid_resume/);
  });

  test('Nothing to start with, audio first, nonsense and a second start end the call with a sentence.', async (context) => {
    const { client, live, metrics } = await testGrpc(context, { START_TIMEOUT_MS: '50' });
    const endingAfter = async (...messages: readonly object[]): Promise<readonly (string | null)[]> => {
      const talk = client.talk(LIVE);
      for (const message of messages) talk.say(message);
      const { status, code, param } = await talk.ending;
      return [status, code, param];
    };
    assert.deepEqual(await endingAfter(), ['INVALID_ARGUMENT', 'invalid_message', null]);
    assert.deepEqual(await endingAfter({ audio: Buffer.alloc(2) }), ['INVALID_ARGUMENT', 'invalid_message', null]);
    assert.deepEqual(await endingAfter({}), ['INVALID_ARGUMENT', 'invalid_message', null]);
    assert.deepEqual(await endingAfter({ config: {} }, { config: {} }), ['INVALID_ARGUMENT', 'invalid_message', null]);
    assert.deepEqual(await endingAfter({ config: {} }, {}), ['INVALID_ARGUMENT', 'invalid_message', null]);
    assert.deepEqual(await endingAfter({ config: { sampleRateHz: 1 } }), [
      'INVALID_ARGUMENT',
      'invalid_field',
      'config.sample_rate_hz',
    ]);
    assert.deepEqual(await endingAfter({ config: { encoding: 77 } }), [
      'INVALID_ARGUMENT',
      'invalid_field',
      'config.encoding',
    ]);
    assert.deepEqual(await endingAfter({ config: { language: 'xx' } }), [
      'INVALID_ARGUMENT',
      'unsupported_language',
      null,
    ]);
    assert.deepEqual(await endingAfter({ resume: { session: 's', token: 't', lastEventId: 'x' } }), [
      'INVALID_ARGUMENT',
      'invalid_field',
      'resume.last_event_id',
    ]);
    live.maxSessions = 0;
    const full = client.talk(LIVE);
    full.say({ config: {} });
    const ending = await full.ending;
    assert.deepEqual([ending.status, ending.code, ending.retryAfterSeconds], ['RESOURCE_EXHAUSTED', 'queue_full', '5']);
    assert.match(
      await metrics.registry.getSingleMetricAsString('asr_shed_total'),
      /^asr_shed_total\{reason="queue_full"\} 1$/m,
    );
  });

  test('A fast sender is slowed: while audio is not taken, little is read, and nothing is lost.', async (context) => {
    const { talk, live } = await started(context);
    const session = live.sessions[0];
    let release: () => void = () => undefined;
    if (session !== undefined)
      session.held = new Promise((resolve) => {
        release = resolve;
      });
    const piece = Buffer.alloc(64 * 1024);
    let accepted = 0;
    while (talk.stream.write({ audio: piece })) accepted++;
    for (let i = 0; i < 400; i++)
      talk.stream.write({ audio: piece }, () => {
        accepted++;
      });
    await new Promise((resolve) => {
      setTimeout(resolve, 300);
    });
    assert.ok(accepted < 100, `${String(accepted)} pieces were taken`);
    release();
    talk.stream.end();
    await talk.first('closed');
    assert.equal((session?.samples ?? 0) % (piece.length / 2), 0);
    assert.ok((session?.samples ?? 0) >= (400 * piece.length) / 2);
  });

  test('A relay that stops tells its clients to go elsewhere and keeps their sessions.', async (context) => {
    const { talk, live, endpoint, client, ...relay } = await started(context);
    relay.drain();
    await talk.first('goingAway');
    const ending = await talk.ending;
    assert.deepEqual([ending.status, ending.code], ['UNAVAILABLE', 'shutting_down']);
    assert.equal(live.sessions[0]?.state, 'detached');
    const late = await client.call('Sessions/ListSessions', {});
    assert.deepEqual([late.ending.status, late.ending.code], ['UNAVAILABLE', 'shutting_down']);
    await endpoint.close(10_000);
  });

  test('A client that does not read gets no more than a few events ahead, and all finals when it reads on.', async (context) => {
    const { talk, live } = await started(context);
    talk.stream.pause();
    const session = live.sessions[0];
    const text = 'x'.repeat(10_000);
    const finals = 300;
    for (let utterance = 0; utterance < finals; utterance++) {
      session?.tell({ type: 'partial', utterance, startMs: 0, endMs: 1, text, stableChars: 0, words: [] });
      session?.tell({
        type: 'final',
        utterance,
        startMs: 0,
        endMs: 1,
        text,
        confidence: 1,
        words: [],
        filtered: [],
        language: null,
        languageProbability: null,
        by: 'silence',
      });
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
    talk.stream.resume();
    talk.stream.end();
    await talk.first('closed');
    const bodies = talk.messages.flatMap((message) =>
      message['event'] === undefined ? [] : [(message['event'] as { body: string }).body],
    );
    assert.equal(bodies.filter((body) => body === 'final').length, finals);
    assert.ok(bodies.filter((body) => body === 'partial').length < finals);
  });
});
