import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { FORM_END, FORM_TYPE, HeldRequest, fieldPart, filePart } from '../testing/held-request.js';
import { testApp } from '../testing/test-app.js';

const filling = '#'.repeat(1_200_000);
const WAV = { 'content-type': 'audio/wav' };

describe('Uploads on a real connection', () => {
  test('Work begins while a form arrives when a field came before the file.', async (t) => {
    const { listen, service } = await testApp(t);
    const upload = new HeldRequest(`${await listen()}/transcribe`, FORM_TYPE);
    await upload.send(fieldPart('language', 'en') + filePart(`first\n${filling}`));
    await service.until(() => service.starts.length === 1);
    upload.end(`\nlast\r\n${FORM_END}`);
    assert.equal((await upload.json()).text, 'first last');
    assert.equal(service.starts.length, 1);
  });

  test('Work waits for the end of a form whose file came first.', async (t) => {
    const { listen, service } = await testApp(t);
    const upload = new HeldRequest(`${await listen()}/transcribe`, FORM_TYPE);
    await upload.send(filePart(`first\n${filling}\nlast\r\n`));
    await upload.send(fieldPart('language', 'de'));
    assert.equal(service.starts.length, 0);
    upload.end(FORM_END);
    assert.equal((await upload.json()).text, 'first last');
    assert.deepEqual(
      service.starts.map((start) => start.options.decode.language),
      ['de'],
    );
  });

  test('A field after the file that changes the work starts it again from the beginning.', async (t) => {
    const { listen, service, spools, spooled } = await testApp(t);
    const upload = new HeldRequest(`${await listen()}/transcribe?vad=true`, FORM_TYPE);
    await upload.send(filePart(`first\n${filling}`));
    await service.until(() => service.starts.length === 1);
    upload.end(`\nlast\r\n${fieldPart('language', 'de')}${FORM_END}`);
    assert.equal((await upload.json()).text, 'first last');
    assert.deepEqual(
      service.starts.map((start) => start.options.decode.language),
      [null, 'de'],
    );
    assert.equal(service.starts[0]?.signal.aborted, true);
    // The first attempt may be in the middle of a read: the file is freed after it.
    while (spools.usedBytes > 0)
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    assert.deepEqual(await spooled(), []);
  });

  test('A spooled file has no name on disk while the upload runs.', async (t) => {
    const { listen, service, spools, spooled } = await testApp(t);
    const upload = new HeldRequest(`${await listen()}/transcribe?vad=true`, FORM_TYPE);
    await upload.send(filePart(`first\n${filling}`));
    await service.until(() => service.starts.length === 1);
    assert.ok(spools.usedBytes > 0);
    assert.deepEqual(await spooled(), []);
    upload.raw.destroy();
    await service.until(() => service.cancelled === 1);
  });

  test('Bytes that are no audio are refused while the upload still runs, and the client sees it.', async (t) => {
    const { listen } = await testApp(t);
    const upload = new HeldRequest(`${await listen()}/transcribe`, WAV);
    await upload.send(`BAD ${filling}`);
    assert.deepEqual(await upload.json(), { status: 422, code: 'unprocessable_audio', param: 'file', text: undefined });
  });

  test('A client that goes away while it uploads cancels its work.', async (t) => {
    const { listen, service, uploads } = await testApp(t);
    const upload = new HeldRequest(`${await listen()}/transcribe`, WAV);
    await upload.send('first\n');
    await service.until(() => service.starts.length === 1);
    upload.raw.destroy();
    await service.until(() => service.cancelled === 1);
    assert.ok(uploads.count <= 1);
  });

  test('A client that goes away while it waits cancels its work.', async (t) => {
    const { listen, service } = await testApp(t);
    service.gate = new Promise(() => undefined);
    const upload = new HeldRequest(`${await listen()}/transcribe`, FORM_TYPE);
    upload.end(`${filePart('first\nlast\r\n')}${FORM_END}`);
    await service.until(() => service.starts.length === 1);
    upload.raw.destroy();
    await service.until(() => service.cancelled === 1);
  });

  test('A length over the limit is refused before the body, and a client that sends all the same sees the answer.', async (t) => {
    const { listen, service } = await testApp(t, { MAX_UPLOAD_BYTES: '1000' });
    const address = await listen();
    const upload = new HeldRequest(`${address}/transcribe`, { ...WAV, 'content-length': '5000000' });
    await upload.send('#'.repeat(100));
    assert.deepEqual(await upload.json(), { status: 413, code: 'file_too_large', param: 'file', text: undefined });
    const fetched = await fetch(`${address}/transcribe`, {
      method: 'POST',
      headers: WAV,
      body: Buffer.alloc(5_000_000, '#'),
    });
    assert.equal(fetched.status, 413);
    assert.equal(service.starts.length, 0);
  });

  test('A body without a length is refused once it is over the limit.', async (t) => {
    const { listen } = await testApp(t, { MAX_UPLOAD_BYTES: '1000000' });
    const raw = new HeldRequest(`${await listen()}/transcribe`, WAV);
    await raw.send(filling);
    assert.equal((await raw.json()).status, 413);
  });

  test('A file in a form is refused once it is over the limit, and nothing stays spooled.', async (t) => {
    const { listen, spools } = await testApp(t, { MAX_UPLOAD_BYTES: '1100000' });
    const upload = new HeldRequest(`${await listen()}/transcribe`, FORM_TYPE);
    await upload.send(filePart(filling));
    assert.deepEqual(await upload.json(), { status: 413, code: 'file_too_large', param: 'file', text: undefined });
    assert.equal(spools.usedBytes, 0);
  });

  test('The connection can be used again after a refusal.', async (t) => {
    const { app, listen } = await testApp(t, { MAX_UPLOAD_BYTES: '1000' });
    await listen();
    const socket = connect((app.server.address() as { port: number }).port, '127.0.0.1').setEncoding('latin1');
    let text = '';
    socket.on('data', (piece) => {
      text += String(piece);
    });
    socket.write(
      `POST /transcribe HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: audio/wav\r\ncontent-length: 5000\r\n\r\n${'#'.repeat(5_000)}GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`,
    );
    while (!text.includes('memory-model')) await once(socket, 'data');
    assert.match(text, /^HTTP\/1\.1 413 /);
    assert.match(text, /HTTP\/1\.1 200 OK/);
    socket.destroy();
  });

  test('A client that asks before it sends is refused without sending, and let in when all is well.', async (t) => {
    const { listen } = await testApp(t, { MAX_UPLOAD_BYTES: '1000' });
    const address = await listen();
    const refused = new HeldRequest(`${address}/transcribe`, {
      ...WAV,
      'content-length': '5000',
      expect: '100-continue',
    });
    refused.raw.on('continue', () => {
      assert.fail('the body was asked for');
    });
    refused.raw.flushHeaders();
    assert.equal((await refused.json()).status, 413);
    refused.raw.destroy();
    const welcome = new HeldRequest(`${address}/transcribe`, { ...WAV, 'content-length': '5', expect: '100-continue' });
    welcome.raw.flushHeaders();
    await once(welcome.raw, 'continue');
    welcome.end('hello');
    assert.equal((await welcome.json()).text, 'hello');
  });

  test('An upload that stops arriving ends with upload_timeout.', async (t) => {
    const { listen } = await testApp(t, { UPLOAD_IDLE_TIMEOUT_MS: '100' });
    const address = await listen();
    for (const [type, start] of [
      [WAV, 'first\n'],
      [FORM_TYPE, filePart('first\n')],
    ] as const) {
      const upload = new HeldRequest(`${address}/transcribe`, type);
      await upload.send(start);
      assert.deepEqual(await upload.json(), { status: 408, code: 'upload_timeout', param: null, text: undefined });
      upload.raw.destroy();
    }
  });

  test('An upload of single bytes is as idle as one of none.', async (t) => {
    const { listen } = await testApp(t, { UPLOAD_IDLE_TIMEOUT_MS: '200' });
    const upload = new HeldRequest(`${await listen()}/transcribe`, WAV);
    const trickle = setInterval(() => {
      upload.raw.write('#');
    }, 20);
    t.after(() => {
      clearInterval(trickle);
    });
    assert.equal((await upload.json()).status, 408);
    upload.raw.destroy();
  });

  test('ends requests in progress with shutting_down when the node gives them up', async (t) => {
    const { listen, service, abandon } = await testApp(t);
    service.gate = new Promise(() => undefined);
    const upload = new HeldRequest(`${await listen()}/transcribe`, WAV);
    upload.end('first\n');
    await service.until(() => service.starts.length === 1);
    abandon();
    assert.equal((await upload.json()).code, 'shutting_down');
  });

  test('What is no HTTP, and headers that are too large, are answered in the same shape.', async (t) => {
    const { app, listen } = await testApp(t);
    await listen();
    const { port } = app.server.address() as { port: number };
    const ask = async (bytes: string): Promise<string> => {
      const socket = connect(port, '127.0.0.1').setEncoding('latin1');
      let text = '';
      socket.on('data', (piece) => {
        text += String(piece);
      });
      socket.end(bytes);
      await once(socket, 'close');
      return text;
    };
    assert.match(await ask('nonsense\r\n\r\n'), /^HTTP\/1\.1 400 .*"code":"invalid_request"/s);
    assert.match(
      await ask(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`),
      /^HTTP\/1\.1 431 .*"code":"invalid_request"/s,
    );
    assert.match(
      await ask(
        'POST /transcribe HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      ),
      /^HTTP\/1\.1 400 /,
    );
  });
});
