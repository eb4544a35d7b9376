import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JobJson } from '@murmuration/contracts';
import { FORM_END, FORM_TYPE, HeldRequest, fieldPart, filePart } from '../../../testing/held-request.js';
import { form, testApp } from '../../../testing/test-app.js';
import { ID, WAV, filling, json, raw, fileServer, submit, type Told } from '../../../testing/submissions.js';

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
