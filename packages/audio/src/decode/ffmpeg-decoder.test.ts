import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { after, test } from 'node:test';
import { refusal } from '@murmuration/contracts/testing';
import type { Container } from './container.js';
import { collected, correlation, encodedTwin, inPieces } from './testing/encoded-twins.js';
import { decodeWithFfmpeg } from './ffmpeg-decoder.js';
import { options, skip, spoolDir, twin16k, wav } from './testing/ffmpeg-decoding.js';

after(() => {
  rmSync(spoolDir, { recursive: true });
});

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
