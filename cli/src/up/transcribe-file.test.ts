import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { describeTranscript, requireFiles, transcribeFile } from './transcribe-file.js';

const folder = mkdtempSync(join(tmpdir(), 'murmuration-send-'));
const file = join(folder, 'talk.mp3');
const signal = new AbortController().signal;
let answer: { readonly status: number; readonly body: string; readonly early?: boolean };
let received: {
  method: string | undefined;
  url: string | undefined;
  type: string | undefined;
  key: string | undefined;
  bytes: number;
};
const server = createServer((request, response) => {
  received = {
    method: request.method,
    url: request.url,
    type: request.headers['content-type'],
    key: request.headers.authorization,
    bytes: 0,
  };
  if (answer.early === true) {
    response.writeHead(answer.status, { connection: 'close' }).end(answer.body);
    return;
  }
  request.on('data', (piece: Buffer) => {
    received.bytes += piece.length;
  });
  request.on('end', () => {
    response.writeHead(answer.status).end(answer.body);
  });
});
let url: string;

before(async () => {
  writeFileSync(file, Buffer.alloc(300_000));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
});
after(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});

test('A recording is sent whole, with the type of its name', async () => {
  answer = { status: 200, body: JSON.stringify({ text: 'Hello.', duration: 2, model: 'm' }) };
  const { transcript, tookMs } = await transcribeFile(url, file, signal);
  assert.equal(transcript.text, 'Hello.');
  assert.ok(tookMs > 0);
  assert.deepEqual(received, {
    method: 'POST',
    url: '/transcribe',
    type: 'audio/mpeg',
    key: undefined,
    bytes: 300_000,
  });
  await transcribeFile(url, file, signal, 'murm_key');
  assert.equal(received.key, 'Bearer murm_key');
});

test('A refusal is told in the words of the API node', async () => {
  answer = {
    status: 422,
    body: JSON.stringify({ error: { message: 'The bytes are not audio.', code: 'unprocessable_audio' } }),
  };
  await assert.rejects(transcribeFile(url, file, signal), {
    name: 'SetupError',
    message: /The bytes are not audio\. \(HTTP 422\)/,
  });
});

test('A refusal that comes while the recording is still being sent is what is told', async () => {
  writeFileSync(join(folder, 'long.wav'), Buffer.alloc(20_000_000));
  answer = {
    early: true,
    status: 413,
    body: JSON.stringify({ error: { message: 'The upload is larger than the limit.' } }),
  };
  await assert.rejects(transcribeFile(url, join(folder, 'long.wav'), signal), {
    name: 'SetupError',
    message: /larger than the limit/,
  });
});

test('An answer that is no JSON and an API node that is not there are told too', async () => {
  answer = { status: 502, body: 'Bad gateway' };
  await assert.rejects(transcribeFile(url, file, signal), { name: 'SetupError', message: /Bad gateway/ });
  await assert.rejects(transcribeFile('http://127.0.0.1:1', file, signal), {
    name: 'SetupError',
    message: /ECONNREFUSED/,
  });
});

test('Files that cannot be read are named', async () => {
  await requireFiles([file]);
  await assert.rejects(requireFiles([file, join(folder, 'absent.wav')]), {
    name: 'SetupError',
    message: /absent\.wav.*no such file/,
  });
  await assert.rejects(requireFiles([folder]), { name: 'SetupError', message: /not a file/ });
});

test('A transcript is shown with its length, its speed and its warnings', () => {
  const lines = describeTranscript(
    'talk.mp3',
    {
      text: ' Hello. ',
      duration: 30,
      model: 'moonshine-tiny',
      warnings: [{ code: 'truncated', message: 'The file ends early.' }],
    },
    1_500,
  );
  assert.deepEqual(lines, [
    'talk.mp3',
    '  Hello.',
    '  30.0 s of audio in 1.50 s: 20 times real time, model moonshine-tiny',
    '  warning: The file ends early.',
  ]);
});
