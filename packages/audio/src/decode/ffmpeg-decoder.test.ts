import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { AsrError } from '@murmuration/contracts/errors';
import type { Container } from './container.js';
import {
  LIMITS,
  WITHOUT_FFMPEG,
  bytesInUse,
  collected,
  correlation,
  encodedTwin,
  ffmpeg,
  inPieces,
  voice,
  wavFile,
} from './testing/encoded-twins.js';
import { decodeWithFfmpeg, type FfmpegDecodeOptions } from './ffmpeg-decoder.js';
import { findFfmpeg } from './ffmpeg-command.js';

const skip = WITHOUT_FFMPEG;
const spoolDir = mkdtempSync(join(tmpdir(), 'murmuration-spool-'));
after(() => {
  rmSync(spoolDir, { recursive: true });
});

const refusal =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof AsrError && error.code === code;
const options = (container: Container, more: Partial<FfmpegDecodeOptions> = {}): FfmpegDecodeOptions => {
  if (ffmpeg === null) throw new Error('this test needs ffmpeg');
  return {
    container,
    channels: 'split',
    limits: LIMITS,
    signal: new AbortController().signal,
    ffmpeg,
    spoolDir,
    maxSpoolBytes: 100_000_000,
    ...more,
  };
};
const source = voice(3, 48_000, 2);
const wav = wavFile(source, 48_000);
const twin16k = [voice(3, 16_000, 2)[0], voice(3, 16_000, 2)[1]] as const;

const TWINS: readonly {
  readonly container: Container;
  readonly argv: string[];
  readonly extension: string;
  readonly codec: string;
  readonly least?: number;
  readonly spareSamples?: number;
  readonly mono?: boolean;
  readonly lag?: number;
}[] = [
  { container: 'mp3', argv: ['-b:a', '128k'], extension: 'mp3', codec: 'mp3' },
  { container: 'mp4', argv: ['-c:a', 'aac', '-b:a', '128k'], extension: 'm4a', codec: 'aac', spareSamples: 1_100 },
  {
    container: 'mp4',
    argv: ['-c:a', 'aac', '-b:a', '128k', '-movflags', 'faststart'],
    extension: 'mp4',
    codec: 'aac',
    spareSamples: 1_100,
  },
  {
    container: 'mp4',
    argv: ['-c:a', 'aac', '-movflags', 'frag_keyframe+empty_moov'],
    extension: 'mp4',
    codec: 'aac',
    spareSamples: 2_200,
    lag: 1_100,
  },
  { container: 'mp4', argv: ['-c:a', 'alac'], extension: 'mov', codec: 'alac' },
  {
    container: 'adts',
    argv: ['-c:a', 'aac', '-b:a', '128k'],
    extension: 'aac',
    codec: 'aac',
    spareSamples: 1_100,
    lag: 1_100,
  },
  { container: 'flac', argv: [], extension: 'flac', codec: 'flac' },
  { container: 'ogg', argv: ['-c:a', 'libvorbis', '-b:a', '128k'], extension: 'ogg', codec: 'vorbis' },
  { container: 'ogg', argv: ['-c:a', 'libopus', '-b:a', '128k'], extension: 'opus', codec: 'opus', least: 0.97 },
  { container: 'ogg', argv: ['-c:a', 'flac'], extension: 'oga', codec: 'flac' },
  {
    container: 'webm',
    argv: ['-c:a', 'libopus', '-b:a', '128k'],
    extension: 'webm',
    codec: 'opus',
    least: 0.97,
    spareSamples: 400,
  },
  {
    container: 'matroska',
    argv: ['-c:a', 'aac', '-b:a', '128k'],
    extension: 'mkv',
    codec: 'aac',
    spareSamples: 1_500,
    lag: 1_100,
  },
  {
    container: 'avi',
    argv: ['-c:a', 'mp3', '-b:a', '128k'],
    extension: 'avi',
    codec: 'mp3',
    spareSamples: 1_500,
    lag: 1_100,
  },
  { container: 'caf', argv: ['-c:a', 'pcm_s16be'], extension: 'caf', codec: 'pcm_s16be' },
  {
    container: 'mpegts',
    argv: ['-c:a', 'aac', '-b:a', '128k'],
    extension: 'ts',
    codec: 'aac',
    spareSamples: 2_200,
    lag: 1_100,
  },
  {
    container: 'asf',
    argv: ['-c:a', 'wmav2', '-b:a', '128k'],
    extension: 'wma',
    codec: 'wmav2',
    spareSamples: 4_000,
    lag: 1_100,
  },
  { container: 'wav', argv: ['-c:a', 'adpcm_ms'], extension: 'wav', codec: 'adpcm_ms', spareSamples: 400 },
  { container: 'wav', argv: ['-c:a', 'adpcm_ima_wav'], extension: 'wav', codec: 'adpcm_ima_wav', spareSamples: 400 },
];

for (const twin of TWINS) {
  test(
    `ffmpeg gives the sound of its wav twin: ${twin.codec} in ${twin.extension} ${twin.argv.join(' ')}`,
    { skip },
    async () => {
      const decoding = decodeWithFfmpeg(
        inPieces(encodedTwin(wav, twin.argv, twin.extension), 10_007),
        options(twin.container),
      );
      const tracks = await collected(decoding.pcm);
      assert.equal(tracks.length, 2);
      assert.deepEqual(decoding.format(), {
        container: twin.container,
        codec: twin.codec,
        sampleRateHz: 48_000,
        channels: 2,
      });
      assert.deepEqual(decoding.warnings(), []);
      for (const [track, samples] of tracks.entries()) {
        assert.ok(Math.abs(samples.length - 48_000) <= (twin.spareSamples ?? 20), `${String(samples.length)} samples`);
        const alike = correlation(twin16k[track] ?? samples, samples, twin.lag ?? 20);
        assert.ok(alike > (twin.least ?? 0.99), String(alike));
      }
      assert.deepEqual(readdirSync(spoolDir), []);
    },
  );
}

test('The sound of a video is decoded, its picture is not', { skip }, async () => {
  const picture = ['-f', 'lavfi', '-i', 'testsrc=d=3:s=64x48:r=10'];
  for (const [container, extension] of [
    ['mp4', 'mp4'],
    ['matroska', 'mkv'],
    ['avi', 'avi'],
  ] as const) {
    const bytes = encodedTwin(wav, ['-c:v', 'mpeg4', '-c:a', 'mp3', '-shortest'], extension, picture);
    const decoding = decodeWithFfmpeg(inPieces(bytes, 50_000), options(container, { channels: 'mix' }));
    const tracks = await collected(decoding.pcm);
    assert.equal(tracks.length, 1);
    assert.ok((tracks[0]?.length ?? 0) > 46_000, extension);
    assert.deepEqual(decoding.warnings(), []);
  }
});

test('A mix is the average of the channels', { skip }, async () => {
  const bytes = encodedTwin(wav, [], 'flac');
  const [mixed = new Float32Array(0)] = await collected(
    decodeWithFfmpeg(inPieces(bytes, 4_096), options('flac', { channels: 'mix' })).pcm,
  );
  const split = await collected(decodeWithFfmpeg(inPieces(bytes, 4_096), options('flac')).pcm);
  const average = Float32Array.from(mixed, (_, i) => ((split[0]?.[i] ?? 0) + (split[1]?.[i] ?? 0)) / 2);
  assert.ok(correlation(average, mixed, 0) > 0.999999);
});

test('A truncated mp3 keeps its sound and carries a warning', { skip }, async () => {
  const bytes = encodedTwin(wav, ['-b:a', '128k'], 'mp3');
  const decoding = decodeWithFfmpeg(inPieces(bytes.subarray(0, bytes.length / 2), 4_096), options('mp3'));
  const [track] = await collected(decoding.pcm);
  assert.ok((track?.length ?? 0) > 20_000 && (track?.length ?? 0) < 26_000);
  assert.deepEqual(
    decoding.warnings().map((warning) => warning.code),
    ['truncated_audio'],
  );
});

test(
  'A cut mp4 is sound with a warning when its index came first, and a refusal when it was to come last',
  { skip },
  async () => {
    const first = encodedTwin(wav, ['-c:a', 'aac', '-movflags', 'faststart'], 'mp4');
    const decoding = decodeWithFfmpeg(inPieces(first.subarray(0, (first.length * 2) / 3), 4_096), options('mp4'));
    const [track] = await collected(decoding.pcm);
    assert.ok((track?.length ?? 0) > 16_000);
    assert.deepEqual(
      decoding.warnings().map((warning) => warning.code),
      ['truncated_audio'],
    );
    const last = encodedTwin(wav, ['-c:a', 'aac'], 'mp4');
    await assert.rejects(
      collected(decodeWithFfmpeg(inPieces(last.subarray(0, last.length / 2), 4_096), options('mp4')).pcm),
      refusal('unprocessable_audio'),
    );
    assert.deepEqual(readdirSync(spoolDir), []);
  },
);

test('A file without a sound track, and bytes that only start like one, are refused', { skip }, async () => {
  const silent = encodedTwin(wav, ['-map', '0:v', '-c:v', 'mpeg4'], 'mkv', [
    '-f',
    'lavfi',
    '-i',
    'testsrc=d=1:s=64x48:r=10',
  ]);
  await assert.rejects(
    collected(decodeWithFfmpeg(inPieces(silent, 4_096), options('matroska')).pcm),
    (error) =>
      error instanceof AsrError && error.code === 'unprocessable_audio' && error.message.includes('no sound track'),
  );
  const noise = new Uint8Array(100_000).fill(0x55);
  for (const container of ['mp3', 'ogg', 'flac', 'mp4', 'asf'] as const) {
    await assert.rejects(
      collected(decodeWithFfmpeg(inPieces(noise, 4_096), options(container)).pcm),
      refusal('unprocessable_audio'),
      container,
    );
  }
});

test('A recording longer than the limit is refused', { skip }, async () => {
  const bytes = encodedTwin(wav, [], 'flac');
  await assert.rejects(
    collected(
      decodeWithFfmpeg(inPieces(bytes, 4_096), options('flac', { limits: { maxDurationMs: 1_000, maxChannels: 8 } }))
        .pcm,
    ),
    refusal('audio_too_long'),
  );
});

test('Playlists that name an address are never fetched, whatever they are taken for', { skip }, async () => {
  let hits = 0;
  const server = createServer((_, response) => {
    hits += 1;
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/canary.ts`;
  try {
    for (const text of [
      `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n${url}\n#EXT-X-ENDLIST\n`,
      `ffconcat version 1.0\nfile ${url}\n`,
    ]) {
      for (const container of ['wav', 'mp3', 'mp4', 'ogg', 'mpegts', 'avi', 'asf'] as const) {
        await assert.rejects(
          collected(decodeWithFfmpeg(inPieces(new Uint8Array(Buffer.from(text)), 4_096), options(container)).pcm),
          refusal('unprocessable_audio'),
        );
      }
    }
    assert.equal(hits, 0);
  } finally {
    server.close();
  }
});

test(
  'An abort ends the child, answers cancelled and leaves nothing, also while the source is silent',
  { skip },
  async () => {
    const bytes = encodedTwin(wav, [], 'flac');
    for (const container of ['flac', 'mp4'] as const) {
      const abort = new AbortController();
      const silent = async function* (): AsyncGenerator<Uint8Array> {
        yield bytes;
        queueMicrotask(() => {
          abort.abort();
        });
        await new Promise<never>(() => undefined);
      };
      await assert.rejects(
        collected(decodeWithFfmpeg(silent(), options(container, { signal: abort.signal })).pcm),
        refusal('cancelled'),
      );
      assert.deepEqual(readdirSync(spoolDir), []);
    }
  },
);

test('The error of a source is told as it is', { skip }, async () => {
  for (const container of ['flac', 'mp4'] as const) {
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(new Uint8Array(1_000));
      throw new AsrError('file_too_large');
    };
    await assert.rejects(collected(decodeWithFfmpeg(failing(), options(container)).pcm), refusal('file_too_large'));
  }
  assert.deepEqual(readdirSync(spoolDir), []);
});

test('A spooled file may not be larger than its limit', { skip }, async () => {
  await assert.rejects(
    collected(decodeWithFfmpeg(inPieces(new Uint8Array(2_000), 300), options('mp4', { maxSpoolBytes: 1_000 })).pcm),
    refusal('file_too_large'),
  );
  assert.deepEqual(readdirSync(spoolDir), []);
});

test('A reader that leaves early ends the child and the source', { skip }, async () => {
  let ended = false;
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield await Promise.resolve(wav.slice());
    } finally {
      ended = true;
    }
  };
  for await (const piece of decodeWithFfmpeg(endless(), options('wav')).pcm) {
    assert.equal(piece.length, 2);
    break;
  }
  assert.equal(ended, true);
});

test(
  'A decoder that takes its input and gives nothing is ended',
  { skip: process.platform === 'win32' ? 'needs a POSIX shell' : skip },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'murmuration-stuck-'));
    try {
      const path = join(folder, 'stuck');
      writeFileSync(path, '#!/bin/sh\nwhile :; do :; done\n');
      chmodSync(path, 0o700);
      const stuck = options('mp3');
      await assert.rejects(
        collected(
          decodeWithFfmpeg(inPieces(new Uint8Array(300_000), 4_096), {
            ...stuck,
            ffmpeg: { ...stuck.ffmpeg, path },
            stallMs: 200,
          }).pcm,
        ),
        refusal('unprocessable_audio'),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

test('A long stream goes through without growing memory, and no faster than it is read', { skip }, async () => {
  let fed = 0;
  const long = async function* (): AsyncGenerator<Uint8Array> {
    const header = wavFile([new Float32Array(0)], 16_000);
    yield await Promise.resolve(header);
    for (let second = 0; second < 1_200; second++) {
      fed += 1;
      yield new Uint8Array(64_000);
    }
  };
  let samples = 0;
  let before = 0;
  let ahead = 0;
  for await (const piece of decodeWithFfmpeg(long(), options('wav', { channels: 'mix' })).pcm) {
    samples += piece[0]?.length ?? 0;
    ahead = Math.max(ahead, fed - samples / 16_000);
    if (before === 0 && samples > 160_000) before = await bytesInUse();
  }
  const grown = (await bytesInUse()) - before;
  assert.equal(samples, 1_200 * 16_000);
  assert.ok(grown < 8 * 1_048_576, `${String(grown)} bytes more`);
  assert.ok(ahead < 60, `${String(ahead)} seconds were taken in before they were needed`);
});

test('ffmpeg is looked for on the given path, and a wrong FFMPEG_PATH is named', async () => {
  assert.equal(await findFfmpeg({ ffmpegPath: null, searchPath: spoolDir }), null);
  await assert.rejects(findFfmpeg({ ffmpegPath: join(spoolDir, 'none'), searchPath: '' }), /FFMPEG_PATH/);
  await assert.rejects(findFfmpeg({ ffmpegPath: process.execPath, searchPath: '' }), /FFMPEG_PATH/);
});
