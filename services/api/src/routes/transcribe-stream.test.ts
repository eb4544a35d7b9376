import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { FORM_END, FORM_TYPE, HeldRequest, events, fieldPart, filePart } from '../testing/held-request.js';
import { testApp } from '../testing/test-app.js';

const filling = '#'.repeat(1_200_000);
const WAV = { 'content-type': 'audio/wav' };

describe('POST /transcribe/stream', () => {
  test('Segments come while the upload still runs, then the whole.', async (t) => {
    const { listen } = await testApp(t);
    const upload = new HeldRequest(`${await listen()}/transcribe/stream`, WAV);
    await upload.send('first\n');
    const answer = await upload.answer();
    assert.match(String(answer.headers['content-type']), /^text\/event-stream/);
    assert.equal(answer.headers['x-accel-buffering'], 'no');
    assert.ok(answer.headers['x-request-id']);
    const stream = events(answer);
    const first = await stream.next();
    assert.deepEqual(first.value, {
      name: 'segment',
      data: { id: 0, start: 0, end: 1, text: 'first', confidence: 0.9, channel: 0 },
    });
    upload.end('last\n');
    const rest = [];
    for await (const event of stream) rest.push(event);
    assert.deepEqual(
      rest.map((event) => [event.name, event.data['text']]),
      [
        ['segment', 'last'],
        ['done', 'first last'],
      ],
    );
  });

  test('Segments of a form come early as well when a field came before the file.', async (t) => {
    const { listen } = await testApp(t);
    const upload = new HeldRequest(`${await listen()}/transcribe/stream`, FORM_TYPE);
    await upload.send(fieldPart('language', 'en') + filePart(`first\n${filling}`));
    const stream = events(await upload.answer());
    assert.equal((await stream.next()).value?.data['text'], 'first');
    upload.end(`\r\n${FORM_END}`);
    const names = [];
    for await (const event of stream) names.push(event.name);
    assert.deepEqual(names, ['done']);
  });

  test('A late field that would change what was already sent is an error event that names it.', async (t) => {
    const { listen, service } = await testApp(t);
    const upload = new HeldRequest(`${await listen()}/transcribe/stream?vad=true`, FORM_TYPE);
    await upload.send(filePart(`first\n${filling}`));
    const stream = events(await upload.answer());
    await stream.next();
    upload.end(`\r\n${fieldPart('language', 'de')}${FORM_END}`);
    const { value } = await stream.next();
    assert.equal(value?.name, 'error');
    assert.deepEqual((value.data['error'] as { code: string; param: string }).param, 'language');
    assert.equal((await stream.next()).done, true);
    assert.equal(service.starts.length, 1);
  });

  test('A fault before the first event is an ordinary answer, one after it an event.', async (t) => {
    const { listen } = await testApp(t, { UPLOAD_IDLE_TIMEOUT_MS: '100' });
    const address = await listen();
    const bad = new HeldRequest(`${address}/transcribe/stream`, WAV);
    bad.end('BAD');
    assert.equal((await bad.json()).status, 422);
    const stalled = new HeldRequest(`${address}/transcribe/stream`, WAV);
    await stalled.send('first\n');
    const names = [];
    for await (const event of events(await stalled.answer()))
      names.push([event.name, (event.data['error'] as { code?: string } | undefined)?.code]);
    assert.deepEqual(names, [
      ['segment', undefined],
      ['error', 'upload_timeout'],
    ]);
    stalled.raw.destroy();
  });

  test('A stream that has nothing to say opens with a comment.', async (t) => {
    const { listen, service } = await testApp(t, { SSE_HEARTBEAT_MS: '20' });
    let open: () => void = () => undefined;
    service.gate = new Promise((resolve) => {
      open = resolve;
    });
    const upload = new HeldRequest(`${await listen()}/transcribe/stream`, WAV);
    upload.end('###');
    const answer = await upload.answer();
    const [piece] = (await once(answer.setEncoding('utf8'), 'data')) as [string];
    assert.match(piece, /^: /);
    open();
    await once(answer.resume(), 'end');
  });

  test('A reader that takes nothing is let go, and its work is cancelled.', async (t) => {
    const { listen, service } = await testApp(t, { SSE_STALL_TIMEOUT_MS: '100' });
    service.gate = new Promise(() => undefined);
    const upload = new HeldRequest(`${await listen()}/transcribe/stream`, WAV);
    upload.end(`${'word '.repeat(4_000_000)}\nlast\n`);
    const answer = await upload.answer();
    answer.pause();
    await service.until(() => service.cancelled === 1);
    answer.destroy();
  });
});
