import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createKey } from '@murmuration/access';
import { AsrError, type DeliveryListJson, type JobJson, type JobListJson } from '@murmuration/contracts';
import { testApp, type TestApp } from '../../../testing/test-app.js';

const ABSENT = '99999999-9999-4999-8999-999999999999';
const bearer = (key: string): { authorization: string } => ({ authorization: `Bearer ${key}` });

async function made({ app }: TestApp, query = '', headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const reply = await app.inject({
    method: 'POST',
    url: `/v1/jobs${query}`,
    headers: { 'content-type': 'audio/wav', ...headers },
    payload: 'first word\n<second> & last\n',
  });
  assert.equal(reply.statusCode, 202, reply.body);
  return reply.json<JobJson>().id;
}

async function codeOf(
  { app }: TestApp,
  method: 'GET' | 'POST' | 'DELETE',
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<[number, string | undefined]> {
  const reply = await app.inject({ method, url, headers });
  return [reply.statusCode, reply.statusCode >= 400 ? reply.json<{ error: { code: string } }>().error.code : undefined];
}

describe('GET /v1/jobs', () => {
  test('A page holds what was asked for, and says how to go on.', async (t) => {
    const context = await testApp(t);
    const ids = [await made(context), await made(context), await made(context)];
    const page = (await context.app.inject({ url: '/v1/jobs?limit=2' })).json<JobListJson>();
    assert.deepEqual([page.object, page.data.map(({ id }) => id), page.next_cursor], ['list', ids.slice(0, 2), 'more']);
    assert.equal((await context.app.inject({ url: '/v1/jobs' })).json<JobListJson>().next_cursor, null);
  });

  test('States come repeated or in one list, times as ISO 8601 or in Unix seconds.', async (t) => {
    const context = await testApp(t);
    for (const query of ['status=done&status=failed', 'status=done,failed', 'status=done&status=failed,done&ticket='])
      await context.app.inject({ url: `/v1/jobs?cursor=c&limit=100&${query}` });
    for (const filter of context.jobs.filters)
      assert.deepEqual([filter.statuses, filter.cursor, filter.limit], [['done', 'failed'], 'c', 100]);
    for (const [given, ms] of [
      ['2027-01-31T00:00:00Z', 1_801_353_600_000],
      ['2027-01-31T01:00:00+01:00', 1_801_353_600_000],
      ['2027-01-31', 1_801_353_600_000],
      ['1801353600', 1_801_353_600_000],
      ['1801353600.25', 1_801_353_600_250],
    ] as const) {
      await context.app.inject({ url: `/v1/jobs?created_after=${given}&created_before=${encodeURIComponent(given)}` });
      assert.deepEqual(
        [context.jobs.filters.at(-1)?.createdAfterMs, context.jobs.filters.at(-1)?.createdBeforeMs],
        [ms, ms],
        given,
      );
    }
    await context.app.inject({ url: '/v1/jobs' });
    const { statuses, createdAfterMs, createdBeforeMs, limit, cursor } = context.jobs.filters.at(-1) ?? {};
    assert.deepEqual([statuses, createdAfterMs, createdBeforeMs, limit, cursor], [null, null, null, 20, null]);
  });

  test('What a parameter may not be is refused by its name.', async (t) => {
    const context = await testApp(t);
    for (const [query, code, param] of [
      ['limit=0', 'invalid_field', 'limit'],
      ['limit=101', 'invalid_field', 'limit'],
      ['limit=x', 'invalid_field', 'limit'],
      ['status=ready', 'invalid_field', 'status'],
      ['created_after=yesterday', 'invalid_field', 'created_after'],
      ['created_before=2027-13-01', 'invalid_field', 'created_before'],
      ['created_before=-5', 'invalid_field', 'created_before'],
      [`cursor=${'x'.repeat(513)}`, 'invalid_field', 'cursor'],
      ['owner=bolt', 'unknown_field', 'owner'],
      ['limit=1&limit=2', 'invalid_field', 'limit'],
    ] as const) {
      const reply = await context.app.inject({ url: `/v1/jobs?${query}` });
      assert.deepEqual(
        [
          reply.statusCode,
          reply.json<{ error: { code: string; param: string } }>().error.code,
          reply.json<{ error: { param: string } }>().error.param,
        ],
        [400, code, param],
        query,
      );
    }
    assert.deepEqual(context.jobs.filters, []);
  });
});

describe('One job', () => {
  test('It is shown, cancelled, and cancelled again without an error.', async (t) => {
    const context = await testApp(t);
    const id = await made(context);
    assert.equal((await context.app.inject({ url: `/v1/jobs/${id.toUpperCase()}` })).json<JobJson>().status, 'running');
    for (const url of [`/v1/jobs/${id}`, `/v1/jobs/${id}`]) {
      const reply = await context.app.inject({ method: 'DELETE', url });
      assert.deepEqual(
        [reply.statusCode, reply.json<JobJson>().status, reply.json<JobJson>().purged],
        [200, 'cancelled', true],
      );
    }
  });

  test('An id that is unknown or none is 404 everywhere, and another method 405.', async (t) => {
    const context = await testApp(t);
    for (const id of [ABSENT, 'x', '..%2f..', '%00', `${ABSENT}x`, '{j.1}:job']) {
      for (const rest of ['', '/events', '/deliveries', '/transcript.json', '/transcript.srt'])
        assert.deepEqual(await codeOf(context, 'GET', `/v1/jobs/${id}${rest}`), [404, 'not_found'], id + rest);
      assert.deepEqual(await codeOf(context, 'DELETE', `/v1/jobs/${id}`), [404, 'not_found']);
      assert.deepEqual(await codeOf(context, 'POST', `/v1/jobs/${id}/redeliver`), [404, 'not_found']);
    }
    assert.deepEqual(await codeOf(context, 'GET', `/v1/jobs/${ABSENT}/transcript.docx`), [404, 'not_found']);
    const reply = await context.app.inject({ method: 'POST', url: `/v1/jobs/${ABSENT}` });
    assert.deepEqual([reply.statusCode, reply.headers['allow']], [405, 'DELETE, GET, HEAD']);
  });

  test("The webhook's deliveries are told, and sent again on demand.", async (t) => {
    const context = await testApp(t);
    const [without, id] = [await made(context), await made(context, '?webhook_url=https://hooks.example/x')];
    const expected: DeliveryListJson = {
      object: 'list',
      data: [
        {
          id: 'msg_1',
          event: 'job.done',
          state: 'pending',
          attempts: [{ at: '1970-01-01T00:00:00.000Z', status: 500, fault: 'status', duration_ms: 12 }],
          next_attempt_at: '1970-01-01T00:00:05.000Z',
        },
      ],
    };
    assert.deepEqual((await context.app.inject({ url: `/v1/jobs/${id}/deliveries` })).json(), expected);
    const again = await context.app.inject({ method: 'POST', url: `/v1/jobs/${id}/redeliver` });
    assert.deepEqual([again.statusCode, again.json()], [202, expected]);
    assert.deepEqual((await context.app.inject({ url: `/v1/jobs/${without}/deliveries` })).json(), {
      object: 'list',
      data: [],
    });
    assert.deepEqual(await codeOf(context, 'POST', `/v1/jobs/${without}/redeliver`), [409, 'no_webhook']);
  });

  test('While the store is away the answer is 503 with the time to come back.', async (t) => {
    const context = await testApp(t);
    const id = await made(context);
    context.jobs.refusal = new AsrError('backend_unavailable', undefined, { retryAfterSeconds: 2 });
    for (const rest of ['', '/events', '/transcript.vtt', '/deliveries']) {
      const reply = await context.app.inject({ url: `/v1/jobs/${id}${rest}` });
      assert.deepEqual([reply.statusCode, reply.headers['retry-after']], [503, '2'], rest);
    }
  });
});

describe('GET /v1/jobs/:id/transcript.*', () => {
  test('It comes in every format with its type and a tag, and as 304 while it is the same.', async (t) => {
    const context = await testApp(t);
    const id = await made(context);
    context.jobs.finish(id);
    const tags = new Set<string>();
    for (const [name, type, begins] of [
      ['json', 'application/json', `{"id":"${id}","text":"first word <second> & last"`],
      ['txt', 'text/plain', 'first word <second> & last\n'],
      ['srt', 'application/x-subrip', '1\n00:00:00,000 --> 00:00:01,000\nfirst word\n'],
      [
        'vtt',
        'text/vtt',
        'WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nfirst word\n\n00:00:01.000 --> 00:00:02.000\n&lt;second&gt; &amp; last',
      ],
      ['tsv', 'text/tab-separated-values', 'start\tend\ttext\n0\t1000\tfirst word\n'],
    ] as const) {
      const url = `/v1/jobs/${id}/transcript.${name}`;
      const reply = await context.app.inject({ url });
      assert.deepEqual(
        [reply.statusCode, reply.headers['content-type'], reply.headers['cache-control']],
        [200, `${type}; charset=utf-8`, 'private, no-cache'],
      );
      assert.ok(reply.body.startsWith(begins), reply.body);
      const tag = String(reply.headers['etag']);
      assert.match(tag, /^"[\w-]{43}"$/);
      tags.add(tag);
      for (const given of [tag, `"x", ${tag}`, `W/${tag}`, '*']) {
        const same = await context.app.inject({ url, headers: { 'if-none-match': given } });
        assert.deepEqual([same.statusCode, same.body, same.headers['etag']], [304, '', tag], given);
      }
      assert.equal((await context.app.inject({ url, headers: { 'if-none-match': '"other"' } })).statusCode, 200);
      const head = await context.app.inject({ method: 'HEAD', url });
      assert.deepEqual([head.statusCode, head.headers['etag'], head.body], [200, tag, '']);
    }
    assert.equal(tags.size, 5);
  });

  test('Before the end it is 409 with the status, of a failed job its error, of a deleted one 410.', async (t) => {
    const context = await testApp(t);
    const [running, failed, deleted] = [await made(context), await made(context), await made(context)];
    const early = await context.app.inject({ url: `/v1/jobs/${running}/transcript.txt` });
    assert.deepEqual([early.statusCode, early.json<{ error: { code: string } }>().error.code], [409, 'job_not_done']);
    assert.match(early.body, /running/);
    context.jobs.finish(failed, new AsrError('unprocessable_audio'));
    assert.deepEqual(await codeOf(context, 'GET', `/v1/jobs/${failed}/transcript.json`), [422, 'unprocessable_audio']);
    assert.deepEqual(
      (await context.app.inject({ url: `/v1/jobs/${failed}` })).json<JobJson>().error?.code,
      'unprocessable_audio',
    );
    await context.app.inject({ method: 'DELETE', url: `/v1/jobs/${deleted}` });
    assert.deepEqual(await codeOf(context, 'GET', `/v1/jobs/${deleted}/transcript.json`), [410, 'result_expired']);
  });
});

describe('Keys and jobs', () => {
  test("Submitting and cancelling need jobs, reading jobs or read; what is another's is not there.", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'api-job-keys-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const path = join(folder, 'keys.json');
    const make = async (name: string, scopes: string[]): Promise<{ authorization: string }> =>
      bearer((await createKey(path, { name, scopes })).key);
    const [acme, bolt, reader, writer, admin] = [
      await make('acme', ['jobs']),
      await make('bolt', ['jobs']),
      await make('acme', ['read']),
      await make('acme', ['transcribe']),
      await make('boss', ['admin']),
    ];
    const context = await testApp(t, { API_KEYS_FILE: path });
    const id = await made(context, '', acme);
    assert.equal(context.jobs.submissions[0]?.owner, 'acme');
    const reads = [`/v1/jobs/${id}`, `/v1/jobs/${id}/deliveries`, '/v1/jobs'];
    for (const url of reads) {
      for (const key of [acme, reader, admin])
        assert.deepEqual(await codeOf(context, 'GET', url, key), [200, undefined], url);
      assert.deepEqual(await codeOf(context, 'GET', url, writer), [403, 'permission_denied'], url);
      assert.deepEqual(await codeOf(context, 'GET', url), [401, 'unauthenticated'], url);
    }
    assert.deepEqual((await context.app.inject({ url: '/v1/jobs', headers: bolt })).json<JobListJson>().data, []);
    for (const rest of ['', '/events', '/deliveries', '/transcript.json']) {
      const [foreign, absent] = [
        await context.app.inject({ url: `/v1/jobs/${id}${rest}`, headers: { ...bolt, 'x-request-id': 'x' } }),
        await context.app.inject({ url: `/v1/jobs/${ABSENT}${rest}`, headers: { ...bolt, 'x-request-id': 'x' } }),
      ];
      assert.deepEqual(
        [foreign.statusCode, foreign.body, Object.keys(foreign.headers)],
        [404, absent.body, Object.keys(absent.headers)],
      );
    }
    for (const [key, told] of [
      [bolt, [404, 'not_found']],
      [reader, [403, 'permission_denied']],
      [admin, [403, 'permission_denied']],
    ] as const) {
      assert.deepEqual(await codeOf(context, 'DELETE', `/v1/jobs/${id}`, key), told);
      assert.deepEqual(await codeOf(context, 'POST', `/v1/jobs/${id}/redeliver`, key), told);
    }
    assert.deepEqual(await codeOf(context, 'POST', '/v1/jobs', reader), [403, 'permission_denied']);
    assert.deepEqual(await codeOf(context, 'DELETE', `/v1/jobs/${id}`, acme), [200, undefined]);
    const { ticket } = (await context.app.inject({ method: 'POST', url: '/v1/tickets', headers: reader })).json<{
      ticket: string;
    }>();
    for (const url of [
      `/v1/jobs?ticket=${ticket}`,
      `/v1/jobs/${id}?ticket=${ticket}`,
      `/v1/jobs/${id}/events?ticket=${ticket}`,
    ])
      assert.deepEqual(await codeOf(context, 'GET', url), [200, undefined], url);
    assert.deepEqual(await codeOf(context, 'DELETE', `/v1/jobs/${id}?ticket=${ticket}`), [401, 'unauthenticated']);
  });

  test('Browsers of named origins may delete, continue streams, repeat safely and read what they need of an answer.', async (t) => {
    const context = await testApp(t, { CORS_ORIGINS: 'https://app.example' });
    const origin = 'https://app.example';
    const preflight = await context.app.inject({
      method: 'OPTIONS',
      url: `/v1/jobs/${ABSENT}`,
      headers: {
        origin,
        'access-control-request-method': 'DELETE',
        'access-control-request-headers': 'authorization,idempotency-key,last-event-id',
      },
    });
    assert.deepEqual(
      [preflight.statusCode, preflight.headers['access-control-allow-headers']],
      [204, 'authorization,idempotency-key,last-event-id'],
    );
    assert.match(String(preflight.headers['access-control-allow-methods']), /DELETE/);
    const exposed = String(
      (await context.app.inject({ url: '/v1/jobs', headers: { origin } })).headers['access-control-expose-headers'],
    ).split(/, ?/);
    for (const name of ['location', 'etag', 'retry-after', 'x-request-id', 'idempotent-replayed'])
      assert.ok(exposed.includes(name), name);
  });
});
