import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import type { JobJson } from '@murmuration/contracts';
import { FORM_END, FORM_TYPE, HeldRequest, fieldPart, filePart } from '../../../testing/held-request.js';
import { form, longRecording, testApp, type TestApp } from '../../../testing/test-app.js';

const ID = '11111111-2222-4333-8444-555555555555';
const WAV = { 'content-type': 'audio/wav' };
const JSON_TYPE = { 'content-type': 'application/json' };
const filling = '#'.repeat(1_200_000);

interface Told {
  readonly status: number;
  readonly code: string | undefined;
  readonly param: string | null | undefined;
  readonly job: JobJson;
  readonly headers: Readonly<Record<string, unknown>>;
}

async function submit(
  { app }: TestApp,
  query: string,
  body: { headers: Readonly<Record<string, string>>; payload: Buffer | string },
): Promise<Told> {
  const reply = await app.inject({ method: 'POST', url: `/v1/jobs${query}`, ...body });
  const answer = reply.json<JobJson & { error: { code: string; param: string | null } | null }>();
  return {
    status: reply.statusCode,
    code: answer.error?.code,
    param: answer.error?.param,
    job: answer,
    headers: reply.headers,
  };
}

function json(fields: unknown): { headers: Readonly<Record<string, string>>; payload: string } {
  return { headers: JSON_TYPE, payload: typeof fields === 'string' ? fields : JSON.stringify(fields) };
}

const raw = (payload: string): { headers: Readonly<Record<string, string>>; payload: string } => ({
  headers: WAV,
  payload,
});

/** A server that answers every request with these bytes, and counts them. */
async function fileServer(
  t: TestContext,
  body: string | null,
): Promise<{ host: string; hits: () => number; close: () => void }> {
  let hits = 0;
  const server = createServer((_request, response) => {
    hits += 1;
    response.writeHead(200, { 'content-type': 'audio/wav' });
    if (body === null) response.write('first\n');
    else response.end(body);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  t.after(close);
  return { close, host: `127.0.0.1:${String((server.address() as AddressInfo).port)}`, hits: () => hits };
}

describe('POST /v1/jobs', () => {
  test('A raw body is accepted with its address and everything that is known of it.', async (t) => {
    const context = await testApp(t);
    const { status, job, headers } = await submit(context, '?language=de', raw('first\nlast\n'));
    assert.equal(status, 202);
    assert.equal(headers['location'], `/v1/jobs/${job.id}`);
    assert.equal(headers['idempotent-replayed'], undefined);
    assert.deepEqual(job, {
      id: job.id,
      submitted_id: null,
      object: 'job',
      status: 'running',
      priority: 'batch',
      model: 'org/memory-model',
      created_at: '2023-11-14T22:13:20.000Z',
      accepted_at: '2023-11-14T22:13:21.000Z',
      finished_at: null,
      expires_at: null,
      purged: false,
      retention_seconds: 604_800,
      duration: 2,
      language: null,
      progress: { done_seconds: 0, planned_seconds: 0 },
      position: 0,
      estimated_seconds_left: 2.5,
      error: null,
      metadata: null,
      webhook: null,
      urls: {
        self: `/v1/jobs/${job.id}`,
        events: `/v1/jobs/${job.id}/events`,
        transcript: `/v1/jobs/${job.id}/transcript.json`,
      },
    });
    assert.deepEqual(
      [
        context.jobs.submissions[0]?.options.decode.language,
        context.jobs.submissions[0]?.contentType,
        context.jobs.submissions[0]?.priority,
      ],
      ['de', 'audio/wav', 'batch'],
    );
  });

  test('All fields are taken from a form, before and after the file, and from JSON, alike.', async (t) => {
    const server = await fileServer(t, 'first\n');
    const context = await testApp(t, { URL_ALLOWLIST: server.host });
    const metadata = { customer: 'c-1', nested: { list: [1, 2.5, null, 'u'] } };
    const webhook = { url: 'https://hooks.example/x', events: ['job.done', 'job.failed'] };
    const common = {
      id: ID,
      language: 'en',
      priority: 'interactive',
      retention_seconds: 3_600,
      word_timestamps: true,
      threshold: 0.4,
      no_speech_threshold: 'none',
      track: 1,
      response_format: 'srt',
    };
    const asText = Object.entries(common).map(([name, value]) => [name, String(value)] as const);
    const objects = [
      ['metadata', JSON.stringify(metadata)],
      ['webhook', JSON.stringify(webhook)],
    ] as const;
    const parts = [
      ['webhook_url', webhook.url],
      ['webhook_events', 'job.done,job.failed'],
      ['metadata', JSON.stringify(metadata, null, 1)],
    ] as const;
    const bodies = [
      form(...asText, ...objects, ['file', 'first\n', 'a.wav']),
      form(['file', 'first\n', 'a.wav'], ...objects, ...asText),
      form(...asText.slice(0, 3), ['file', 'first\n', 'a.wav'], ...asText.slice(3), ...parts),
      json({ ...common, metadata, webhook, url: `http://${server.host}/a.wav`, model: null }),
      json({
        ...common,
        metadata: JSON.stringify(metadata),
        webhook_url: webhook.url,
        webhook_events: webhook.events,
        url: `http://${server.host}/a.wav`,
      }),
    ];
    for (const body of bodies) {
      context.jobs.jobs.clear();
      const { status, code, job } = await submit(context, '', body);
      assert.deepEqual(
        [status, code, job.id, job.metadata, job.webhook, job.retention_seconds, job.priority],
        [202, undefined, ID, metadata, webhook, 3_600, 'interactive'],
      );
      const { options } = context.jobs.submissions.at(-1) ?? {};
      assert.deepEqual(
        [
          options?.decode.language,
          options?.decode.wordTimestamps,
          options?.detect.threshold,
          options?.decode.filter.noSpeechThreshold,
          options?.track,
        ],
        ['en', true, 0.4, null, 1],
      );
    }
    const [first, second, third, ...urls] = context.jobs.submissions.map(({ fingerprint }) => fingerprint);
    assert.ok(first === second && second === third && urls[0] === urls[1] && urls[0] !== first);
  });

  test('The job is there, and its segments are, while the recording is still sent.', async (t) => {
    const context = await testApp(t);
    const address = await context.listen();
    for (const [type, start, end] of [
      [WAV, 'first\n', 'last\n'],
      [FORM_TYPE, fieldPart('language', 'en') + filePart(`first\n${filling}`), `\nlast\r\n${FORM_END}`],
    ] as const) {
      context.jobs.jobs.clear();
      const upload = new HeldRequest(`${address}/v1/jobs?id=${ID}`, type);
      await upload.send(start);
      await context.jobs.until(() => context.jobs.jobs.get(ID)?.segments.length === 1);
      assert.equal((await context.app.inject({ url: `/v1/jobs/${ID}` })).json<JobJson>().status, 'receiving');
      upload.end(end);
      assert.equal((await upload.answer()).statusCode, 202);
      assert.deepEqual(
        context.jobs.jobs.get(ID)?.segments.map(({ text }) => text),
        ['first', 'last'],
      );
    }
  });

  test('Nothing is accepted before the form has ended, and a late field makes it begin again under the same id.', async (t) => {
    const context = await testApp(t);
    const upload = new HeldRequest(`${await context.listen()}/v1/jobs?id=${ID}`, FORM_TYPE);
    await upload.send(`${filePart(`first\n${filling}\nlast\n\r\n`)}${fieldPart('vad', 'true')}`);
    await context.jobs.until(() => context.jobs.jobs.get(ID)?.segments.length === 2);
    assert.equal(context.jobs.jobs.get(ID)?.job.status, 'receiving');
    upload.end(`${fieldPart('language', 'de')}${FORM_END}`);
    assert.equal((await upload.answer()).statusCode, 202);
    assert.deepEqual(
      context.jobs.submissions.map(({ options }) => options.decode.language),
      [null, 'de'],
    );
    assert.equal(context.jobs.jobs.get(ID)?.submission.options.decode.language, 'de');
    assert.equal(context.jobs.submissions[0]?.signal.aborted, true);
    // The first attempt may be in the middle of a read: the file is freed after it.
    while (context.spools.usedBytes > 0)
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
  });

  test('A client that goes away before the job is accepted takes it back.', async (t) => {
    const context = await testApp(t);
    const upload = new HeldRequest(`${await context.listen()}/v1/jobs?id=${ID}`, WAV);
    await upload.send('first\n');
    await context.jobs.until(() => context.jobs.jobs.has(ID));
    upload.raw.destroy();
    await context.jobs.until(() => !context.jobs.jobs.has(ID));
  });

  test('A repeated Idempotency-Key gives the same job and says so; with other fields it is a conflict.', async (t) => {
    const context = await testApp(t);
    const send = (query: string): Promise<Told> =>
      submit(context, query, { ...raw('first\n'), headers: { ...WAV, 'idempotency-key': 'k 1~' } });
    const [first, again, other] = [
      await send('?metadata={"a":1,"b":2}'),
      await send('?metadata={"b":2,"a":1}'),
      await send('?language=de'),
    ];
    assert.deepEqual(
      [first.status, again.status, first.headers['idempotent-replayed'], again.headers['idempotent-replayed']],
      [202, 202, undefined, 'true'],
    );
    assert.deepEqual([again.job.id, again.headers['location']], [first.job.id, first.headers['location']]);
    assert.deepEqual([other.status, other.code], [409, 'idempotency_conflict']);
    for (const key of ['', 'x'.repeat(256), 'ü', 'a\tb']) {
      const told = await submit(context, '', { ...raw('first\n'), headers: { ...WAV, 'idempotency-key': key } });
      assert.deepEqual(
        [told.status, told.code, told.param],
        [400, 'invalid_field', 'Idempotency-Key'],
        JSON.stringify(key),
      );
    }
  });

  test('An id that is taken is refused, and is the same in capitals.', async (t) => {
    const context = await testApp(t);
    assert.equal((await submit(context, `?id=${ID}`, raw('a\n'))).status, 202);
    assert.deepEqual((await submit(context, `?id=${ID.toUpperCase()}`, raw('a\n'))).code, 'job_exists');
  });

  test('Fields that may not be are refused by name, before anything is worked on.', async (t) => {
    const context = await testApp(t);
    const refused: readonly (readonly [Readonly<Record<string, unknown>>, string, string])[] = [
      [{ id: 'abc' }, 'invalid_field', 'id'],
      [{ priority: 'live' }, 'invalid_field', 'priority'],
      [{ owner: 'x' }, 'unknown_field', 'owner'],
      [{ language: 'x' }, 'unsupported_language', 'language'],
      [{ temperature: 'NaN' }, 'invalid_field', 'temperature'],
      [{ prompt: 'x'.repeat(16_001) }, 'invalid_field', 'prompt'],
      [{ retention_seconds: 0 }, 'invalid_field', 'retention_seconds'],
      [{ retention_seconds: 1.5 }, 'invalid_field', 'retention_seconds'],
      [{ retention_seconds: 2_592_001 }, 'invalid_field', 'retention_seconds'],
      [{ metadata: [1] }, 'invalid_field', 'metadata'],
      [{ metadata: { a: 'x'.repeat(4_096) } }, 'invalid_field', 'metadata'],
      [{ metadata: 'x' }, 'invalid_request', ''],
      [{ metadata: 7 }, 'invalid_field', 'metadata'],
      [{ webhook: {} }, 'invalid_field', 'webhook'],
      [{ webhook: { url: 'x' } }, 'invalid_field', 'webhook'],
      [{ webhook: { url: 'https://a.example/', events: [] } }, 'invalid_field', 'webhook'],
      [{ webhook: { url: 'https://a.example/', other: 1 } }, 'invalid_field', 'webhook'],
      [{ webhook: { url: 'https://a.example/' }, webhook_url: 'https://a.example/' }, 'invalid_field', 'webhook'],
      [{ webhook_url: 'x' }, 'invalid_field', 'webhook_url'],
      [{ webhook_events: ['job.done'] }, 'invalid_field', 'webhook_events'],
      [{ webhook_url: 'https://a.example/', webhook_events: ['job.born'] }, 'invalid_field', 'webhook_events'],
      ...[
        'http://127.0.0.1/',
        'http://[::1]/',
        'http://0x7f000001/',
        'ftp://a.example/',
        'https://u:p@a.example/',
        'http://169.254.169.254/',
      ].flatMap(
        (url) =>
          [
            [{ webhook_url: url }, 'url_not_allowed', 'webhook_url'],
            [{ webhook: { url } }, 'url_not_allowed', 'webhook'],
            [{ url }, 'url_not_allowed', 'url'],
          ] as const,
      ),
    ];
    for (const [fields, code, param] of refused) {
      const told = await submit(context, '', json({ url: 'https://files.example/a.wav', ...fields }));
      assert.deepEqual(
        [told.status, told.code, told.param ?? ''],
        [400, code, param],
        JSON.stringify(fields).slice(0, 200),
      );
    }
    assert.deepEqual(context.jobs.submissions, []);
  });

  test('JSON that is broken, deep, large, doubled, of another kind or compressed is refused.', async (t) => {
    const context = await testApp(t);
    const deep = `{"metadata":${'{"a":'.repeat(100)}1${'}'.repeat(100)}}`;
    for (const [text, status, code, param] of [
      ['{', 400, 'invalid_request', null],
      ['[]', 400, 'invalid_request', null],
      ['null', 400, 'invalid_request', null],
      ['', 400, 'invalid_request', null],
      [deep, 400, 'invalid_request', null],
      ['['.repeat(500_000), 400, 'invalid_request', null],
      ['{"url":"https://a.example/","url":"https://b.example/"}', 400, 'invalid_field', 'url'],
      ['{"__proto__":{"priority":"interactive"}}', 400, 'invalid_field', '__proto__'],
      ['{"constructor":1}', 400, 'invalid_field', 'constructor'],
      [JSON.stringify({ prompt: 'x'.repeat(10_000_000) }), 413, 'file_too_large', null],
      ['{}', 400, 'missing_file', 'url'],
      ['{"file":"x"}', 400, 'unknown_field', 'file'],
    ] as const) {
      const told = await submit(context, '', json(text));
      assert.deepEqual([told.status, told.code, told.param], [status, code, param], text.slice(0, 80));
    }
    assert.equal(
      (await submit(context, '', { headers: { ...JSON_TYPE, 'content-encoding': 'gzip' }, payload: '{}' })).status,
      415,
    );
    assert.equal(
      (await submit(context, '', { headers: JSON_TYPE, payload: Buffer.from([0x22, 0xff, 0x22]) })).code,
      'invalid_request',
    );
  });

  test('A JSON body without a length is refused once it is over the limit.', async (t) => {
    const context = await testApp(t);
    const upload = new HeldRequest(`${await context.listen()}/v1/jobs`, JSON_TYPE);
    await upload.send(`{"prompt":"${filling}`);
    assert.deepEqual([(await upload.json()).status], [413]);
    upload.raw.destroy();
  });

  test('A recording is fetched from a URL in JSON, in a form and in the address, and the job is accepted when it is all there.', async (t) => {
    const server = await fileServer(t, longRecording('first', 'last'));
    const context = await testApp(t, { URL_ALLOWLIST: server.host });
    const url = `http://${server.host}/talk.mp3`;
    for (const [query, body] of [
      ['', json({ url })],
      ['', form(['url', url])],
      [`?url=${encodeURIComponent(url)}`, { headers: {}, payload: '' }],
    ] as const) {
      const { status, job } = await submit(context, query, body);
      assert.deepEqual([status, job.duration], [202, 2]);
      assert.deepEqual(
        [context.jobs.submissions.at(-1)?.extension, context.jobs.submissions.at(-1)?.contentType],
        ['mp3', 'audio/wav'],
      );
    }
  });

  test('A repeated request is answered although its URL has gone since; a new one is told that it has.', async (t) => {
    const server = await fileServer(t, 'first\n');
    const context = await testApp(t, { URL_ALLOWLIST: '127.0.0.1' });
    const send = (key: string): Promise<Told> =>
      submit(context, '', {
        ...json({ url: `http://${server.host}/a.wav` }),
        headers: { ...JSON_TYPE, 'idempotency-key': key },
      });
    const first = await send('a');
    server.close();
    const [again, other] = [await send('a'), await send('b')];
    assert.deepEqual(
      [first.status, again.status, again.job.id, again.headers['idempotent-replayed']],
      [202, 202, first.job.id, 'true'],
    );
    assert.deepEqual(
      [other.status, other.code, other.param, context.jobs.jobs.size],
      [422, 'url_unreachable', 'url', 1],
    );
  });

  test('A URL together with a recording is refused.', async (t) => {
    const context = await testApp(t);
    for (const [query, body] of [
      ['', form(['url', 'https://a.example/a.wav'], ['file', 'a\n', 'a.wav'])],
      ['', form(['file', 'a\n', 'a.wav'], ['url', 'https://a.example/a.wav'])],
      ['?url=https://a.example/a.wav', raw('a\n')],
    ] as const) {
      const told = await submit(context, query, body);
      assert.deepEqual([told.status, told.code, told.param], [400, 'invalid_field', 'url']);
    }
    assert.deepEqual(context.jobs.submissions, []);
  });

  test('Faults of what a URL delivers name the URL, and a transfer that nobody reads ends.', async (t) => {
    const bad = await fileServer(t, 'BAD');
    const endless = await fileServer(t, null);
    const context = await testApp(t, { URL_ALLOWLIST: '127.0.0.1', MAX_UPLOAD_BYTES: '1000' });
    const told = await submit(context, '', json({ url: `http://${bad.host}/` }));
    assert.deepEqual([told.status, told.code, told.param], [422, 'unprocessable_audio', 'url']);
    await submit(context, `?id=${ID}`, raw('a\n'));
    assert.equal((await submit(context, '', json({ id: ID, url: `http://${endless.host}/` }))).code, 'job_exists');
    assert.equal(endless.hits(), 1);
  });

  test('What bytes and forms may not be is refused as at /transcribe.', async (t) => {
    const context = await testApp(t, { MAX_UPLOAD_BYTES: '1000' });
    for (const [body, status, code, param] of [
      [form(['language', 'en']), 400, 'missing_file', 'file'],
      [form(['file', '', 'a.wav']), 400, 'empty_file', 'file'],
      [form(['file', 'a', 'a.wav'], ['file', 'b', 'b.wav']), 400, 'multiple_files', 'file'],
      [form(['other', 'a', 'a.wav']), 400, 'unknown_field', 'other'],
      [raw('BAD'), 422, 'unprocessable_audio', 'file'],
      [raw('#'.repeat(1_001)), 413, 'file_too_large', 'file'],
      [{ headers: { 'content-type': 'application/zip' }, payload: 'x' }, 415, 'unsupported_media_type', null],
      [{ headers: { ...WAV, 'content-encoding': 'gzip' }, payload: 'x' }, 415, 'unsupported_media_type', null],
      [form(['__proto__', 'x'], ['file', 'a', 'a.wav']), 400, 'invalid_field', '__proto__'],
      [{ headers: {}, payload: '' }, 400, 'missing_file', 'file'],
      [form(...Array.from({ length: 10_000 }, (_, i) => [`f${String(i)}`, 'x'] as const)), 413, 'too_many_parts', null],
    ] as const) {
      const told = await submit(context, '', body);
      assert.deepEqual([told.status, told.code, told.param], [status, code, param]);
    }
    assert.ok(context.uploads.count === 0 && context.spools.usedBytes === 0);
  });

  test('A node that stops takes no job, and one that gives up says so.', async (t) => {
    const context = await testApp(t);
    const upload = new HeldRequest(`${await context.listen()}/v1/jobs?id=${ID}`, WAV);
    await upload.send('first\n');
    await context.jobs.until(() => context.jobs.jobs.has(ID));
    context.stop();
    assert.equal((await submit(context, '', raw('a\n'))).code, 'shutting_down');
    context.abandon();
    assert.equal((await upload.json()).code, 'shutting_down');
  });
});
