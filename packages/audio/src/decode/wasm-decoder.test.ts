import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AsrError } from '@murmuration/contracts/errors';
import { refusal } from '@murmuration/contracts/testing';
import type { Container } from './container.js';
import {
  LIMITS,
  WITHOUT_FFMPEG,
  bytesInUse,
  collected,
  correlation,
  encodedTwin,
  inPieces,
  seededRandom,
  voice,
  wavFile,
} from './testing/encoded-twins.js';
import type { ExternalDecodeOptions } from './external-decoding.js';
import { decodeWithWasm } from './wasm-decoder.js';

/** The encoded twins are made by ffmpeg; the decoding here does without it. */
const skip = WITHOUT_FFMPEG;
const options = (container: Container, more: Partial<ExternalDecodeOptions> = {}): ExternalDecodeOptions => ({
  container,
  channels: 'split',
  limits: LIMITS,
  signal: new AbortController().signal,
  ...more,
});
const SECONDS = 3;
const wavOf = (rateHz: number, channels: number): Uint8Array => wavFile(voice(SECONDS, rateHz, channels), rateHz);

const TWINS: readonly {
  readonly container: Container;
  readonly argv: string[];
  readonly extension: string;
  readonly codec: string;
  readonly rateHz?: number;
  readonly channels?: number;
  readonly sourceHz?: number;
  readonly least?: number;
  readonly lag?: number;
  readonly spare?: number;
}[] = [
  { container: 'mp3', argv: ['-b:a', '128k'], extension: 'mp3', codec: 'mp3' },
  { container: 'mp3', argv: ['-q:a', '4'], extension: 'mp3', codec: 'mp3', rateHz: 22_050, channels: 1 },
  { container: 'flac', argv: [], extension: 'flac', codec: 'flac' },
  { container: 'flac', argv: ['-sample_fmt', 's32'], extension: 'flac', codec: 'flac', rateHz: 48_000, channels: 1 },
  { container: 'flac', argv: ['-sample_fmt', 's16'], extension: 'flac', codec: 'flac', rateHz: 16_000, channels: 1 },
  { container: 'ogg', argv: ['-c:a', 'libvorbis', '-q:a', '6'], extension: 'ogg', codec: 'vorbis' },
  {
    container: 'ogg',
    argv: ['-c:a', 'libopus', '-b:a', '128k'],
    extension: 'opus',
    codec: 'opus',
    sourceHz: 48_000,
    least: 0.99,
  },
  {
    container: 'ogg',
    argv: ['-c:a', 'libopus', '-b:a', '32k'],
    extension: 'opus',
    codec: 'opus',
    rateHz: 16_000,
    channels: 1,
    sourceHz: 48_000,
    least: 0.95,
  },
  { container: 'ogg', argv: ['-c:a', 'flac'], extension: 'oga', codec: 'flac' },
  {
    container: 'webm',
    argv: ['-c:a', 'libopus', '-b:a', '128k'],
    extension: 'webm',
    codec: 'opus',
    sourceHz: 48_000,
    least: 0.99,
  },
  { container: 'webm', argv: ['-c:a', 'libvorbis', '-q:a', '6'], extension: 'webm', codec: 'vorbis', spare: 200 },
  {
    container: 'webm',
    argv: ['-c:a', 'libopus', '-b:a', '128k', '-live', '1'],
    extension: 'webm',
    codec: 'opus',
    sourceHz: 48_000,
    least: 0.99,
    spare: 330,
  },
  { container: 'matroska', argv: ['-c:a', 'flac'], extension: 'mkv', codec: 'flac' },
  {
    container: 'matroska',
    argv: ['-c:a', 'mp3', '-b:a', '128k'],
    extension: 'mkv',
    codec: 'mp3',
    lag: 500,
    spare: 800,
  },
];

for (const twin of TWINS) {
  const {
    container,
    argv,
    extension,
    codec,
    rateHz = 44_100,
    channels = 2,
    least = 0.995,
    lag = 20,
    spare = 20,
  } = twin;
  test(
    `WASM gives the sound of its wav twin: ${codec} in ${extension} ${argv.join(' ')} from ${String(rateHz)} Hz, ${String(channels)} channels`,
    { skip },
    async () => {
      const bytes = encodedTwin(wavOf(rateHz, channels), argv, extension);
      const decoding = decodeWithWasm(inPieces(bytes, 3_001), options(container));
      const tracks = await collected(decoding.pcm);
      assert.equal(tracks.length, channels);
      assert.deepEqual(decoding.format(), { container, codec, sampleRateHz: twin.sourceHz ?? rateHz, channels });
      assert.deepEqual(decoding.warnings(), []);
      const wanted = voice(SECONDS, 16_000, channels);
      for (const [track, samples] of tracks.entries()) {
        assert.ok(Math.abs(samples.length - SECONDS * 16_000) <= spare, `${String(samples.length)} samples`);
        const alike = correlation(wanted[track] ?? samples, samples, lag);
        assert.ok(alike > least, String(alike));
      }
      const mixed = await collected(
        decodeWithWasm(inPieces(bytes, 70_000), options(container, { channels: 'mix' })).pcm,
      );
      assert.deepEqual(
        mixed.map((track) => track.length),
        [tracks[0]?.length],
      );
    },
  );
}

test('The sound of a video webm is decoded, its picture is passed over', { skip }, async () => {
  const bytes = encodedTwin(wavOf(48_000, 2), ['-c:v', 'libvpx', '-c:a', 'libopus', '-shortest'], 'webm', [
    '-f',
    'lavfi',
    '-i',
    'testsrc=d=3:s=64x48:r=10',
  ]);
  const [track] = await collected(decodeWithWasm(inPieces(bytes, 777), options('webm', { channels: 'mix' })).pcm);
  assert.ok(Math.abs((track?.length ?? 0) - 48_000) < 400);
});

test('AMR frames are decoded', async () => {
  // Sixty frames of 12.2 kbit/s without any bit set decode to something; ffmpeg here has no AMR encoder to make a twin with.
  const file = new Uint8Array(6 + 60 * 32);
  file.set(Buffer.from('#!AMR\n'));
  for (let frame = 0; frame < 60; frame++) file[6 + frame * 32] = 0x3c;
  const decoding = decodeWithWasm(inPieces(file, 11), options('amr'));
  const tracks = await collected(decoding.pcm);
  assert.deepEqual(
    tracks.map((track) => track.length),
    [60 * 320],
  );
  assert.deepEqual(decoding.format(), { container: 'amr', codec: 'amr_nb', sampleRateHz: 8_000, channels: 1 });
});

test('Truncated files keep their sound and carry a warning', { skip }, async () => {
  for (const [container, extension, argv] of [
    ['mp3', 'mp3', []],
    ['flac', 'flac', []],
    ['ogg', 'ogg', ['-c:a', 'libvorbis']],
    ['webm', 'webm', ['-c:a', 'libopus']],
  ] as const) {
    const bytes = encodedTwin(wavOf(48_000, 2), argv, extension);
    const decoding = decodeWithWasm(
      inPieces(bytes.subarray(0, Math.floor(bytes.length * 0.6)), 4_096),
      options(container),
    );
    const [track] = await collected(decoding.pcm);
    assert.ok((track?.length ?? 0) > 16_000, extension);
    assert.deepEqual(
      decoding.warnings().map((warning) => warning.code),
      ['truncated_audio'],
      extension,
    );
  }
});

test('Formats that only ffmpeg reads are refused by its name', { skip }, async () => {
  for (const container of ['mp4', 'adts', 'avi', 'mpegts', 'asf', 'caf', 'wav'] as const) {
    assert.throws(
      () => decodeWithWasm(inPieces(new Uint8Array(10), 5), options(container)),
      (error) => error instanceof AsrError && error.code === 'decoder_unavailable' && error.message.includes('ffmpeg'),
    );
  }
  const aac = encodedTwin(wavOf(48_000, 2), ['-c:a', 'aac'], 'mkv');
  await assert.rejects(
    collected(decodeWithWasm(inPieces(aac, 5_000), options('matroska')).pcm),
    (error) => error instanceof AsrError && error.code === 'decoder_unavailable' && error.message.includes('A_AAC'),
  );
  const speex = encodedTwin(wavOf(16_000, 1), ['-c:a', 'libspeex'], 'ogg');
  await assert.rejects(
    collected(decodeWithWasm(inPieces(speex, 5_000), options('ogg')).pcm),
    refusal('decoder_unavailable'),
  );
});

test('Files without any sound are refused', async () => {
  const starts: readonly [Container, Uint8Array][] = [
    ['mp3', new Uint8Array(0)],
    ['flac', Buffer.from('fLaC')],
    ['ogg', Buffer.from('OggS')],
    ['webm', Uint8Array.of(0x1a, 0x45, 0xdf, 0xa3, 0x80)],
    ['amr', Buffer.from('#!AMR\n')],
  ];
  for (const [container, start] of starts) {
    const noise = new Uint8Array(50_000).fill(0x55);
    noise.set(start);
    await assert.rejects(
      collected(
        decodeWithWasm(inPieces(noise.subarray(0, container === 'amr' ? 6 : 50_000), 4_096), options(container)).pcm,
      ),
      refusal('unprocessable_audio'),
      container,
    );
  }
});

test('A recording longer than the limit is refused', { skip }, async () => {
  const bytes = encodedTwin(wavOf(44_100, 1), [], 'flac');
  await assert.rejects(
    collected(
      decodeWithWasm(inPieces(bytes, 4_096), options('flac', { limits: { maxDurationMs: 1_000, maxChannels: 8 } })).pcm,
    ),
    refusal('audio_too_long'),
  );
});

test('An abort ends the thread and answers cancelled, also while the source is silent', { skip }, async () => {
  const bytes = encodedTwin(wavOf(44_100, 1), [], 'flac');
  const abort = new AbortController();
  const silent = async function* (): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(bytes);
    abort.abort();
    await new Promise<never>(() => undefined);
  };
  await assert.rejects(
    collected(decodeWithWasm(silent(), options('flac', { signal: abort.signal })).pcm),
    refusal('cancelled'),
  );
});

test('A decoder that is not done in time is ended with its thread', { skip }, async () => {
  const bytes = encodedTwin(wavOf(44_100, 2), [], 'flac');
  await assert.rejects(
    collected(decodeWithWasm(inPieces(bytes, 65_536), options('flac', { stallMs: 1 })).pcm),
    refusal('unprocessable_audio'),
  );
});

test('Random damage gives sound or a refusal, never another error', { skip }, async () => {
  const random = seededRandom(41);
  for (const [container, extension, argv] of [
    ['mp3', 'mp3', []],
    ['flac', 'flac', []],
    ['ogg', 'ogg', ['-c:a', 'libvorbis']],
    ['ogg', 'opus', []],
    ['webm', 'webm', ['-c:a', 'libopus']],
  ] as const) {
    const clean = encodedTwin(wavFile(voice(1, 16_000, 1), 16_000), argv, extension);
    for (let round = 0; round < 4; round++) {
      const bytes = clean.slice();
      for (let hit = 0; hit < 1 + round * 8; hit++)
        bytes[Math.floor(random() * (round % 2 === 0 ? bytes.length : 400))] = Math.floor(random() * 256);
      try {
        await collected(decodeWithWasm(inPieces(bytes, 4_096), options(container)).pcm);
      } catch (error) {
        assert.ok(
          error instanceof AsrError &&
            ['unprocessable_audio', 'decoder_unavailable', 'audio_too_long'].includes(error.code),
          `${extension} ${String(round)}: ${String(error)}`,
        );
      }
    }
  }
});

test('A long stream goes through without growing memory', { skip }, async () => {
  const second = encodedTwin(
    wavFile(voice(10, 16_000, 1), 16_000),
    ['-b:a', '64k', '-write_xing', '0', '-id3v2_version', '0'],
    'mp3',
  );
  const long = async function* (): AsyncGenerator<Uint8Array> {
    for (let round = 0; round < 120; round++) yield await Promise.resolve(second.slice());
  };
  let samples = 0;
  let before = 0;
  for await (const piece of decodeWithWasm(long(), options('mp3')).pcm) {
    samples += piece[0]?.length ?? 0;
    if (before === 0 && samples > 1_600_000) before = await bytesInUse();
  }
  const grown = (await bytesInUse()) - before;
  assert.ok(samples > 1_190 * 16_000, String(samples));
  assert.ok(grown < 8 * 1_048_576, `${String(grown)} bytes more`);
});
