import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { Cluster } from './harness/cluster.js';
import { transcribe, type ErrorAnswer } from './harness/api-requests.js';
import { samples, wavFile } from './harness/wav.js';

let cluster: Cluster;
let wav: Buffer;

before(async () => {
  const [clip] = await samples();
  assert.ok(clip);
  wav = wavFile(clip.pcm);
  cluster = await Cluster.start({ api: { MAX_UPLOAD_BYTES: '4000000', MAX_AUDIO_SECONDS: '60' } });
});

after(async () => {
  // Whatever was sent, the processes live on and still do their work.
  assert.ok((await transcribe(cluster.url, wav)).text.length > 0);
  assert.equal(await cluster.api.probe('/livez'), 200);
  assert.equal(await cluster.workers[0]?.probe('/livez'), 200);
  await cluster.close();
});

interface Form {
  readonly files?: readonly Uint8Array[];
  readonly fields?: Readonly<Record<string, string>>;
  readonly path?: string;
}

async function send({
  files = [wav],
  fields = {},
  path = '/transcribe',
}: Form): Promise<{ status: number; error: ErrorAnswer['error'] }> {
  const form = new FormData();
  for (const file of files) form.append('file', new Blob([new Uint8Array(file)]), 'speech.wav');
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  const response = await fetch(`${cluster.url}${path}`, { method: 'POST', body: form });
  const body = (await response.json()) as Partial<ErrorAnswer>;
  assert.ok(body.error !== undefined, `was not refused: ${JSON.stringify(body)}`);
  assert.ok(body.error.message.length > 10 && body.error.type.length > 0);
  return { status: response.status, error: body.error };
}

function header(change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(wav);
  change(bytes);
  return bytes;
}

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

const REFUSED: readonly (readonly [string, () => Form, number, string, string | null])[] = [
  ['an empty file', () => ({ files: [Buffer.alloc(0)] }), 400, 'empty_file', 'file'],
  ['no file', () => ({ files: [] }), 400, 'missing_file', 'file'],
  ['two files', () => ({ files: [wav, wav] }), 400, 'multiple_files', 'file'],
  [
    'text named .wav',
    () => ({ files: [Buffer.from('hello, I am no audio at all\n'.repeat(40))] }),
    422,
    'unprocessable_audio',
    null,
  ],
  ['an image named .wav', () => ({ files: [PNG] }), 422, 'unprocessable_audio', null],
  [
    'a rate of 0 Hz',
    () => ({ files: [header((bytes) => bytes.writeUInt32LE(0, 24))] }),
    422,
    'unprocessable_audio',
    null,
  ],
  [
    '65,535 channels',
    () => ({ files: [header((bytes) => bytes.writeUInt16LE(65_535, 22))] }),
    422,
    'unprocessable_audio',
    null,
  ],
  [
    'a recording that is too long',
    () => ({ files: [wavFile(new Int16Array(61 * 16_000))] }),
    422,
    'audio_too_long',
    null,
  ],
  ['a file that is too large', () => ({ files: [Buffer.alloc(5_000_000)] }), 413, 'file_too_large', null],
  [
    'an unknown response_format',
    () => ({ fields: { response_format: 'docx' } }),
    400,
    'invalid_field',
    'response_format',
  ],
  ['an unknown language', () => ({ fields: { language: 'xx' } }), 400, 'unsupported_language', 'language'],
  [
    "an unknown language at OpenAI's endpoint",
    () => ({ fields: { language: 'xx', model: 'whisper-1' }, path: '/v1/audio/transcriptions' }),
    400,
    'unsupported_language',
    'language',
  ],
  ['a temperature that is no number', () => ({ fields: { temperature: 'NaN' } }), 400, 'invalid_field', 'temperature'],
];

for (const [name, form, status, code, param] of REFUSED) {
  test(`Refused with ${String(status)} ${code}: ${name}`, async () => {
    const told = await send(form());
    assert.deepEqual([told.status, told.error.code], [status, code], told.error.message);
    if (param !== null) assert.equal(told.error.param, param);
  });
}

test('A size of 0, of all ones, or beyond the body means an unknown length, read to the end', async () => {
  const whole = (await transcribe(cluster.url, wav)).text;
  for (const size of [0, 0xffff_ffff, wav.length * 3]) {
    assert.equal(
      (
        await transcribe(
          cluster.url,
          header((bytes) => {
            bytes.writeUInt32LE(size, 40);
          }),
        )
      ).text,
      whole,
      String(size),
    );
  }
});

test('A playlist disguised as audio fetches nothing', async () => {
  let hits = 0;
  const canary = createServer((socket) => {
    hits++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => {
    canary.listen(0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${String((canary.address() as AddressInfo).port)}/a.ts`;
  const playlists = [
    `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${url}\n#EXT-X-ENDLIST\n`,
    `ffconcat version 1.0\nfile '${url}'\n`,
    `<?xml version="1.0"?><MPD><BaseURL>${url}</BaseURL></MPD>`,
  ];
  for (const playlist of playlists) {
    const told = await send({ files: [Buffer.from(playlist)] });
    assert.deepEqual([told.status, told.error.code], [422, 'unprocessable_audio']);
  }
  assert.equal(hits, 0);
  await new Promise((resolve) => {
    canary.close(resolve);
  });
});
