import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type PcmSource, wavOrRaw } from './audio-input.js';

const RAW = { encoding: 'alaw', sampleRateHz: 8_000, channels: 3 } as const;

interface Wav {
  readonly tag?: number;
  readonly bits?: number;
  readonly dataBytes?: number;
  readonly before?: Buffer;
  readonly extensible?: boolean;
}

function wav(
  audio: Buffer,
  { tag = 1, bits = 16, dataBytes = audio.length, before = Buffer.alloc(0), extensible = false }: Wav = {},
): Buffer {
  const format = Buffer.alloc(extensible ? 40 : 16);
  format.writeUInt16LE(extensible ? 0xfffe : tag, 0);
  format.writeUInt16LE(2, 2);
  format.writeUInt32LE(44_100, 4);
  format.writeUInt16LE(bits, 14);
  if (extensible) format.writeUInt16LE(tag, 24);
  return Buffer.concat([
    Buffer.from('RIFF\0\0\0\0WAVE', 'latin1'),
    before,
    chunk('fmt ', format),
    Buffer.from('data', 'latin1'),
    length(dataBytes),
    audio,
  ]);
}

function chunk(name: string, content: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(name, 'latin1'),
    length(content.length),
    content,
    Buffer.alloc(content.length % 2),
  ]);
}

function length(bytes: number): Buffer {
  const field = Buffer.alloc(4);
  field.writeUInt32LE(bytes);
  return field;
}

async function* cut(bytes: Buffer, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes)
    yield await Promise.resolve(bytes.subarray(at, at + pieceBytes));
}

async function heard(bytes: Buffer, pieceBytes = 7): Promise<Omit<PcmSource, 'audio'> & { readonly audio: Buffer }> {
  const { audio, ...format } = await wavOrRaw(cut(bytes, pieceBytes), RAW);
  const pieces: Uint8Array[] = [];
  for await (const piece of audio) pieces.push(piece);
  return { ...format, audio: Buffer.concat(pieces) };
}

const AUDIO = Buffer.from(Array.from({ length: 101 }, (_, i) => i));

describe('Standard input as audio', () => {
  test('A WAV file tells what it holds, however it is cut, and only its audio is heard.', async () => {
    const file = Buffer.concat([
      wav(AUDIO.subarray(0, 100), { before: chunk('LIST', Buffer.from('odd')) }),
      chunk('LIST', Buffer.from('behind the audio')),
    ]);
    for (const pieceBytes of [1, 2, 13, 44, 1_000])
      assert.deepEqual(await heard(file, pieceBytes), {
        encoding: 'pcm_s16le',
        sampleRateHz: 44_100,
        channels: 2,
        audio: AUDIO.subarray(0, 100),
      });
    assert.equal((await heard(wav(AUDIO, { tag: 3, bits: 32 }))).encoding, 'pcm_f32le');
    assert.equal((await heard(wav(AUDIO, { tag: 7, bits: 8 }))).encoding, 'mulaw');
    assert.equal((await heard(wav(AUDIO, { tag: 6, bits: 8, extensible: true }))).encoding, 'alaw');
  });

  test('A length that is not known, or is not true, is read to its end.', async () => {
    for (const dataBytes of [0, 0xffffffff, 0x7fffffff, 1_000])
      assert.deepEqual((await heard(wav(AUDIO, { dataBytes }))).audio, AUDIO);
  });

  test('Everything else is what was said of it, also when it is short or nothing.', async () => {
    for (const bytes of [AUDIO, Buffer.from('RIFF'), Buffer.alloc(0), Buffer.from('RIFFxxxxAVI the rest of it')])
      assert.deepEqual(await heard(bytes), { ...RAW, audio: bytes });
  });

  test('A file that cannot be used says why.', async () => {
    await assert.rejects(heard(wav(AUDIO, { bits: 24 })), /neither 16-bit PCM/);
    await assert.rejects(heard(wav(AUDIO).subarray(0, 30)), /ends before its audio/);
    await assert.rejects(
      heard(Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVEdata\x04\0\0\0abcd', 'latin1')])),
      /does not say what it holds/,
    );
    await assert.rejects(
      heard(wav(AUDIO, { before: chunk('junk', Buffer.alloc(70_000)) })),
      /no audio near its beginning/,
    );
    await assert.rejects(
      heard(Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVE', 'latin1'), chunk('fmt ', Buffer.alloc(4))])),
      /header that cannot be read/,
    );
  });
});
