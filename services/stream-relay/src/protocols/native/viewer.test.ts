import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { testRelay } from '../../testing/test-relay.js';

describe('Viewers over WebSocket', () => {
  test('Any number of viewers see what happens from now, or from an event on, until the session closes.', async (t) => {
    const relay = await testRelay(t);
    const client = await relay.start();
    const { session: id } = await client.first('ready');
    const session = relay.live.sessions[0];
    session?.tell({ type: 'speech_started', utterance: 0, atMs: 1 });
    session?.tell({ type: 'speech_started', utterance: 1, atMs: 2 });
    const later = await Promise.all(
      Array.from({ length: 20 }, () => relay.connect(`/v1/sessions/${id}/watch?last_event_id=1-0`)),
    );
    await Promise.all(later.map((viewer) => viewer.first('speech_started')));
    client.say({ type: 'finish' });
    for (const viewer of later) {
      assert.deepEqual(await viewer.closed, [1000, 'closed']);
      assert.deepEqual(
        viewer.messages.map((message) => ('event_id' in message ? message.event_id : null)),
        ['2-0', '3-0'],
      );
    }
  });

  test('A session that is not there is an error message and 1008; a wrong event id refuses the handshake.', async (t) => {
    const relay = await testRelay(t);
    const viewer = await relay.connect('/v1/sessions/none/watch');
    assert.equal((await viewer.first('error')).code, 'not_found');
    assert.equal((await viewer.closed)[0], 1008);
    await assert.rejects(relay.connect('/v1/sessions/none/watch?last_event_id=abc'), /status 400/);
  });

  test('A viewer that talks much is closed with 1009, and the session does not notice.', async (t) => {
    const relay = await testRelay(t);
    const client = await relay.start();
    const { session } = await client.first('ready');
    const viewer = await relay.connect(`/v1/sessions/${session}/watch`);
    viewer.audio(2_000);
    assert.equal((await viewer.closed)[0], 1009);
    client.audio(1_000_000);
    assert.equal((await client.first('ack')).samples, 500_000);
  });

  test('A relay that stops sends its viewers elsewhere.', async (t) => {
    const relay = await testRelay(t);
    const client = await relay.start();
    const { session } = await client.first('ready');
    const viewer = await relay.connect(`/v1/sessions/${session}/watch`);
    relay.drain();
    await viewer.first('going_away');
    assert.equal((await viewer.closed)[0], 1012);
  });
});
