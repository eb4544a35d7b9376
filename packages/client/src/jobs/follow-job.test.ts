import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { Requester } from '../http/requester.js';
import { TestServer, refuse, sse, type Answer } from '../testing/test-server.js';
import { followJob } from './jobs.js';
import type { FollowOptions, JobEvent } from './job-types.js';

const SEGMENTS = 40;

/** The events of a job as its stream holds them. */
const STREAM: readonly (readonly [id: string, text: string])[] = [
  ['1-0', sse('accepted', { id: 'j' }, '1-0')],
  ...Array.from(
    { length: SEGMENTS },
    (_, i) =>
      [
        `${String(i + 2)}-0`,
        sse(
          'segment',
          { id: i, start: i, end: i + 1, text: `words, naïve ${String(i)}`, confidence: 1, channel: 0 },
          `${String(i + 2)}-0`,
        ),
      ] as const,
  ),
  ['100-0', sse('progress', { done_seconds: 9, planned_seconds: 9 }, '100-0')],
  ['101-0', sse('event of a later version', {}, '101-0')],
  ['102-0', sse('done', { id: 'j' }, '102-0')],
];

async function follower(
  t: TestContext,
  answer: Answer,
): Promise<{ follow: (options?: FollowOptions, silenceMs?: number) => AsyncGenerator<JobEvent>; server: TestServer }> {
  const server = await TestServer.open(answer);
  t.after(() => server.close());
  const requester = new Requester({
    baseUrl: server.url,
    apiKey: null,
    fetch: globalThis.fetch,
    retries: 2,
    backoff: { baseMs: 2, capMs: 4, random: Math.random },
  });
  return { follow: (options = {}, silenceMs = 10_000) => followJob(requester, 'j', options, silenceMs), server };
}

async function all(events: AsyncGenerator<JobEvent>): Promise<JobEvent[]> {
  const list: JobEvent[] = [];
  for await (const event of events) list.push(event);
  return list;
}

/** What is left of the stream for a reader that has seen this id. */
function rest(lastEventId: string | undefined): string {
  const from = lastEventId === undefined ? 0 : STREAM.findIndex(([id]) => id === lastEventId) + 1;
  return STREAM.slice(from)
    .map(([, text]) => text)
    .join('');
}

function lastOf(headers: Readonly<Record<string, unknown>>): string | undefined {
  const id = headers['last-event-id'];
  return typeof id === 'string' ? id : undefined;
}

describe('Following a job', () => {
  test('Each event comes once and in order, however often the connection is cut, at any byte', async (t) => {
    let cuts = 0;
    // The sequence is the same in every run, and visits every kind of place.
    let seed = 7;
    const { follow, server } = await follower(t, ({ headers }, response) => {
      const bytes = Buffer.from(rest(lastOf(headers)));
      seed = (seed * 48_271) % 2_147_483_647;
      const cutAt = seed % 400;
      if (cutAt >= bytes.length) {
        response.end(bytes);
        return;
      }
      cuts++;
      response.write(bytes.subarray(0, cutAt), () => {
        if (cuts % 2 === 0) response.destroy();
        else response.end();
      });
    });
    const events = await all(follow());
    assert.ok(cuts >= 10, String(cuts));
    assert.deepEqual(
      events.map(({ type }) => type),
      ['accepted', ...Array.from({ length: SEGMENTS }, () => 'segment'), 'progress', 'done'],
    );
    assert.deepEqual(
      events.flatMap((event) => (event.type === 'segment' ? [event.segment.text] : [])),
      Array.from({ length: SEGMENTS }, (_, i) => `words, naïve ${String(i)}`),
    );
    assert.deepEqual(events.at(-2), { eventId: '100-0', type: 'progress', done_seconds: 9, planned_seconds: 9 });
    assert.equal(server.seen.length, cuts + 1);
  });

  test('It goes on after the event that the caller has seen', async (t) => {
    const { follow } = await follower(t, ({ headers }, response) => {
      response.end(rest(lastOf(headers)));
    });
    assert.deepEqual(
      (await all(follow({ lastEventId: '100-0' }))).map(({ eventId }) => eventId),
      ['102-0'],
    );
  });

  test('A job that failed says why, and nothing comes after its end', async (t) => {
    const { follow, server } = await follower(t, (_seen, response) => {
      response.end(
        sse('failed', { error: { code: 'unprocessable_audio', message: 'm' } }, '1-0') + sse('segment', {}, '2-0'),
      );
    });
    assert.deepEqual(await all(follow()), [
      { eventId: '1-0', type: 'failed', error: { code: 'unprocessable_audio', message: 'm' } },
    ]);
    assert.equal(server.seen.length, 1);
  });

  test('When the caller has seen the last event nothing comes, and nothing is asked again', async (t) => {
    const { follow, server } = await follower(t, (_seen, response) => {
      response.writeHead(204).end();
    });
    assert.deepEqual(await all(follow({ lastEventId: '102-0' })), []);
    assert.equal(server.seen.length, 1);
  });

  test('An unknown job is told at once, but waited for when it is only about to be sent', async (t) => {
    const { follow, server } = await follower(t, ({ headers }, response) => {
      if (server.seen.length <= 3) refuse(response, 404, 'not_found');
      else response.end(rest(lastOf(headers)));
    });
    await assert.rejects(all(follow()), { code: 'not_found' });
    assert.equal(server.seen.length, 1);
    assert.equal((await all(follow({ appearsWithinMs: 60_000 }))).at(-1)?.type, 'done');
    assert.equal(server.seen.length, 4);
  });

  test('A server that is away for good, or that never says anything, is given up', async (t) => {
    const { follow, server } = await follower(t, (_seen, response) => {
      response.end(': nothing\n\n');
    });
    await assert.rejects(all(follow()), { code: 'unreachable' });
    assert.equal(server.seen.length, 10);
  });

  test('A node that refuses for a while is asked again; one that forbids is not', async (t) => {
    const { follow, server } = await follower(t, ({ headers }, response) => {
      if (server.seen.length <= 2) refuse(response, 503, 'shutting_down', { 'retry-after': '0' });
      else if (server.seen.length === 3) response.end(rest(lastOf(headers)));
      else refuse(response, 403, 'permission_denied');
    });
    assert.equal((await all(follow())).at(-1)?.type, 'done');
    await assert.rejects(all(follow()), { code: 'permission_denied' });
    assert.equal(server.seen.length, 4);
  });

  test('A connection over which nothing comes any more is made anew', async (t) => {
    const { follow, server } = await follower(t, ({ headers }, response) => {
      if (server.seen.length === 1) response.write(STREAM[0]?.[1] ?? '');
      else response.end(rest(lastOf(headers)));
    });
    assert.equal((await all(follow({}, 500))).length, SEGMENTS + 3);
    assert.equal(server.seen[1]?.headers['last-event-id'], '1-0');
  });

  test('Its caller may end it while it waits', async (t) => {
    const { follow } = await follower(t, (_seen, response) => {
      response.write(STREAM[0]?.[1] ?? '');
    });
    const leaving = new AbortController();
    const reason = new Error('enough');
    await assert.rejects(async () => {
      for await (const event of follow({ signal: leaving.signal })) {
        assert.equal(event.type, 'accepted');
        leaving.abort(reason);
      }
    }, reason);
  });
});
