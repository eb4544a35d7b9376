import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { form, longRecording, testApp } from '../../../testing/test-app.js';
import { ID, JSON_TYPE, json, raw, fileServer, submit, type Told } from '../../../testing/submissions.js';

describe('POST /v1/jobs', () => {
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
});
