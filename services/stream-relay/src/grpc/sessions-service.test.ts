import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { testGrpc } from './testing/test-grpc.js';

describe('Live sessions seen over gRPC', () => {
  test('Viewers see a session from now or from an event on, until it is closed.', async (context) => {
    const { client, live } = await testGrpc(context);
    const talk = client.talk('Transcription/StreamingTranscribe');
    talk.say({ config: {} });
    await talk.first('ready');
    const session = live.sessions[0];
    session?.tell({ type: 'speech_started', utterance: 0, atMs: 1 });
    const fromStart = client.call('Sessions/WatchSession', { session: session?.id, afterEventId: '0' });
    await new Promise((resolve) => {
      fromStart.stream.once('data', resolve);
    });
    const fromEvent = client.call('Sessions/WatchSession', { session: session?.id, afterEventId: '1-0' });
    talk.say({ finish: {} });
    const bodies = async (watching: typeof fromStart): Promise<unknown[]> => {
      const { messages, ending } = await watching;
      assert.equal(ending.status, 'OK');
      return messages.map((message) => (message['event'] as { body: string }).body);
    };
    assert.deepEqual(await bodies(fromStart), ['speechStarted', 'closed']);
    assert.deepEqual(await bodies(fromEvent), ['closed']);
  });

  test('A session that is not there and an event that cannot be are refused.', async (context) => {
    const { client } = await testGrpc(context);
    for (const session of ['nobody', '', 'x}:y', 'x'.repeat(101)])
      assert.equal((await client.call('Sessions/WatchSession', { session })).ending.status, 'NOT_FOUND');
    assert.equal(
      (await client.call('Sessions/WatchSession', { session: 's', afterEventId: 'x' })).ending.param,
      'after_event_id',
    );
  });

  test('deletes a session while its client talks, and refuses callers without the scope', async (context) => {
    const { live, keys, client } = await testGrpc(
      context,
      {},
      { talker: ['transcribe'], reader: ['read'], chief: ['admin'] },
    );
    const bearer = (name: string) => ({ key: keys[name] ?? '' });
    for (const name of ['talker', 'chief']) {
      const talk = client.talk('Transcription/StreamingTranscribe', bearer('talker'));
      talk.say({ config: {} });
      await talk.first('ready');
      const session = live.sessions.at(-1);
      assert.equal(
        (await client.call('Sessions/DeleteSession', { session: session?.id }, bearer('reader'))).ending.status,
        'PERMISSION_DENIED',
      );
      assert.equal(
        (await client.call('Sessions/DeleteSession', { session: session?.id }, bearer(name))).ending.status,
        'OK',
      );
      assert.equal(session?.state, 'closed');
      await talk.first('closed');
    }
    assert.equal(
      (await client.call('Sessions/DeleteSession', { session: 'nobody' }, bearer('talker'))).ending.status,
      'NOT_FOUND',
    );
  });
});
