import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AsrError, type ErrorCode } from '@murmuration/contracts';
import { form, longRecording, testApp, type Part } from '../testing/test-app.js';

const hello: Part = ['file', 'Hello there.\nGood-bye.', 'private name.WAV'];

interface ErrorReply {
  readonly error: {
    readonly code: ErrorCode;
    readonly param: string | null;
    readonly message: string;
    readonly type: string;
  };
}

describe('POST /transcribe, refused', () => {
  const refusals: readonly [
    string,
    { url?: string; parts?: Part[]; headers?: Record<string, string>; payload?: string | Buffer },
    number,
    ErrorCode,
    string | null,
  ][] = [
    ['a form without a file', { parts: [['language', 'en']] }, 400, 'missing_file', 'file'],
    ['a form with the file as text', { parts: [['file', 'x']] }, 400, 'missing_file', 'file'],
    ['two files', { parts: [hello, hello] }, 400, 'multiple_files', 'file'],
    ['an empty file', { parts: [['file', '', 'a.wav']] }, 400, 'empty_file', 'file'],
    ['an unknown field', { parts: [hello, ['langauge', 'en']] }, 400, 'unknown_field', 'langauge'],
    ['an unknown query parameter', { url: '/transcribe?colour=red', parts: [hello] }, 400, 'unknown_field', 'colour'],
    ['a file under another name', { parts: [['audio', 'x', 'a.wav']] }, 400, 'unknown_field', 'audio'],
    [
      'an unknown response format',
      { parts: [hello, ['response_format', 'doc']] },
      400,
      'invalid_field',
      'response_format',
    ],
    [
      'a temperature that is no number',
      { parts: [hello, ['temperature', 'NaN']] },
      400,
      'invalid_field',
      'temperature',
    ],
    ['a temperature that overflows', { parts: [hello, ['temperature', '1e999']] }, 400, 'invalid_field', 'temperature'],
    ['a threshold out of range', { parts: [hello, ['threshold', '1.5']] }, 400, 'invalid_field', 'threshold'],
    [
      'a language that is none',
      { parts: [hello, ['language', 'not a language']] },
      400,
      'unsupported_language',
      'language',
    ],
    [
      'a language the model does not know',
      { parts: [hello, ['language', 'xx']] },
      400,
      'unsupported_language',
      'language',
    ],
    ['a task the model cannot do', { parts: [hello, ['task', 'translate']] }, 400, 'unsupported_task', 'task'],
    [
      'word times the model has not',
      { parts: [hello, ['word_timestamps', 'true']] },
      400,
      'word_timestamps_unavailable',
      'word_timestamps',
    ],
    ['a prompt of a megabyte', { parts: [hello, ['prompt', 'x'.repeat(1_000_000)]] }, 400, 'invalid_field', 'prompt'],
    [
      'a field that comes twice',
      { parts: [hello, ['language', 'en'], ['language', 'de']] },
      400,
      'invalid_field',
      'language',
    ],
    [
      'a field in the form and in the query',
      { url: '/transcribe?language=en', parts: [['language', 'en'], hello] },
      400,
      'invalid_field',
      'language',
    ],
    [
      'a query parameter that comes twice',
      { url: '/transcribe?vad=true&vad=false', parts: [hello] },
      400,
      'invalid_field',
      'vad',
    ],
    ['a field named __proto__', { parts: [hello, ['__proto__', 'x']] }, 400, 'invalid_field', '__proto__'],
    [
      'a query parameter named __proto__',
      { url: '/transcribe?__proto__=1', parts: [hello] },
      400,
      'invalid_field',
      '__proto__',
    ],
    ['an unknown model', { parts: [hello, ['model', 'nobody']] }, 404, 'model_not_found', 'model'],
    ['bytes that are no audio', { parts: [['file', 'BAD', 'a.wav']] }, 422, 'unprocessable_audio', 'file'],
    [
      'too many fields',
      { parts: [hello, ...Array.from({ length: 65 }, (_, index): Part => [`f${String(index)}`, 'x'])] },
      413,
      'too_many_parts',
      null,
    ],
    [
      'a JSON body',
      { headers: { 'content-type': 'application/json' }, payload: '{}' },
      415,
      'unsupported_media_type',
      null,
    ],
    ['a body without a type', { headers: {}, payload: Buffer.from('x') }, 415, 'unsupported_media_type', null],
    ['no body at all', {}, 400, 'missing_file', 'file'],
    ['an empty raw body', { headers: { 'content-type': 'audio/wav' }, payload: '' }, 400, 'empty_file', 'file'],
    [
      'a compressed body',
      { headers: { 'content-type': 'audio/wav', 'content-encoding': 'gzip' }, payload: 'x' },
      415,
      'unsupported_media_type',
      null,
    ],
    [
      'a form without a boundary',
      { headers: { 'content-type': 'multipart/form-data' }, payload: 'x' },
      400,
      'invalid_request',
      null,
    ],
    [
      'a form that breaks off',
      {
        headers: { 'content-type': 'multipart/form-data; boundary=b' },
        payload: '--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nxyz',
      },
      400,
      'invalid_request',
      null,
    ],
    [
      'a form that is none',
      { headers: { 'content-type': 'multipart/form-data; boundary=b' }, payload: 'just text' },
      400,
      'invalid_request',
      null,
    ],
  ];
  for (const [what, request, status, code, param] of refusals) {
    test(`It refuses ${what} with ${code}.`, async (t) => {
      const { app, spools } = await testApp(t);
      const sent =
        request.parts === undefined
          ? { headers: request.headers ?? {}, ...(request.payload === undefined ? {} : { payload: request.payload }) }
          : form(...request.parts);
      const reply = await app.inject({ method: 'POST', url: request.url ?? '/transcribe', ...sent });
      const { error } = reply.json<ErrorReply>();
      assert.deepEqual([reply.statusCode, error.code, error.param], [status, code, param], reply.body);
      assert.ok(error.message.length > 10);
      assert.equal(spools.usedBytes, 0);
    });
  }

  test('More fields than allowed are too many parts, whatever their names.', async (t) => {
    const { app } = await testApp(t);
    const many = Array.from({ length: 10_000 }, (_, index): Part => [`f${String(index)}`, 'x']);
    const reply = await app.inject({ method: 'POST', url: '/v1/audio/transcriptions', ...form(...many, hello) });
    assert.equal(reply.statusCode, 413);
    assert.equal(reply.json<ErrorReply>().error.code, 'too_many_parts');
  });

  test('An error of the service keeps its status and says when to come again.', async (t) => {
    const { app, service } = await testApp(t);
    service.refusal = new AsrError('queue_full', undefined, { retryAfterSeconds: 6.2 });
    const reply = await app.inject({ method: 'POST', url: '/transcribe', ...form(hello) });
    assert.equal(reply.statusCode, 429);
    assert.equal(reply.headers['retry-after'], '7');
  });

  test('A fault of the server tells nothing of its inside.', async (t) => {
    const { app, service } = await testApp(t);
    service.start = () => Promise.reject(new Error('canary /etc/passwd'));
    const reply = await app.inject({ method: 'POST', url: '/transcribe', ...form(hello) });
    assert.equal(reply.statusCode, 500);
    assert.equal(reply.json<ErrorReply>().error.code, 'internal');
    assert.doesNotMatch(reply.body, /canary|passwd|at /);
  });

  test('A long upload is spooled and the spool is empty afterwards.', async (t) => {
    const { app, service, spools, spooled } = await testApp(t);
    const reply = await app.inject({
      method: 'POST',
      url: '/transcribe',
      ...form(['file', longRecording('first', 'last'), 'a.wav'], ['language', 'en']),
    });
    assert.equal(reply.json<{ text: string }>().text, 'first last');
    assert.equal(service.starts.length, 1);
    assert.equal(spools.usedBytes, 0);
    assert.deepEqual(await spooled(), []);
  });

  test('A field after the file that changes only the answer does not.', async (t) => {
    const { app, service } = await testApp(t);
    const reply = await app.inject({
      method: 'POST',
      url: '/transcribe',
      ...form(['language', 'en'], ['file', longRecording('first', 'last'), 'a.wav'], ['response_format', 'text']),
    });
    assert.equal(reply.body, 'first last\n');
    assert.equal(service.starts.length, 1);
  });

  test('An upload beyond the bound of the spool is refused with storage_full.', async (t) => {
    const { app, spools } = await testApp(t, { SPOOL_MAX_BYTES: '1000000' });
    const reply = await app.inject({
      method: 'POST',
      url: '/transcribe',
      ...form(['file', longRecording('first', 'last'), 'a.wav']),
    });
    assert.equal(reply.statusCode, 507);
    assert.equal(spools.usedBytes, 0);
  });

  test('Uploads beyond the bound of the node are told to come again.', async (t) => {
    const { app, service, uploads } = await testApp(t, { MAX_ACTIVE_UPLOADS: '1' });
    let open: () => void = () => undefined;
    service.gate = new Promise((resolve) => {
      open = resolve;
    });
    const first = app.inject({ method: 'POST', url: '/transcribe', ...form(hello) });
    await service.until(() => service.starts.length === 1);
    const second = await app.inject({ method: 'POST', url: '/transcribe', ...form(hello) });
    assert.equal(second.statusCode, 429);
    open();
    assert.equal((await first).statusCode, 200);
    assert.equal(uploads.count, 0);
  });

  test('A node that is stopping takes no new work.', async (t) => {
    const { app, stop } = await testApp(t);
    stop();
    const reply = await app.inject({ method: 'POST', url: '/transcribe', ...form(hello) });
    assert.equal(reply.statusCode, 503);
    assert.equal(reply.json<ErrorReply>().error.code, 'shutting_down');
  });
});
