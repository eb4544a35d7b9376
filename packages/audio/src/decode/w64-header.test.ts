import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AsrError } from '@murmuration/contracts/errors';
import { createBoundedDecoder } from './bounded-decoder.js';
import { openDecoding } from './open-decoding.js';
import {
  LIMITS,
  WITHOUT_FFMPEG,
  correlation,
  encodedTwin,
  inPieces,
  joinedPieces,
  voice,
  wavFile,
} from './testing/encoded-twins.js';
import { Resampler } from './resampler.js';

const RIFF = Buffer.from('726966662e91cf11a5d628db04c10000', 'hex');
const WAVE = Buffer.from('77617665f3acd3118cd100c04f8edb8a', 'hex');
const SAMPLES = 1_601;

/** A chunk with its padding. @param size of its head where that is to be wrong */
function chunk(name: string, body: Buffer, size = BigInt(24 + body.length)): Buffer {
  const head = Buffer.alloc(24);
  WAVE.copy(head);
  head.write(name, 'latin1');
  head.writeBigUInt64LE(size, 16);
  return Buffer.concat([head, body, Buffer.alloc((8 - (body.length % 8)) % 8)]);
}

function format(tag = 1): Buffer {
  const body = Buffer.alloc(18);
  [tag, 1].forEach((value, i) => body.writeUInt16LE(value, i * 2));
  body.writeUInt32LE(16_000, 4);
  body.writeUInt32LE(32_000, 8);
  body.writeUInt16LE(2, 12);
  body.writeUInt16LE(16, 14);
  return chunk('fmt ', body);
}

const sound = Buffer.alloc(SAMPLES * 2);
for (let i = 0; i < SAMPLES; i++) sound.writeInt16LE((i % 200) * 100, i * 2);

function w64(...chunks: readonly Buffer[]): Buffer {
  const body = Buffer.concat(chunks);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(40 + body.length));
  return Buffer.concat([RIFF, size, WAVE, body]);
}

function decoded(bytes: Uint8Array, step = 7): { readonly samples: number; readonly warnings: number } {
  const decoder = createBoundedDecoder('w64', { channels: 'mix', limits: LIMITS });
  const pieces: Float32Array[][] = [];
  for (let at = 0; at < bytes.length; at += step) pieces.push(decoder.push(bytes.slice(at, at + step)));
  pieces.push(decoder.finish());
  return { samples: joinedPieces(pieces)[0]?.length ?? 0, warnings: decoder.warnings.length };
}

test('Sound in a w64 file is read to its end, past other chunks before and behind it, in any pieces', () => {
  const junk = chunk('junk', Buffer.alloc(33));
  const file = w64(junk, format(), chunk('data', sound), chunk('bext', Buffer.alloc(5_001, 9)));
  for (const step of [1, 7, 100_000]) assert.deepEqual(decoded(file, step), { samples: SAMPLES, warnings: 0 });
});

test('A w64 file that was written to a pipe, and one that is joined to another, are read whole', () => {
  for (const size of [0n, 24n, (1n << 63n) - 1n, (1n << 64n) - 1n])
    assert.equal(decoded(w64(format(), chunk('data', sound, size))).samples >= SAMPLES, true);
  const one = w64(format(), chunk('data', sound));
  assert.equal(decoded(Buffer.concat([one, one])).samples, 2 * SAMPLES);
});

test('A w64 file that is none, has no format, or a chunk of an impossible size is refused', () => {
  for (const bytes of [
    Buffer.concat([RIFF, Buffer.alloc(40)]),
    w64(chunk('data', sound)),
    w64(chunk('junk', Buffer.alloc(8), 3n), format(), chunk('data', sound)),
    w64(chunk('fmt ', Buffer.alloc(18), 1n << 40n)),
    w64(format()),
  ])
    assert.throws(
      () => decoded(bytes),
      (error) => error instanceof AsrError && error.code === 'unprocessable_audio',
    );
});

test('A w64 file is read without ffmpeg, and one of another codec is told what it needs', async () => {
  const options = {
    channels: 'mix',
    limits: LIMITS,
    signal: new AbortController().signal,
    ffmpeg: null,
    spoolDir: '/nowhere',
    maxSpoolBytes: 0,
  } as const;
  const opened = await openDecoding(inPieces(w64(format(), chunk('data', sound)), 500), options);
  assert.deepEqual([opened.kind, opened.container], ['bounded', 'w64']);
  await assert.rejects(
    openDecoding(inPieces(w64(format(2), chunk('data', sound)), 500), options),
    (error) => error instanceof AsrError && error.code === 'decoder_unavailable',
  );
});

test('Every kind of w64 that ffmpeg writes gives the same sound', { skip: WITHOUT_FFMPEG }, () => {
  const source = voice(1, 44_100, 2);
  const resampler = new Resampler(44_100, 2);
  const wanted = joinedPieces([resampler.push(source), resampler.finish()]);
  for (const codec of ['pcm_s16le', 'pcm_s24le', 'pcm_s32le', 'pcm_f32le', 'pcm_f64le', 'pcm_alaw', 'pcm_mulaw']) {
    const bytes = encodedTwin(wavFile(source, 44_100), ['-c:a', codec, '-metadata', 'title=odd'], 'w64');
    const decoder = createBoundedDecoder('w64', { channels: 'split', limits: LIMITS });
    const split = joinedPieces([decoder.push(bytes), decoder.finish()]);
    assert.equal(split.length, 2, codec);
    for (const [track, samples] of split.entries()) {
      assert.equal(samples.length, 16_000, codec);
      assert.ok(correlation(wanted[track] ?? samples, samples, 0) > 0.995, codec);
    }
  }
});
