import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formUpload, jsonUpload, type AudioInput, type UploadOptions } from './upload-body.js';

const BYTES = new Uint8Array(200_000).map((_, i) => i % 251);
const FIELDS = [
  ['language', 'en'],
  ['prompt', 'Zoë "and"\r\nothers'],
] as const;

/** The form as a server that knows nothing of its making reads it. */
async function received(
  input: AudioInput,
  options: UploadOptions,
): Promise<{ fields: [string, unknown][]; file: File; bytes: Uint8Array; length: string | null; size: number }> {
  const { body, headers } = formUpload(FIELDS, input, options).make();
  const request = new Request('http://127.0.0.1/', { method: 'POST', body, headers: { ...headers }, duplex: 'half' });
  const raw = await request.clone().arrayBuffer();
  const response = new Response(raw, { headers: { 'content-type': request.headers.get('content-type') ?? '' } });
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- a reader that is not ours, of bytes that are
  const form = await response.formData();
  const file = form.get('file');
  assert.ok(file instanceof File);
  return {
    fields: [...form.entries()].filter(([name]) => name !== 'file'),
    file,
    bytes: new Uint8Array(await file.arrayBuffer()),
    length: headers['content-length'] ?? null,
    size: raw.byteLength,
  };
}

async function* pieces(): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < BYTES.length; at += 7_001) yield await Promise.resolve(BYTES.subarray(at, at + 7_001));
}

describe('An upload', () => {
  const inputs: readonly [string, () => AudioInput, UploadOptions][] = [
    ['bytes', () => BYTES, {}],
    ['a view into a larger buffer', () => Buffer.concat([Buffer.from('xx'), BYTES]).subarray(2), {}],
    ['an array buffer', () => BYTES.slice().buffer, {}],
    ['a blob', () => new Blob([BYTES]), {}],
    ['a blob that is watched', () => new Blob([BYTES]), { onUpload: () => undefined }],
    ['a stream', () => new Blob([BYTES]).stream(), {}],
    ['an iterator', pieces, {}],
  ];
  for (const [what, make, options] of inputs) {
    test(`${what} arrives whole, behind its fields`, async () => {
      const { fields, file, bytes, length, size } = await received(make(), { filename: 'a "b"\n.wav', ...options });
      assert.deepEqual(
        fields,
        FIELDS.map(([name, value]) => [name, value]),
      );
      assert.deepEqual(bytes, BYTES);
      assert.match(file.name, /^a ("|%22)b("|%22)(\n|%0A)\.wav$/);
      if (length !== null) assert.equal(length, String(size));
    });
  }

  test('The name of a file is kept, and others have one all the same', async () => {
    assert.equal((await received(new File([BYTES], 'talk.mp3'), {})).file.name, 'talk.mp3');
    assert.equal((await received(BYTES, {})).file.name, 'recording');
  });

  test('Only what can be read again can be sent again', () => {
    assert.deepEqual(
      [BYTES, new Blob([BYTES]), pieces(), new Blob([BYTES]).stream()].map(
        (input) => formUpload([], input, {}).isRepeatable,
      ),
      [true, true, false, false],
    );
    const watched = formUpload([], new Blob([BYTES]), { onUpload: () => undefined });
    assert.equal(watched.isRepeatable, true);
    assert.notEqual(watched.make().body, watched.make().body);
    assert.equal(jsonUpload({}).isRepeatable, true);
  });

  test('Who watches is told of every byte, and of the whole where it is known', async () => {
    for (const [input, total] of [
      [new Blob([BYTES]), BYTES.length],
      [pieces(), null],
    ] as const) {
      const told: [number, number | null][] = [];
      await received(input, { onUpload: (sent, of) => told.push([sent, of]) });
      assert.deepEqual(told.at(-1), [BYTES.length, total]);
      assert.deepEqual(
        told,
        told.toSorted(([a], [b]) => a - b),
      );
    }
  });

  test("What the caller's own stream throws is kept, and the stream is left when the connection is", async () => {
    const fault = new Error('the microphone is gone');
    // eslint-disable-next-line @typescript-eslint/require-await -- it fails like a source that waits
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield BYTES;
      throw fault;
    }
    const upload = formUpload([], failing(), {}).make();
    await assert.rejects(new Response(upload.body as ReadableStream).arrayBuffer(), fault);
    assert.equal(upload.fault, fault);
    let left = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield await Promise.resolve(BYTES);
      } finally {
        left = true;
      }
    }
    const reader = (formUpload([], endless(), {}).make().body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await reader.read();
    await reader.cancel();
    assert.equal(left, true);
  });
});
