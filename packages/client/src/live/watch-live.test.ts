import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Murmuration } from '../murmuration.js';
import { TestServer, sse } from '../testing/test-server.js';

const EVENTS = [
  sse('speech_started', { type: 'speech_started', utterance: 0 }, '1-0'),
  sse('partial', { type: 'partial', text: 'so', utterance: 0 }, '2-0'),
  sse('of a later version', {}, '3-0'),
  sse('final', { type: 'final', text: 'so my', utterance: 0 }, '4-0'),
  sse('closed', { type: 'closed' }, '5-0'),
];

test('A viewer sees a session from its start, each event once, over connections that break', async (t) => {
  const asked: string[] = [];
  const server = await TestServer.open(({ url, headers }, response) => {
    asked.push(`${url} ${String(headers['last-event-id'])}`);
    const from = EVENTS.findIndex((event) => event.includes(`id: ${String(headers['last-event-id'])}`)) + 1;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(EVENTS.slice(from, from + 2).join(''));
  });
  t.after(() => server.close());
  const client = new Murmuration({ baseUrl: server.url });
  const types: string[] = [];
  for await (const { type } of client.watch('a/b')) types.push(type);
  assert.deepEqual(types, ['speech_started', 'partial', 'final', 'closed']);
  assert.deepEqual(asked, [
    '/v1/sessions/a%2Fb/events 0',
    '/v1/sessions/a%2Fb/events 2-0',
    '/v1/sessions/a%2Fb/events 4-0',
  ]);
});
