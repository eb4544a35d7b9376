import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LiveEvent } from '@murmuration/contracts';
import { testApp } from '../../testing/test-app.js';

const EVENTS: readonly LiveEvent[] = [
  { id: '1-0', type: 'speech_started', utterance: 0, atMs: 10 },
  { id: '2-0', type: 'speech_ended', utterance: 0, startMs: 10, endMs: 20, by: 'silence' },
  {
    id: '3-0',
    type: 'final',
    utterance: 0,
    startMs: 10,
    endMs: 20,
    text: 'line\nbreak',
    confidence: 1,
    words: [],
    filtered: [],
    language: 'en',
    languageProbability: null,
    by: 'silence',
  },
  { id: '4-0', type: 'closed', totals: { audioMs: 20, speechMs: 10, utterances: 1, end: 'finished' } },
];

describe('GET /v1/sessions/:id/events', () => {
  test('A viewer gets everything from the start, or what followed the id that it saw, with ids to continue from, and the end.', async (t) => {
    const { app, live } = await testApp(t);
    live.events.set('s', { owner: null, events: EVENTS });
    const all = await app.inject({ url: '/v1/sessions/s/events?last_event_id=0' });
    assert.match(String(all.headers['content-type']), /^text\/event-stream/);
    assert.deepEqual(
      [...all.body.matchAll(/^id: (.+)\nevent: (.+)$/gm)].map(([, id, type]) => [id, type]),
      [
        ['1-0', 'speech_started'],
        ['3-0', 'final'],
        ['4-0', 'closed'],
      ],
    );
    assert.equal(
      (JSON.parse(/^event: final\ndata: (.+)$/m.exec(all.body)?.[1] ?? '') as { text: string }).text,
      'line\nbreak',
    );
    const rest = await app.inject({
      url: '/v1/sessions/s/events?last_event_id=0',
      headers: { 'last-event-id': '3-0' },
    });
    assert.deepEqual(
      [...rest.body.matchAll(/^event: (.+)$/gm)].map(([, type]) => type),
      ['closed'],
    );
  });

  test('DELETE /v1/sessions/:id deletes a session; one that is not there is 404', async (t) => {
    const { app, live } = await testApp(t);
    live.events.set('s', { owner: null, events: EVENTS });
    assert.equal((await app.inject({ method: 'DELETE', url: '/v1/sessions/s' })).statusCode, 204);
    assert.equal(live.events.has('s'), false);
    assert.equal((await app.inject({ method: 'DELETE', url: '/v1/sessions/s' })).statusCode, 404);
  });

  test("204 ends a browser's asking when the session is over.", async (t) => {
    const { app, live } = await testApp(t);
    live.events.set('s', { owner: null, events: EVENTS });
    assert.equal(
      (await app.inject({ url: '/v1/sessions/s/events', headers: { 'last-event-id': '4-0' } })).statusCode,
      204,
    );
    assert.equal((await app.inject({ url: '/v1/sessions/s/events' })).statusCode, 204);
  });

  test('A viewer of a session in which nothing happens has the headers and a first line at once, not with the first heartbeat.', async (t) => {
    const { live, listen } = await testApp(t, { SSE_HEARTBEAT_MS: '3600000' });
    live.events.set('s', { owner: null, events: EVENTS.slice(0, 1) });
    const reply = await fetch(`${await listen()}/v1/sessions/s/events`);
    const reader = reply.body?.pipeThrough(new TextDecoderStream()).getReader();
    assert.deepEqual(
      [reply.status, reply.headers.get('content-type'), (await reader?.read())?.value],
      [200, 'text/event-stream; charset=utf-8', ': still at work\n\n'],
    );
    await reader?.cancel();
  });

  test('A viewer that waits for what comes is kept with heartbeats, and told when the node stops.', async (t) => {
    const { live, listen, abandon, ...more } = await testApp(t, { SSE_HEARTBEAT_MS: '20' });
    live.events.set('s', { owner: null, events: EVENTS.slice(0, 1) });
    const reply = await fetch(`${await listen()}/v1/sessions/s/events`);
    assert.equal(reply.status, 200);
    more.leave();
    const text = await reply.text();
    assert.match(text, /^: still at work/);
    assert.match(text, /: closed: this node stops/);
    abandon();
  });

  test('A session that is not there, and an id that is none, are refused before anything is sent.', async (t) => {
    const { app } = await testApp(t);
    const absent = await app.inject({ url: '/v1/sessions/none/events' });
    assert.deepEqual([absent.statusCode, absent.json<{ error: { code: string } }>().error.code], [404, 'not_found']);
    const wrong = await app.inject({ url: '/v1/sessions/none/events?last_event_id=x' });
    assert.deepEqual(
      [wrong.statusCode, wrong.json<{ error: { param: string } }>().error.param],
      [400, 'last_event_id'],
    );
  });
});

describe('GET /sessions', () => {
  test('Live sessions stand beside recordings, with language and lag.', async (t) => {
    const { app, live } = await testApp(t);
    live.summaries = [
      {
        id: 's',
        state: 'detached',
        relay: 'relay-1',
        owner: null,
        model: 'm',
        language: 'en',
        startedAtMs: 0,
        audioMs: 5_000,
        lagMs: 200,
        utterances: 3,
      },
    ];
    assert.deepEqual((await app.inject({ url: '/sessions' })).json(), {
      sessions: [
        {
          type: 'live',
          id: 's',
          state: 'detached',
          relay: 'relay-1',
          model: 'm',
          language: 'en',
          started_at: '1970-01-01T00:00:00.000Z',
          audio_ms: 5_000,
          lag_ms: 200,
          utterances: 3,
        },
      ],
    });
  });
});
