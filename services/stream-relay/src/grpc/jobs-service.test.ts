import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Answer, Message } from './testing/grpc-client.js';
import { testGrpc, type TestGrpc } from './testing/test-grpc.js';

const JOB = '00000000-0000-4000-8000-000000000001';
const WEBHOOK_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const KEYS = { acme: ['jobs', 'read', 'transcribe'], other: ['jobs', 'read'] } as const;

function submit({ client }: TestGrpc, messages: readonly object[], key?: string): Promise<Answer> {
  const { stream, answer } = client.upload('Jobs/CreateJob', key === undefined ? {} : { key });
  for (const message of messages) stream.write(message);
  stream.end();
  return answer;
}

describe('Jobs over gRPC', () => {
  test('A job is submitted with all its settings and comes back as it is.', async (context) => {
    const grpc = await testGrpc(context, { WEBHOOK_SECRET });
    const { messages } = await submit(grpc, [
      {
        settings: {
          id: JOB.toUpperCase(),
          contentType: 'audio/wav',
          extension: 'wav',
          priority: 'JOB_PRIORITY_INTERACTIVE',
          metadataJson: '{"a": [1]}',
          retentionSeconds: 3_600,
          idempotencyKey: 'k-1',
          webhook: { url: 'https://example.com/hook', events: ['WEBHOOK_EVENT_JOB_DONE'] },
          options: { language: 'en' },
        },
      },
      { audio: Buffer.from('one') },
      { audio: Buffer.from('two') },
    ]);
    assert.equal(messages[0]?.['created'], true);
    const job = messages[0]['job'] as Message;
    assert.deepEqual(
      [
        job['id'],
        job['status'],
        job['priority'],
        job['metadataJson'],
        job['retentionSeconds'],
        job['plannedMs'],
        job['createdAtMs'],
        job['position'],
      ],
      [JOB, 'JOB_STATUS_QUEUED', 'JOB_PRIORITY_INTERACTIVE', '{"a":[1]}', 3_600, 1_001, 1_700_000_000_000, 0],
    );
    assert.deepEqual(job['webhook'], { url: 'https://example.com/hook', events: ['WEBHOOK_EVENT_JOB_DONE'] });
    assert.equal('finishedAtMs' in job, false);
    const submission = grpc.jobs.submissions[0];
    assert.deepEqual(
      [
        submission?.id,
        submission?.contentType,
        submission?.extension,
        submission?.priority,
        submission?.idempotencyKey,
        submission?.options.decode.language,
      ],
      [JOB, 'audio/wav', 'wav', 'interactive', 'k-1', 'en'],
    );
    assert.equal(grpc.jobs.bytes, 6);
  });

  test('Settings that cannot be are refused by name, and no job is made.', async (context) => {
    const grpc = await testGrpc(context, { WEBHOOK_SECRET, MAX_JOB_RETENTION_SECONDS: '1000000' });
    const refused: readonly (readonly [object, string | null, string | null])[] = [
      [{ settings: { id: 'x' } }, 'invalid_field', 'settings.id'],
      [{ settings: { retentionSeconds: 0 } }, 'invalid_field', 'settings.retention_seconds'],
      [{ settings: { retentionSeconds: 1_000_001 } }, 'invalid_field', 'settings.retention_seconds'],
      [{ settings: { metadataJson: '[1]' } }, 'invalid_field', 'settings.metadata_json'],
      [{ settings: { metadataJson: '{"a":' } }, 'invalid_field', 'settings.metadata_json'],
      [{ settings: { metadataJson: '{"__proto__": 1}' } }, 'invalid_field', 'settings.metadata_json'],
      [
        { settings: { metadataJson: JSON.stringify({ a: 'x'.repeat(5_000) }) } },
        'invalid_field',
        'settings.metadata_json',
      ],
      [
        { settings: { metadataJson: `{"a":${'['.repeat(40)}${']'.repeat(40)}}` } },
        'invalid_field',
        'settings.metadata_json',
      ],
      [{ settings: { idempotencyKey: 'a b' } }, 'invalid_field', 'settings.idempotency_key'],
      [{ settings: { priority: 9 } }, 'invalid_field', 'settings.priority'],
      [{ settings: { webhook: { url: 'nowhere' } } }, 'invalid_field', 'settings.webhook.url'],
      [{ settings: { webhook: { url: 'file:///etc/passwd' } } }, 'url_not_allowed', 'settings.webhook.url'],
      [{ settings: { webhook: { url: 'http://127.0.0.1/hook' } } }, 'url_not_allowed', 'settings.webhook.url'],
      [
        { settings: { webhook: { url: 'https://a.example', events: ['WEBHOOK_EVENT_UNSPECIFIED'] } } },
        'invalid_field',
        'settings.webhook.events',
      ],
      [{ settings: { options: { temperatures: [3] } } }, 'invalid_field', 'options.temperatures'],
      [{ audio: Buffer.from('a') }, 'invalid_message', null],
      [{}, 'invalid_message', null],
    ];
    for (const [first, code, param] of refused) {
      const { ending } = await submit(grpc, [first, { audio: Buffer.from('a') }]);
      assert.deepEqual([ending.code, ending.param], [code, param], JSON.stringify(first));
    }
    assert.equal(grpc.jobs.jobs.size, 0);
    const unsigned = await submit(await testGrpc(context), [
      { settings: { webhook: { url: 'https://a.example' } } },
      { audio: Buffer.from('a') },
    ]);
    assert.equal(unsigned.ending.param, 'settings.webhook');
  });

  test('No bytes, settings in the middle, too many bytes and bytes that are no audio are told by their codes.', async (context) => {
    const grpc = await testGrpc(context, { MAX_UPLOAD_BYTES: '10' });
    const codeOf = async (...messages: readonly object[]): Promise<string | null> =>
      (await submit(grpc, [{ settings: {} }, ...messages])).ending.code;
    assert.equal(await codeOf(), 'empty_file');
    assert.equal(await codeOf({ audio: Buffer.from('a') }, { settings: {} }), 'invalid_message');
    assert.equal(await codeOf({ audio: Buffer.from('123456') }, { audio: Buffer.from('78901') }), 'file_too_large');
    assert.equal(await codeOf({ audio: Buffer.from('BAD') }), 'unprocessable_audio');
    assert.equal(grpc.jobs.jobs.size, 0);
  });

  test('An upload is read only as fast as it is worked on, and a client that goes takes its job back.', async (context) => {
    const { client, jobs } = await testGrpc(context);
    let release: () => void = () => undefined;
    jobs.held = new Promise((resolve) => {
      release = resolve;
    });
    const { stream, answer } = client.upload('Jobs/CreateJob');
    stream.write({ settings: {} });
    let accepted = 0;
    for (let i = 0; i < 400; i++)
      stream.write({ audio: Buffer.alloc(64 * 1024) }, () => {
        accepted++;
      });
    await new Promise((resolve) => {
      setTimeout(resolve, 300);
    });
    assert.ok(accepted < 100, `${String(accepted)} pieces were taken`);
    stream.cancel();
    assert.equal((await answer).ending.status, 'CANCELLED');
    const submission = jobs.submissions[0];
    while (submission?.signal.aborted !== true)
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    release();
    assert.equal(jobs.jobs.size, 0);
  });

  test('Jobs are found, listed and cancelled by their key; to another key they are not there.', async (context) => {
    const grpc = await testGrpc(context, {}, KEYS);
    const { client, keys, jobs } = grpc;
    const [mine, others] = [{ key: keys['acme'] ?? '' }, { key: keys['other'] ?? '' }];
    await submit(grpc, [{ settings: { id: JOB } }, { audio: Buffer.from('a') }], mine.key);
    assert.equal(jobs.submissions[0]?.owner, 'acme');
    assert.equal(((await client.call('Jobs/GetJob', { id: JOB }, mine)).messages[0]?.['job'] as Message)['id'], JOB);
    for (const method of ['GetJob', 'CancelJob', 'GetJobTranscript', 'WatchJob']) {
      for (const id of [JOB, 'no id', '']) {
        const { ending } = await client.call(`Jobs/${method}`, { id }, others);
        assert.deepEqual([ending.status, ending.code], ['NOT_FOUND', 'not_found'], method);
      }
    }
    const list = (
      await client.call(
        'Jobs/ListJobs',
        { statuses: ['JOB_STATUS_DONE', 'JOB_STATUS_DONE'], createdAfterMs: 5, pageSize: 3, pageToken: 't' },
        mine,
      )
    ).messages[0];
    assert.deepEqual([(list?.['jobs'] as Message[]).length, list?.['nextPageToken']], [1, 'more']);
    assert.deepEqual(jobs.filters[0], {
      whose: { owner: 'acme' },
      statuses: ['done'],
      createdAfterMs: 5,
      createdBeforeMs: null,
      limit: 3,
      cursor: 't',
    });
    assert.deepEqual((await client.call('Jobs/ListJobs', {}, others)).messages[0]?.['jobs'], []);
    for (const request of [
      { pageSize: 0 },
      { pageSize: 101 },
      { statuses: ['JOB_STATUS_UNSPECIFIED'] },
      { statuses: [99] },
      { pageToken: 'x'.repeat(513) },
    ]) {
      assert.equal((await client.call('Jobs/ListJobs', request, mine)).ending.code, 'invalid_field');
    }
    const { ending } = await client.call('Jobs/GetJobTranscript', { id: JOB }, mine);
    assert.deepEqual(
      [ending.status, ending.code, ending.message],
      ['FAILED_PRECONDITION', 'job_not_done', 'The job is queued.'],
    );
    const cancelled = (await client.call('Jobs/CancelJob', { id: JOB }, mine)).messages[0]?.['job'] as Message;
    assert.deepEqual(
      [cancelled['status'], cancelled['error']],
      ['JOB_STATUS_FAILED', { code: 'transcription_failed', message: 'm', retryable: false }],
    );
  });

  test('A watcher of a job continues after an event, and is sent elsewhere when the relay stops.', async (context) => {
    const grpc = await testGrpc(context);
    await submit(grpc, [{ settings: { id: JOB } }, { audio: Buffer.from('a') }]);
    assert.equal(
      (await grpc.client.call('Jobs/WatchJob', { id: JOB, afterEventId: 'x' })).ending.param,
      'after_event_id',
    );
    const watching = grpc.client.call('Jobs/WatchJob', { id: JOB, afterEventId: '1-5' });
    await new Promise((resolve) => {
      watching.stream.once('data', resolve);
    });
    grpc.drain();
    const { messages, ending } = await watching;
    assert.deepEqual(grpc.jobs.followed, ['1-5']);
    assert.deepEqual(
      messages.map(({ eventId, event }) => [eventId, event]),
      [
        ['1-0', 'accepted'],
        ['2-0', 'progress'],
      ],
    );
    assert.deepEqual([ending.status, ending.code], ['UNAVAILABLE', 'shutting_down']);
  });
});
