import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { testRelay } from '../../testing/test-relay.js';

const SECOND_BYTES = 32_000;

describe('The own protocol', () => {
  test('A session starts, acks audio, tells partials and finals in order, and closes with 1000 after finish.', async (t) => {
    const relay = await testRelay(t);
    const client = await relay.connect();
    client.say({
      type: 'start',
      encoding: 'pcm_s16le',
      sample_rate: 8_000,
      language: 'EN-us',
      endpointing_ms: 300,
      word_timestamps: true,
    });
    const ready = await client.first('ready');
    const session = relay.live.sessions[0];
    assert.ok(session !== undefined);
    assert.deepEqual(
      [
        ready.session,
        ready.token,
        ready.sample_rate,
        ready.language,
        ready.endpointing_ms,
        ready.interim_results,
        ready.model,
      ],
      [session.id, session.token, 8_000, 'en', 300, true, 'org/memory-model'],
    );
    client.audio(SECOND_BYTES);
    assert.equal((await client.first('ack')).samples, 16_000);
    session.tell({ type: 'speech_started', utterance: 0, atMs: 100 });
    session.tell({ type: 'partial', utterance: 0, startMs: 100, endMs: 500, text: 'a', stableChars: 0, words: [] });
    session.tell({ type: 'speech_ended', utterance: 0, startMs: 100, endMs: 900, by: 'silence' });
    session.tell({
      type: 'final',
      utterance: 0,
      startMs: 100,
      endMs: 900,
      text: 'a b',
      confidence: 0.9,
      words: [],
      filtered: [],
      language: 'en',
      languageProbability: null,
      by: 'silence',
    });
    client.say({ type: 'finish' });
    assert.deepEqual(await client.closed, [1000, 'closed']);
    assert.deepEqual(
      client.messages.map((message) => message.type),
      ['ready', 'ack', 'speech_started', 'partial', 'final', 'closed'],
    );
    assert.deepEqual(
      client.messages.flatMap((message) => ('event_id' in message ? [message.event_id] : [])),
      ['1-0', '2-0', '4-0', '5-0'],
    );
  });

  test('What was stored last is acked before closed, though acks are thinned.', async (t) => {
    const relay = await testRelay(t);
    const client = await relay.start();
    for (let i = 0; i < 50; i++) client.audio(640);
    client.say({ type: 'finish' });
    await client.closed;
    const acks = client.messages.filter((message) => message.type === 'ack');
    assert.equal(acks.at(-1)?.samples, 16_000);
    assert.ok(acks.length < 50);
    assert.equal(client.messages.at(-1)?.type, 'closed');
  });

  test('A session is resumed on another connection: what followed the last event comes, and the samples to go on from.', async (t) => {
    const relay = await testRelay(t);
    const client = await relay.start();
    const { session: id, token } = await client.first('ready');
    const session = relay.live.sessions[0];
    client.audio(SECOND_BYTES);
    await client.first('ack');
    session?.tell({ type: 'speech_started', utterance: 0, atMs: 1 });
    session?.tell({ type: 'warning', code: 'w', message: 'm' });
    await client.first('warning');
    client.socket.terminate();
    await client.closed;
    while (session?.state !== 'detached') await new Promise(setImmediate);

    const again = await relay.connect('/');
    again.say({ type: 'resume', session: id, token, last_event_id: '1-0' });
    assert.deepEqual(await again.first('resumed'), { type: 'resumed', session: id, samples: 16_000 });
    assert.equal((await again.first('warning')).event_id, '2-0');
    again.audio(SECOND_BYTES);
    assert.equal((await again.first('ack')).samples, 32_000);
    again.say({ type: 'cancel' });
    assert.equal((await again.closed)[0], 1000);
    assert.equal((await again.first('closed')).totals.end, 'cancelled');
    assert.equal(
      again.messages.some((message) => message.type === 'speech_started'),
      false,
    );
  });

  test('A client or a viewer that reads on after an event that never was is closed with 1000 when the session ends.', async (t) => {
    const relay = await testRelay(t);
    const { session, token } = await (await relay.start()).first('ready');
    const again = await relay.connect();
    again.say({ type: 'resume', session, token, last_event_id: '9-0' });
    await again.first('resumed');
    const viewer = await relay.connect(`/v1/sessions/${session}/watch?last_event_id=9-0`);
    again.say({ type: 'finish' });
    assert.deepEqual(await again.closed, [1000, 'closed']);
    assert.deepEqual(await viewer.closed, [1000, 'closed']);
  });

  test('Whoever resumes a session takes it over: the connection that had it is told session_lost and closed.', async (t) => {
    const relay = await testRelay(t);
    const first = await relay.start();
    const { session, token } = await first.first('ready');
    const second = await relay.connect();
    second.say({ type: 'resume', session, token });
    await second.first('resumed');
    assert.equal((await first.first('error')).code, 'session_lost');
    assert.deepEqual(await first.closed, [1008, 'session_lost']);
    second.audio(10);
    assert.equal((await second.first('ack')).samples, 5);
    assert.equal(relay.live.sessions[0]?.state, 'open');
  });

  test('A fast sender is slowed: while audio is not taken, the socket is not read.', async (t) => {
    const relay = await testRelay(t);
    const client = await relay.start();
    const session = relay.live.sessions[0];
    assert.ok(session !== undefined);
    let release = (): void => undefined;
    session.held = new Promise((resolve) => {
      release = resolve;
    });
    const frames = 1_000;
    for (let i = 0; i < frames; i++) client.audio(SECOND_BYTES);
    const [server] = relay.app.websocketServer.clients;
    while (server?.isPaused !== true) await new Promise(setImmediate);
    // 32 MB were sent; beyond what waits here and in the system's buffers they are still with the sender.
    assert.ok(client.socket.bufferedAmount > 10_000_000);
    session.held = null;
    release();
    client.say({ type: 'finish' });
    await client.closed;
    assert.equal(session.samples, frames * 16_000);
    assert.equal(client.messages.filter((message) => message.type === 'ack').at(-1)?.samples, frames * 16_000);
  });

  test('A reader that lags gets fewer partials and every final.', async (t) => {
    const relay = await testRelay(t);
    const client = await relay.start();
    const session = relay.live.sessions[0];
    client.socket.pause();
    const text = 'x'.repeat(20_000);
    for (let i = 0; i < 500; i++) {
      session?.tell({ type: 'partial', utterance: i, startMs: 0, endMs: 1, text, stableChars: 0, words: [] });
      session?.tell({
        type: 'final',
        utterance: i,
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
    const [server] = relay.app.websocketServer.clients;
    while ((server?.bufferedAmount ?? 0) < 1024 * 1024) await new Promise(setImmediate);
    assert.ok((server?.bufferedAmount ?? 0) < 1024 * 1024 + 2 * text.length);
    client.socket.resume();
    client.say({ type: 'finish' });
    await client.closed;
    assert.equal(client.messages.filter((message) => message.type === 'final').length, 500);
    assert.ok(client.messages.filter((message) => message.type === 'partial').length < 500);
  });

  test('A relay that stops tells its clients to go elsewhere, hands their sessions over before it closes with 1012, and takes nobody more.', async (t) => {
    const relay = await testRelay(t);
    const client = await relay.start();
    relay.drain();
    await client.first('going_away');
    assert.deepEqual(await client.closed, [1012, 'going_away']);
    assert.equal(relay.live.sessions[0]?.state, 'detached');
    await assert.rejects(relay.connect(), /status 503/);
  });

  test('A session that fails tells why, and closes with the code of that error.', async (t) => {
    const relay = await testRelay(t);
    const client = await relay.start();
    const session = relay.live.sessions[0];
    session?.tell({
      type: 'error',
      error: { code: 'unprocessable_audio', message: 'm', param: null, retryAfterSeconds: null },
    });
    session?.tell({ type: 'closed', totals: { audioMs: 0, speechMs: 0, utterances: 0, end: 'failed' } });
    assert.equal((await client.closed)[0], 1008);
    assert.deepEqual(
      client.messages.map((message) => message.type),
      ['ready', 'error', 'closed'],
    );
  });

  test('Audio after finish is ignored, with one warning.', async (t) => {
    const relay = await testRelay(t);
    const client = await relay.start();
    const session = relay.live.sessions[0];
    assert.ok(session !== undefined);
    session.close = () => undefined;
    client.say({ type: 'finish' });
    client.say({ type: 'finish' });
    client.audio(100);
    client.audio(100);
    client.say({ type: 'keepalive' });
    while (session.keptAlive === 0) await new Promise(setImmediate);
    assert.equal((await client.first('warning')).code, 'audio_ignored');
    assert.equal(session.keptAlive, 1);
    session.tell({ type: 'closed', totals: { audioMs: 0, speechMs: 0, utterances: 0, end: 'finished' } });
    await client.closed;
    assert.equal(session.samples, 0);
    assert.equal(client.messages.filter((message) => message.type === 'warning').length, 1);
  });
});
