import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { refusal } from '@murmuration/contracts/testing';
import { createBoundedDecoder } from './bounded-decoder.js';
import {
  LIMITS,
  WITHOUT_FFMPEG,
  collected,
  correlation,
  encodedTwin,
  ffmpeg,
  inPieces,
  joinedPieces,
  seededRandom,
  voice,
  wavFile,
} from './testing/encoded-twins.js';
import { openDecoding, type OpenDecodingOptions } from './open-decoding.js';

const options = (more: Partial<OpenDecodingOptions> = {}): OpenDecodingOptions => ({
  channels: 'mix',
  limits: LIMITS,
  signal: new AbortController().signal,
  ffmpeg,
  spoolDir: tmpdir(),
  maxSpoolBytes: 50_000_000,
  ...more,
});

async function decoded(bytes: Uint8Array, more: Partial<OpenDecodingOptions> = {}): Promise<Float32Array> {
  const opened = await openDecoding(inPieces(bytes, 1_000), options(more));
  if (opened.kind === 'external') return (await collected(opened.pcm))[0] ?? new Float32Array(0);
  const decoder = createBoundedDecoder(opened.container, { channels: 'mix', limits: LIMITS });
  const pieces: Float32Array[][] = [];
  for await (const piece of opened.source) pieces.push(decoder.push(piece));
  pieces.push(decoder.finish());
  return joinedPieces(pieces)[0] ?? new Float32Array(0);
}

test('A wav goes to the bounded reader with every byte it had', async () => {
  const wav = wavFile(voice(1, 16_000, 1), 16_000);
  const opened = await openDecoding(inPieces(wav, 999), options({ ffmpeg: null }));
  assert.equal(opened.kind, 'bounded');
  assert.ok('source' in opened);
  const pieces: Uint8Array[] = [];
  for await (const piece of opened.source) pieces.push(piece);
  assert.deepEqual(Buffer.concat(pieces), Buffer.from(wav));
});

test('An empty source is told apart from one that is no sound', async () => {
  await assert.rejects(openDecoding(inPieces(new Uint8Array(0), 1), options()), refusal('empty_file'));
  await assert.rejects(openDecoding(inPieces(new Uint8Array(3_000), 100), options()), refusal('unprocessable_audio'));
  await assert.rejects(
    openDecoding(inPieces(new Uint8Array(Buffer.from('#EXTM3U\nhttp://127.0.0.1/x.ts\n')), 4), options()),
    refusal('unprocessable_audio'),
  );
});

test('A refused source is let go', async () => {
  let ended = false;
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield await Promise.resolve(new Uint8Array(10_000));
    } finally {
      ended = true;
    }
  };
  await assert.rejects(openDecoding(endless(), options()), refusal('unprocessable_audio'));
  assert.equal(ended, true);
});

test('ADPCM in wav, compressed aiff and AAC need ffmpeg and say so without it', { skip: WITHOUT_FFMPEG }, async () => {
  const wav = wavFile(voice(1, 44_100, 1), 44_100);
  for (const [argv, extension] of [
    [['-c:a', 'adpcm_ms'], 'wav'],
    [['-c:a', 'adpcm_ima_qt'], 'aif'],
    [['-c:a', 'aac'], 'm4a'],
    [['-c:a', 'aac'], 'aac'],
  ] as const) {
    const bytes = encodedTwin(wav, argv, extension);
    assert.ok(
      correlation(voice(1, 16_000, 1)[0] ?? new Float32Array(0), await decoded(bytes), 1_100) > 0.98,
      extension,
    );
    await assert.rejects(decoded(bytes, { ffmpeg: null }), refusal('decoder_unavailable'), extension);
  }
});

test('AMR sounds the same by ffmpeg and by WASM', { skip: WITHOUT_FFMPEG }, async () => {
  // One frame over and over: where every frame is another random one, the filters run into clipping, and no two decoders agree.
  for (const [line, frameBytes, mode, seed] of [
    ['#!AMR\n', 32, 0x3c, 5],
    ['#!AMR-WB\n', 61, 0x44, 3],
  ] as const) {
    const random = seededRandom(seed);
    const frame = Uint8Array.from({ length: frameBytes }, () => Math.floor(random() * 256));
    frame[0] = mode;
    const file = new Uint8Array(Buffer.concat([Buffer.from(line), ...Array.from({ length: 50 }, () => frame)]));
    const [one, other] = [await decoded(file), await decoded(file, { ffmpeg: null })];
    assert.deepEqual([one.length, other.length], [16_000, 16_000]);
    assert.ok(correlation(one, other, 40) > 0.995, String(correlation(one, other, 40)));
  }
});

const shared = new URL('../../../../../shared/audio/', import.meta.url);
test(
  'Recorded speech is the same from every file, by ffmpeg and by WASM',
  { skip: existsSync(shared) ? false : 'the evaluation recordings are not beside the checkout' },
  async () => {
    const file = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, shared)));
    const reference = await decoded(file('jfk.wav'));
    for (const name of ['jfk.mp3', 'jfk-44k1-stereo.flac']) {
      for (const program of ffmpeg === null ? [null] : [ffmpeg, null]) {
        const samples = await decoded(file(name), { ffmpeg: program });
        assert.ok(Math.abs(samples.length - reference.length) < 2_000, `${name}: ${String(samples.length)} samples`);
        assert.ok(
          correlation(reference, samples, 2_000) > 0.98,
          `${name}: ${String(correlation(reference, samples, 2_000))}`,
        );
      }
    }
    for (const program of ffmpeg === null ? [null] : [ffmpeg, null])
      assert.ok((await decoded(file('cover-art.mp3'), { ffmpeg: program })).length > 16_000);
  },
);
