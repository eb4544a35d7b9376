import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startOfStream } from './container-start.js';

function wav(
  tag: number,
  bits: number,
  more: {
    readonly rate?: number;
    readonly channels?: number;
    readonly before?: Buffer;
    readonly extensible?: boolean;
  } = {},
): Buffer {
  const fields = Buffer.alloc(more.extensible === true ? 40 : 16);
  fields.writeUInt16LE(more.extensible === true ? 0xfffe : tag, 0);
  fields.writeUInt16LE(more.channels ?? 1, 2);
  fields.writeUInt32LE(more.rate ?? 16_000, 4);
  fields.writeUInt16LE(bits, 14);
  if (more.extensible === true) fields.writeUInt16LE(tag, 24);
  return Buffer.concat([
    Buffer.from('RIFF\xff\xff\xff\xffWAVE', 'latin1'),
    more.before ?? Buffer.alloc(0),
    chunk('fmt ', fields),
    Buffer.from('data\xff\xff\xff\xffsound', 'latin1'),
  ]);
}

function chunk(name: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length);
  return Buffer.concat([Buffer.from(name, 'latin1'), length, body, Buffer.alloc(body.length % 2)]);
}

test('Ogg and WebM are told by their first bytes and handed over whole.', () => {
  for (const first of [Buffer.from('OggS'), Buffer.from([0x1a, 0x45, 0xdf, 0xa3])]) {
    const start = startOfStream(Buffer.concat([first, Buffer.alloc(20)]));
    assert.deepEqual([start?.encoding, start?.audioFrom], ['opus', 0]);
  }
});

test('WAV of every kind that is taken raw is told, wherever its audio begins.', () => {
  assert.deepEqual(startOfStream(wav(1, 16, { rate: 44_100, channels: 2 })), {
    encoding: 'pcm_s16le',
    sampleRateHz: 44_100,
    channels: 2,
    audioFrom: 44,
  });
  assert.deepEqual(
    [
      [1, 8],
      [3, 32],
      [6, 8],
      [7, 8],
    ].map(([tag = 0, bits = 0]) => startOfStream(wav(tag, bits))?.encoding),
    ['pcm_u8', 'pcm_f32le', 'alaw', 'mulaw'],
  );
  const listed = wav(1, 16, { before: chunk('LIST', Buffer.alloc(7)) });
  assert.equal(listed.subarray(startOfStream(listed)?.audioFrom).toString(), 'sound');
  assert.equal(startOfStream(wav(3, 32, { extensible: true }))?.encoding, 'pcm_f32le');
});

test('A header that is not whole waits for the rest, cut at any byte.', () => {
  const whole = wav(1, 16);
  for (let bytes = 0; bytes < 44; bytes++) assert.equal(startOfStream(whole.subarray(0, bytes)), null, String(bytes));
  assert.notEqual(startOfStream(whole.subarray(0, 44)), null);
});

test('What is nothing of the kind is refused: other formats, odd WAVs, headers without end.', () => {
  const refused = [
    Buffer.from('ID3\x04 and so on'),
    Buffer.from('fLaC and so on'),
    Buffer.alloc(12),
    wav(1, 24),
    wav(1, 16, { channels: 0 }),
    wav(1, 16, { rate: 1 }),
    wav(85, 0),
    wav(1, 16, { before: chunk('JUNK', Buffer.alloc(20_000)) }),
  ];
  for (const bytes of refused) assert.throws(() => startOfStream(bytes), { code: 'unprocessable_audio' });
});
