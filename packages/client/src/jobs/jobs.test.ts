import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { DeliveryListJson, JobJson, JobListJson } from '@murmuration/contracts';
import { Murmuration } from '../murmuration.js';
import { TestServer, json, refuse, sse, type Answer } from '../testing/test-server.js';
import type { Delivery, Job, JobPage } from './job-types.js';

const AUDIO = new TextEncoder().encode('some audio');

/** A job as the server's own schema has it: the compiler holds the library's types to it. */
function job(id: string, status: JobJson['status'] = 'queued'): JobJson {
  return {
    id,
    submitted_id: null,
    object: 'job',
    status,
    priority: 'batch',
    model: 'm',
    created_at: '2027-01-01T00:00:00Z',
    accepted_at: null,
    finished_at: null,
    expires_at: null,
    purged: false,
    retention_seconds: 60,
    duration: null,
    language: null,
    progress: { done_seconds: 0, planned_seconds: 0 },
    position: null,
    estimated_seconds_left: null,
    error: null,
    metadata: null,
    webhook: null,
    urls: { self: `/v1/jobs/${id}`, events: `/v1/jobs/${id}/events`, transcript: `/v1/jobs/${id}/transcript` },
  };
}

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;
const sameTypes: [
  Same<Mutable<Job>, JobJson>,
  Same<Mutable<JobPage>, JobListJson>,
  Same<Mutable<Delivery>, DeliveryListJson['data'][number]>,
] = [true, true, true];

async function opened(t: TestContext, answer: Answer): Promise<{ client: Murmuration; server: TestServer }> {
  const server = await TestServer.open(answer);
  t.after(() => server.close());
  return { client: new Murmuration({ baseUrl: server.url }), server };
}

describe('Jobs', () => {
  test('Types are those of the server', () => {
    assert.deepEqual(sameTypes, [true, true, true]);
  });

  test("A file is submitted with its fields before it, under a name and key of the caller's", async (t) => {
    const { client, server } = await opened(t, (_seen, response) => {
      json(response, 202, job('j'));
    });
    const made = await client.jobs.create(AUDIO, {
      id: 'a-uuid',
      idempotencyKey: 'once',
      priority: 'interactive',
      language: 'en',
      webhook: { url: 'https://example.com/', events: ['job.done'] },
      metadata: { of: 'me' },
      retention_seconds: 60,
    });
    assert.deepEqual(made, job('j'));
    const [seen] = server.seen;
    assert.ok(seen);
    assert.deepEqual(
      [seen.method, seen.url, seen.headers['idempotency-key'], seen.headers.authorization],
      ['POST', '/v1/jobs?id=a-uuid', 'once', undefined],
    );
    const body = seen.body.toString('latin1');
    for (const field of [
      'name="priority"\r\n\r\ninteractive\r\n',
      'name="language"\r\n\r\nen\r\n',
      'name="webhook"\r\n\r\n{"url":"https://example.com/","events":["job.done"]}\r\n',
      'name="metadata"\r\n\r\n{"of":"me"}\r\n',
      'name="retention_seconds"\r\n\r\n60\r\n',
    ]) {
      const at = body.indexOf(field);
      assert.ok(at !== -1 && at < body.indexOf('name="file"'), field);
    }
  });

  test('Without any field one is sent, so that work begins while the file is sent', async (t) => {
    const { client, server } = await opened(t, (_seen, response) => {
      json(response, 202, job('j'));
    });
    await client.jobs.create(AUDIO);
    assert.match(server.seen[0]?.body.toString('latin1') ?? '', /name="priority"\r\n\r\nbatch\r\n[^]*name="file"/);
  });

  test('A submission that is repeated has the same key each time, through refusals and broken connections', async (t) => {
    const { client, server } = await opened(t, (_seen, response) => {
      if (server.seen.length === 1) response.destroy();
      else if (server.seen.length === 2) refuse(response, 503, 'backend_unavailable');
      else json(response, 202, job('j'));
    });
    assert.equal((await client.jobs.create(AUDIO)).id, 'j');
    const keys = server.seen.map(({ headers }) => headers['idempotency-key']);
    assert.equal(keys.length, 3);
    assert.match(String(keys[0]), /^[0-9a-f-]{36}$/);
    assert.equal(new Set(keys).size, 1);
    await client.jobs.create(AUDIO);
    assert.notEqual(server.seen[3]?.headers['idempotency-key'], keys[0]);
  });

  test('An address is submitted as JSON', async (t) => {
    const { client, server } = await opened(t, (_seen, response) => {
      json(response, 202, job('j'));
    });
    await client.jobs.create(
      { url: new URL('https://example.com/talk.mp3') },
      { word_timestamps: true, metadata: { a: 1 } },
    );
    assert.match(server.seen[0]?.headers['content-type'] ?? '', /^application\/json/);
    assert.deepEqual(JSON.parse(server.seen[0]?.body.toString() ?? ''), {
      url: 'https://example.com/talk.mp3',
      word_timestamps: true,
      metadata: { a: 1 },
    });
  });

  test('The list goes over all pages, with its filters on each, and asks for no page that nobody wants', async (t) => {
    const { client, server } = await opened(t, ({ url }, response) => {
      const cursor = new URL(url, 'http://x').searchParams.get('cursor');
      json(
        response,
        200,
        cursor === null
          ? { object: 'list', data: [job('a'), job('b')], next_cursor: 'c 2' }
          : { object: 'list', data: [job('c')], next_cursor: null },
      );
    });
    const ids: string[] = [];
    for await (const { id } of client.jobs.list({ status: 'done', limit: 2, created_after: new Date(0) })) ids.push(id);
    assert.deepEqual(ids, ['a', 'b', 'c']);
    assert.deepEqual(
      server.seen.map(({ url }) => url),
      [
        '/v1/jobs?status=done&limit=2&created_after=1970-01-01T00%3A00%3A00.000Z',
        '/v1/jobs?status=done&limit=2&cursor=c+2&created_after=1970-01-01T00%3A00%3A00.000Z',
      ],
    );
    for await (const { id } of client.jobs.list()) {
      assert.equal(id, 'a');
      break;
    }
    assert.equal(server.seen.length, 3);
  });

  test('Ids are escaped, and each call has its address', async (t) => {
    const { client, server } = await opened(t, ({ url, method }, response) => {
      if (url.endsWith('/deliveries') || url.endsWith('/redeliver'))
        json(response, 200, { object: 'list', data: [{ id: 'd' }] });
      else if (url.includes('.srt')) response.end('1\n');
      else if (url.endsWith('.json')) json(response, 200, { text: 'hello' });
      else json(response, 200, job('x', method === 'DELETE' ? 'cancelled' : 'queued'));
    });
    const { jobs } = client;
    assert.equal((await jobs.get('a/../b')).id, 'x');
    assert.equal((await jobs.transcript('x')).text, 'hello');
    assert.equal(await jobs.transcript('x', 'srt'), '1\n');
    assert.equal(await jobs.transcript('x', 'srt', { max_line_width: 32, highlight_words: true }), '1\n');
    assert.equal((await jobs.deliveries('x'))[0]?.id, 'd');
    assert.equal((await jobs.redeliver('x'))[0]?.id, 'd');
    assert.equal((await jobs.cancel('x')).status, 'cancelled');
    assert.deepEqual(
      server.seen.map(({ method, url }) => `${method} ${url}`),
      [
        'GET /v1/jobs/a%2F..%2Fb',
        'GET /v1/jobs/x/transcript.json',
        'GET /v1/jobs/x/transcript.srt',
        'GET /v1/jobs/x/transcript.srt?max_line_width=32&highlight_words=true',
        'GET /v1/jobs/x/deliveries',
        'POST /v1/jobs/x/redeliver',
        'DELETE /v1/jobs/x',
      ],
    );
  });

  test('Waiting ends with the job, whatever its end, and at once when it has ended', async (t) => {
    let status: JobJson['status'] = 'running';
    const { client, server } = await opened(t, ({ url }, response) => {
      if (!url.endsWith('/events')) {
        json(response, 200, job('x', status));
        return;
      }
      status = 'failed';
      response.end(sse('failed', { error: { code: 'unprocessable_audio', message: 'm' } }, '1-0'));
    });
    assert.equal((await client.jobs.wait('x')).status, 'failed');
    assert.equal(server.seen.length, 3);
    assert.equal((await client.jobs.wait('x')).status, 'failed');
    assert.equal(server.seen.length, 4);
  });
});
