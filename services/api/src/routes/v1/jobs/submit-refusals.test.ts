import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HeldRequest } from '../../../testing/held-request.js';
import { form, testApp } from '../../../testing/test-app.js';
import { JSON_TYPE, WAV, filling, json, raw, submit } from '../../../testing/submissions.js';

describe('POST /v1/jobs', () => {
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
});
