import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { ChannelMode } from '@murmuration/contracts';
import { AsrError } from '@murmuration/contracts/errors';
import { createBoundedDecoder } from './bounded-decoder.js';
import type { BoundedContainer } from './container.js';
import {
  LIMITS,
  WITHOUT_FFMPEG,
  bytesInUse,
  correlation,
  encodedTwin,
  joinedPieces,
  seededRandom,
  voice,
  wavFile,
  wavWith,
} from './testing/encoded-twins.js';
import { Resampler } from './resampler.js';

function decoded(
  container: BoundedContainer,
  bytes: Uint8Array,
  channels: ChannelMode,
  size: () => number = () => 65_536,
): Float32Array[] {
  const decoder = createBoundedDecoder(container, { channels, limits: LIMITS });
  const pieces: Float32Array[][] = [];
  for (let at = 0; at < bytes.length;) {
    const step = size();
    pieces.push(decoder.push(bytes.slice(at, at + step)));
    at += step;
  }
  pieces.push(decoder.finish());
  return joinedPieces(pieces);
}

const refusal =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof AsrError && error.code === code;
const at16k = (planar: Float32Array[], rateHz: number): Float32Array[] => {
  const resampler = new Resampler(rateHz, planar.length);
  return joinedPieces([resampler.push(planar), resampler.finish()]);
};
const ALL_RATES_WAV: readonly [string, string[], number][] = [
  ['pcm_u8', [], 0.99],
  ['pcm_s16le', [], 0.99999],
  ['pcm_s24le', [], 0.999999],
  ['pcm_s32le', [], 0.999999],
  ['pcm_f32le', [], 0.999999],
  ['pcm_f64le', [], 0.999999],
  ['pcm_alaw', [], 0.995],
  ['pcm_mulaw', [], 0.995],
  ['pcm_s16le', ['-rf64', 'always'], 0.99999],
];

test(
  'Every kind of wav that ffmpeg writes gives the same sound, mixed and split, in any pieces',
  { skip: WITHOUT_FFMPEG },
  () => {
    const random = seededRandom(11);
    const source = voice(1.5, 22_050, 2);
    const wanted = at16k(source, 22_050);
    for (const [codec, more, least] of ALL_RATES_WAV) {
      const bytes = encodedTwin(wavFile(source, 22_050), ['-c:a', codec, '-metadata', 'title=odd', ...more], 'wav');
      const split = decoded('wav', bytes, 'split', () => 1 + Math.floor(random() * 3_000));
      assert.equal(split.length, 2);
      for (const [track, samples] of split.entries()) {
        assert.equal(samples.length, 24_000, codec);
        assert.ok(
          correlation(wanted[track] ?? samples, samples, 0) > least,
          `${codec}: ${String(correlation(wanted[track] ?? samples, samples, 0))}`,
        );
      }
      const mixed = decoded('wav', bytes, 'mix');
      assert.equal(mixed.length, 1);
      const middle = Float32Array.from(split[0] ?? [], (value, i) => (value + (split[1]?.[i] ?? 0)) / 2);
      assert.ok(correlation(middle, mixed[0] ?? middle, 0) > 0.999999);
    }
  },
);

test('Every kind of aiff that ffmpeg writes gives the same sound', { skip: WITHOUT_FFMPEG }, () => {
  const source = voice(1, 44_100, 2);
  const wanted = at16k(source, 44_100);
  for (const [codec, extension, least] of [
    ['pcm_s8', 'aiff', 0.99],
    ['pcm_s16be', 'aiff', 0.99999],
    ['pcm_s24be', 'aiff', 0.99999],
    ['pcm_s32be', 'aiff', 0.99999],
    ['pcm_s16le', 'aif', 0.99999],
    ['pcm_f32be', 'aif', 0.99999],
    ['pcm_f64be', 'aif', 0.99999],
    ['pcm_alaw', 'aif', 0.995],
    ['pcm_mulaw', 'aif', 0.995],
  ] as const) {
    const split = decoded(
      'aiff',
      encodedTwin(wavFile(source, 44_100), ['-c:a', codec], extension),
      'split',
      () => 1_013,
    );
    assert.equal(split.length, 2, codec);
    for (const [track, samples] of split.entries()) {
      assert.equal(samples.length, 16_000, codec);
      assert.ok(correlation(wanted[track] ?? samples, samples, 0) > least, codec);
    }
  }
});

test(
  'An aiff made by other software is read',
  {
    skip: existsSync(new URL('../../../../../shared/audio/numbers-mono-44k1.aiff', import.meta.url))
      ? false
      : 'the evaluation recordings are not beside the checkout',
  },
  () => {
    const bytes = new Uint8Array(
      readFileSync(new URL('../../../../../shared/audio/numbers-mono-44k1.aiff', import.meta.url)),
    );
    const [track] = decoded('aiff', bytes, 'mix');
    assert.ok((track?.length ?? 0) > 16_000);
    assert.ok((track ?? new Float32Array(0)).some((value) => Math.abs(value) > 0.05));
  },
);

test('16-bit samples at 16 kHz come out exactly, one byte at a time as well', () => {
  const random = seededRandom(3);
  const numbers = Int16Array.from({ length: 800 }, () => Math.floor(random() * 65_536) - 32_768);
  const bytes = wavWith({ tag: 1, bits: 16, rateHz: 16_000, channels: 1 }, new Uint8Array(numbers.buffer));
  for (const size of [1, 7, 100_000]) {
    assert.deepEqual(
      decoded('wav', bytes, 'mix', () => size)[0],
      Float32Array.from(numbers, (value) => value / 32_768),
    );
  }
});

test('A data size of 0, of all ones or beyond the body means that the file is read to its end', () => {
  const numbers = Int16Array.from({ length: 500 }, (_, i) => i);
  const data = new Uint8Array(numbers.buffer);
  for (const claimed of [0, 0xffff_ffff, 0xffff_fff0, data.length + 2]) {
    assert.equal(
      decoded('wav', wavWith({ tag: 1, bits: 16, rateHz: 16_000, channels: 1 }, data, claimed), 'mix')[0]?.length,
      500,
    );
  }
});

test('Chunks after the sound are not taken for sound', () => {
  const file = wavWith({ tag: 1, bits: 16, rateHz: 16_000, channels: 1 }, new Uint8Array(200), 100);
  assert.equal(decoded('wav', file, 'mix')[0]?.length, 50);
});

test('Chunks of odd and of huge size before the sound are passed over without being held', () => {
  const plain = wavWith({ tag: 1, bits: 16, rateHz: 16_000, channels: 1 }, new Uint8Array(100));
  const list = new Uint8Array(8 + 70_001 + 1);
  list.set([0x4c, 0x49, 0x53, 0x54, ...new Uint8Array(Uint32Array.of(70_001).buffer)]);
  const file = new Uint8Array([...plain.subarray(0, 12), ...list, ...plain.subarray(12)]);
  assert.equal(decoded('wav', file, 'mix', () => 999)[0]?.length, 50);
});

test('Headers that no recording has are refused', () => {
  const data = new Uint8Array(1_000);
  for (const format of [
    { tag: 1, bits: 16, rateHz: 0, channels: 1 },
    { tag: 1, bits: 16, rateHz: 999, channels: 1 },
    { tag: 1, bits: 16, rateHz: 384_001, channels: 1 },
    { tag: 1, bits: 16, rateHz: 16_000, channels: 0 },
    { tag: 1, bits: 16, rateHz: 16_000, channels: 9 },
    { tag: 1, bits: 16, rateHz: 16_000, channels: 65_535 },
    { tag: 1, bits: 0, rateHz: 16_000, channels: 1 },
    { tag: 1, bits: 40, rateHz: 16_000, channels: 1 },
    { tag: 3, bits: 16, rateHz: 16_000, channels: 1 },
    { tag: 0x55, bits: 16, rateHz: 16_000, channels: 1 },
  ]) {
    assert.throws(
      () => decoded('wav', wavWith(format, data), 'mix'),
      refusal('unprocessable_audio'),
      JSON.stringify(format),
    );
  }
});

test('Files without sound, cut before it or with a format of absurd size are refused', () => {
  const file = wavWith({ tag: 1, bits: 16, rateHz: 16_000, channels: 1 }, new Uint8Array(10));
  const absurd = file.slice();
  absurd.set([0xff, 0xff, 0xff, 0x7f], 16);
  for (const bytes of [
    file.slice(0, 44),
    file.slice(0, 45),
    file.slice(0, 40),
    file.slice(0, 5),
    absurd,
    new Uint8Array(0),
  ]) {
    assert.throws(() => decoded('wav', bytes, 'mix'), refusal('unprocessable_audio'));
  }
});

test('A recording is refused as soon as it is longer than the limit', () => {
  const decoder = createBoundedDecoder('wav', { channels: 'mix', limits: { maxDurationMs: 1_000, maxChannels: 8 } });
  const second = wavWith({ tag: 1, bits: 16, rateHz: 16_000, channels: 1 }, new Uint8Array(32_000), 0);
  assert.equal(decoder.push(second)[0]?.length, 16_000);
  assert.throws(() => decoder.push(new Uint8Array(2)), refusal('audio_too_long'));
});

test('The limit of channels is the one that is asked for', () => {
  const decoder = createBoundedDecoder('wav', { channels: 'mix', limits: { maxDurationMs: 1_000, maxChannels: 2 } });
  assert.throws(
    () => decoder.push(wavWith({ tag: 1, bits: 16, rateHz: 16_000, channels: 3 }, new Uint8Array(60))),
    refusal('unprocessable_audio'),
  );
});

test('Floats that are not numbers become silence and those beyond full scale are clipped', () => {
  const data = Float32Array.of(NaN, Infinity, -7, 0.25);
  const [track] = decoded(
    'wav',
    wavWith({ tag: 3, bits: 32, rateHz: 16_000, channels: 1 }, new Uint8Array(data.buffer)),
    'mix',
  );
  assert.deepEqual(track, Float32Array.of(0, 1, -1, 0.25));
});

test('Random damage to a header gives sound or a refusal, never another error', () => {
  const random = seededRandom(29);
  const clean = wavWith({ tag: 1, bits: 16, rateHz: 44_100, channels: 2 }, new Uint8Array(4_000));
  for (let round = 0; round < 2_000; round++) {
    const bytes = clean.slice();
    for (let hit = 0; hit < 4; hit++) bytes[Math.floor(random() * 60)] = Math.floor(random() * 256);
    try {
      decoded('wav', bytes, 'split', () => 1 + Math.floor(random() * 2_000));
    } catch (error) {
      assert.ok(error instanceof AsrError, String(error));
    }
  }
});

test('The size of a frame tells how wide samples are where their depth does not', () => {
  const format = (frameBytes: number, bits: number | null): Buffer => {
    const body = Buffer.alloc(bits === null ? 14 : 16);
    body.writeUInt16LE(1, 0);
    body.writeUInt16LE(1, 2);
    body.writeUInt32LE(16_000, 4);
    body.writeUInt32LE(16_000 * frameBytes, 8);
    body.writeUInt16LE(frameBytes, 12);
    if (bits !== null) body.writeUInt16LE(bits, 14);
    return body;
  };
  const file = (fmt: Buffer, data: Buffer): Buffer => {
    const chunk = (id: string, body: Buffer): Buffer =>
      Buffer.concat([Buffer.from(id), Buffer.from(Uint32Array.of(body.length).buffer), body]);
    const chunks = Buffer.concat([Buffer.from('WAVE'), chunk('fmt ', fmt), chunk('data', data)]);
    return Buffer.concat([Buffer.from('RIFF'), Buffer.from(Uint32Array.of(chunks.length).buffer), chunks]);
  };
  const values = [-0.5, 0.25, 0.125, -1];
  const wide = (bytes: number): Buffer => {
    const data = Buffer.alloc(bytes * values.length);
    for (const [i, value] of values.entries()) data.writeInt16LE(value * 32_768, (i + 1) * bytes - 2);
    return data;
  };
  for (const [frameBytes, bits] of [
    [4, 24],
    [8, 64],
    [2, 0],
    [2, null],
    [3, 24],
  ] as const)
    assert.deepEqual(
      [...(decoded('wav', file(format(frameBytes, bits), wide(frameBytes)), 'mix')[0] ?? [])],
      values,
      `${String(frameBytes)} bytes, ${String(bits)} bits`,
    );
});

test('A wav whose numbers have their highest byte first is read', () => {
  const twin = Buffer.from(wavWith({ tag: 1, bits: 16, rateHz: 16_000, channels: 2 }, Uint8Array.of(0, 64, 0, 192)));
  twin.write('RIFX', 'latin1');
  twin.subarray(4, 8).swap32();
  twin.subarray(16, 20).swap32();
  twin.subarray(20, 24).swap16();
  twin.subarray(24, 32).swap32();
  twin.subarray(32, 36).swap16();
  twin.subarray(40, 44).swap32();
  twin.subarray(44).swap16();
  assert.deepEqual(
    decoded('wav', twin, 'split').map((track) => [...track]),
    [[0.5], [-0.5]],
  );
});

test('Five minutes of sound (58 MB) go through without growing memory', async () => {
  const decoder = createBoundedDecoder('wav', { channels: 'mix', limits: LIMITS });
  decoder.push(wavWith({ tag: 1, bits: 16, rateHz: 48_000, channels: 2 }, new Uint8Array(0), 0));
  let samples = 0;
  let before = 0;
  for (let second = 0; second < 300; second++) {
    samples += decoder.push(new Uint8Array(192_000))[0]?.length ?? 0;
    if (second === 30) before = await bytesInUse();
  }
  const grown = (await bytesInUse()) - before;
  samples += decoder.finish()[0]?.length ?? 0;
  assert.equal(samples, 300 * 16_000);
  assert.ok(grown < 4 * 1_048_576, `${String(grown)} bytes more`);
});
