import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { describe, test, type TestContext } from 'node:test';
import { AsrError, type JobJson } from '@murmuration/contracts';
import { testApp, type TestApp } from '../../../testing/test-app.js';

interface Sent {
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly data: unknown;
}

/** Asks for events and gives the answer once its headers are there. */
async function opened(
  t: TestContext,
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<IncomingMessage> {
  const asked = request(url, { headers, agent: false });
  asked.on('error', () => undefined);
  t.after(() => {
    asked.destroy();
  });
  asked.end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return answer;
}

/** Whatever comes until the stream ends. */
async function whole(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of answer.setEncoding('utf8')) text += String(piece);
  return text;
}

function sent(text: string): Sent[] {
  return text
    .split('\n\n')
    .filter((block) => block.includes('data: '))
    .map((block) => ({
      id: /^id: (.*)$/m.exec(block)?.[1],
      name: /^event: (.*)$/m.exec(block)?.[1],
      data: JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? '') as unknown,
    }));
}

async function made({ app }: TestApp, lines = 'one\ntwo\n'): Promise<string> {
  return (
    await app.inject({ method: 'POST', url: '/v1/jobs', headers: { 'content-type': 'audio/wav' }, payload: lines })
  ).json<JobJson>().id;
}

describe('GET /v1/jobs/:id/events', () => {
  test('Everything that happens is told with its id, and the stream ends after the last.', async (t) => {
    const context = await testApp(t);
    const address = await context.listen();
    const id = await made(context);
    const answer = await opened(t, `${address}/v1/jobs/${id}/events`);
    assert.deepEqual(
      [answer.statusCode, answer.headers['content-type'], answer.headers['cache-control']],
      [200, 'text/event-stream; charset=utf-8', 'no-cache, no-transform'],
    );
    context.jobs.happen(id, { type: 'progress', doneMs: 1_500, plannedMs: 2_000 });
    context.jobs.finish(id);
    const segment = (index: number, text: string): Sent => ({
      id: `${String(index + 1)}-1000000`,
      name: 'segment',
      data: { id: index, start: index, end: index + 1, text, confidence: 0.9, channel: 0 },
    });
    assert.deepEqual(sent(await whole(answer)), [
      segment(0, 'one'),
      segment(1, 'two'),
      { id: '3-1000000', name: 'accepted', data: { id } },
      { id: '4-1000000', name: 'progress', data: { done_seconds: 1.5, planned_seconds: 2 } },
      { id: '5-1000000', name: 'done', data: { id } },
    ]);
  });

  test('A failed and a cancelled job say so at the end.', async (t) => {
    const context = await testApp(t);
    const address = await context.listen();
    const [failed, cancelled] = [await made(context, 'x\n'), await made(context, 'x\n')];
    context.jobs.finish(failed, new AsrError('unprocessable_audio'));
    await context.app.inject({ method: 'DELETE', url: `/v1/jobs/${cancelled}` });
    const last = async (id: string): Promise<Sent | undefined> =>
      sent(await whole(await opened(t, `${address}/v1/jobs/${id}/events`))).at(-1);
    assert.deepEqual(await last(failed), {
      id: '3-1000000',
      name: 'failed',
      data: {
        id: failed,
        error: { code: 'unprocessable_audio', message: new AsrError('unprocessable_audio').message },
      },
    });
    assert.deepEqual(await last(cancelled), { id: '3-1000000', name: 'cancelled', data: { id: cancelled } });
  });

  test('A stream opens at once when nothing has happened since, and a comment shows that it lives.', async (t) => {
    const context = await testApp(t, { SSE_HEARTBEAT_MS: '20' });
    const address = await context.listen();
    const id = await made(context, '#');
    const answer = await opened(t, `${address}/v1/jobs/${id}/events?last_event_id=1-1000000`);
    assert.equal(answer.statusCode, 200);
    const [piece] = (await once(answer.setEncoding('utf8'), 'data')) as [string];
    assert.match(piece, /^: /);
  });

  test('The headers and a first line come long before the first heartbeat.', async (t) => {
    const context = await testApp(t, { SSE_HEARTBEAT_MS: '3600000' });
    const address = await context.listen();
    const id = await made(context, '#');
    const answer = await opened(t, `${address}/v1/jobs/${id}/events?last_event_id=1-1000000`);
    const [piece] = (await once(answer.setEncoding('utf8'), 'data')) as [string];
    assert.deepEqual([answer.statusCode, piece], [200, ': still at work\n\n']);
  });

  test('A client goes on after its last event: by header, by parameter, the header before the parameter.', async (t) => {
    const context = await testApp(t);
    const address = await context.listen();
    const id = await made(context);
    context.jobs.finish(id);
    const ids = async (query: string, headers: Readonly<Record<string, string>>): Promise<(string | undefined)[]> =>
      sent(await whole(await opened(t, `${address}/v1/jobs/${id}/events${query}`, headers))).map((one) => one.id);
    assert.deepEqual(await ids('', { 'last-event-id': '2-1000000' }), ['3-1000000', '4-1000000']);
    assert.deepEqual(await ids('?last_event_id=3-1000000', {}), ['4-1000000']);
    assert.deepEqual(await ids('?last_event_id=1-1000000', { 'last-event-id': '3-1000000' }), ['4-1000000']);
  });

  test('After the last event there is nothing, and 204 tells an EventSource not to come back.', async (t) => {
    const context = await testApp(t);
    const id = await made(context);
    context.jobs.finish(id);
    const reply = await context.app.inject({ url: `/v1/jobs/${id}/events`, headers: { 'last-event-id': '4-1000000' } });
    assert.deepEqual([reply.statusCode, reply.body], [204, '']);
  });

  test('What is no id of an event is refused.', async (t) => {
    const context = await testApp(t);
    const id = await made(context);
    for (const given of ['x', '1-', '-1', '1-2-3', '$', '+', '9'.repeat(17), '(1']) {
      const reply = await context.app.inject({ url: `/v1/jobs/${id}/events`, headers: { 'last-event-id': given } });
      assert.deepEqual(
        [reply.statusCode, reply.json<{ error: { param: string } }>().error.param],
        [400, 'Last-Event-ID'],
        given,
      );
      assert.equal(
        (await context.app.inject({ url: `/v1/jobs/${id}/events?last_event_id=${encodeURIComponent(given)}` }))
          .statusCode,
        400,
      );
    }
  });

  test('A reader that goes away is forgotten.', async (t) => {
    const context = await testApp(t);
    const address = await context.listen();
    const id = await made(context);
    const answer = await opened(t, `${address}/v1/jobs/${id}/events`);
    answer.destroy();
    await context.jobs.until(() => context.jobs.left === 1);
  });

  test('A reader that takes nothing holds one event at most, disturbs nobody, and finds the reason when it wakes.', async (t) => {
    const context = await testApp(t, { SSE_STALL_TIMEOUT_MS: '200' });
    const address = await context.listen();
    const id = await made(context, '#');
    const slow = await opened(t, `${address}/v1/jobs/${id}/events`);
    slow.pause();
    const eager = await opened(t, `${address}/v1/jobs/${id}/events`);
    const text = 'word '.repeat(200_000);
    const segment = {
      startMs: 0,
      endMs: 1,
      text,
      channel: 0,
      confidence: 1,
      avgLogprob: 0,
      noSpeechProb: 0,
      compressionRatio: 1,
      temperature: 0,
      tokens: [],
    };
    for (let index = 0; index < 12; index++) context.jobs.happen(id, { type: 'segment', index, segment });
    const stalled = context.jobs.until(() => context.jobs.left === 1);
    const read = whole(eager);
    await stalled;
    context.jobs.finish(id);
    assert.equal(sent(await read).length, 14);
    const late = await whole(slow);
    assert.ok(sent(late).length < 12);
    assert.match(late, /: closed: what was sent is not read\n\n$/);
  });

  test('A node that leaves ends its streams with the reason, and takes no new ones.', async (t) => {
    const context = await testApp(t);
    const address = await context.listen();
    const id = await made(context);
    const answer = await opened(t, `${address}/v1/jobs/${id}/events`);
    context.stop();
    context.leave();
    const text = await whole(answer);
    assert.equal(sent(text).length, 3);
    assert.match(text, /: closed: this node stops; continue elsewhere with Last-Event-ID\n\n$/);
    assert.equal((await context.app.inject({ url: `/v1/jobs/${id}/events` })).statusCode, 503);
  });

  test('Text cannot break out of its event.', async (t) => {
    const context = await testApp(t);
    const address = await context.listen();
    const id = await made(context, 'a\r\rid: 9\revent: done\rdata: {}\r\rb\n');
    context.jobs.finish(id);
    const text = await whole(await opened(t, `${address}/v1/jobs/${id}/events`));
    assert.deepEqual(
      sent(text).map((one) => one.name),
      ['segment', 'accepted', 'done'],
    );
    assert.ok(!text.includes('\r'));
  });
});
