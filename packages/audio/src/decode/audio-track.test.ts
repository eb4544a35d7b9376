import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AsrError } from '@murmuration/contracts/errors';
import type { FfmpegProgram } from './ffmpeg-command.js';
import { WITHOUT_FFMPEG, collected, encodedTwin, ffmpeg, opened, voice, wavFile } from './testing/encoded-twins.js';
import { type OpenedDecoding } from './open-decoding.js';

const skip = WITHOUT_FFMPEG;
const wav = wavFile(voice(4, 48_000, 2), 48_000);
/** Before the voice of 4 s with two channels comes a tone of 2 s with one. */
const tone = ['-f', 'lavfi', '-i', 'sine=d=2:r=48000'];
const both = ['-map', '0:a', '-map', '1:a'];
const secondIsDefault = ['-disposition:a:0', '0', '-disposition:a:1', 'default'];
const firstIsDefault = ['-disposition:a:0', 'default', '-disposition:a:1', '0'];

function open(bytes: Uint8Array, track: number | null, program: FfmpegProgram | null): Promise<OpenedDecoding> {
  return opened(bytes, program, 1_009, { track });
}

/** Whole seconds of the track that was decoded, which tell it from the other. */
async function secondsOf(
  bytes: Uint8Array,
  track: number | null,
  program: FfmpegProgram | null,
): Promise<{ seconds: number; codec: string | undefined }> {
  const opened = await open(bytes, track, program);
  assert.ok(opened.kind === 'external');
  const [samples] = await collected(opened.pcm);
  return { seconds: Math.round((samples?.length ?? 0) / 16_000), codec: opened.format()?.codec };
}

const KINDS: readonly {
  readonly extension: string;
  readonly argv: string[];
  readonly wasm?: boolean;
  readonly marks?: boolean;
}[] = [
  { extension: 'mkv', argv: ['-c:a', 'aac'], marks: true },
  { extension: 'mkv', argv: ['-c:a', 'flac'], wasm: true, marks: true },
  { extension: 'webm', argv: ['-c:a', 'libopus'], wasm: true, marks: true },
  { extension: 'webm', argv: ['-c:a', 'libvorbis', '-live', '1'], wasm: true, marks: true },
  { extension: 'mp4', argv: ['-c:a', 'aac'], marks: true },
  { extension: 'mov', argv: ['-c:a', 'pcm_s16le'], marks: true },
  { extension: 'm4a', argv: ['-c:a', 'aac', '-movflags', 'faststart'], marks: true },
  { extension: 'mp4', argv: ['-c:a', 'aac', '-movflags', 'frag_keyframe+empty_moov+delay_moov'], marks: true },
  { extension: 'ogg', argv: ['-c:a', 'libopus'], wasm: true },
  { extension: 'ogg', argv: ['-c:a', 'libvorbis'], wasm: true },
  { extension: 'ts', argv: ['-c:a', 'aac'] },
  { extension: 'mpg', argv: ['-c:a', 'mp2'] },
  { extension: 'avi', argv: ['-c:a', 'mp3'] },
  { extension: 'wmv', argv: ['-c:a', 'wmav2'] },
];

for (const { extension, argv, wasm = false, marks = false } of KINDS) {
  test(
    `Of several audio tracks the default or the chosen one is decoded: ${extension} ${argv.join(' ')}`,
    { skip },
    async () => {
      const first = encodedTwin(wav, [...both, ...argv, ...firstIsDefault], extension, tone);
      const second = encodedTwin(wav, [...both, ...argv, ...secondIsDefault], extension, tone);
      for (const program of wasm ? [ffmpeg, null] : [ffmpeg]) {
        const name = program === null ? 'WASM' : 'ffmpeg';
        assert.equal((await secondsOf(first, null, program)).seconds, 2, `${name}, the first is the default`);
        assert.equal((await secondsOf(second, null, program)).seconds, marks ? 4 : 2, `${name}, the second is marked`);
        assert.equal((await secondsOf(second, 0, program)).seconds, 2, `${name}, 0`);
        assert.equal((await secondsOf(first, 1, program)).seconds, 4, `${name}, 1`);
        await assert.rejects(
          secondsOf(first, 2, program),
          (error) =>
            error instanceof AsrError &&
            error.code === 'invalid_field' &&
            error.param === 'track' &&
            error.message.includes('2 audio tracks, 0 to 1'),
          name,
        );
      }
    },
  );
}

test('A file whose container holds one track has no other, and a video without sound has none', { skip }, async () => {
  const refused =
    (code: string) =>
    (error: unknown): boolean =>
      error instanceof AsrError &&
      error.code === code &&
      (code !== 'invalid_field' || error.message.includes('one audio track, which is 0'));
  for (const [extension, argv] of [
    ['mp3', []],
    ['flac', []],
    ['aac', ['-c:a', 'aac']],
  ] as const) {
    const bytes = encodedTwin(wav, argv, extension);
    assert.equal((await secondsOf(bytes, 0, ffmpeg)).seconds, 4, extension);
    await assert.rejects(secondsOf(bytes, 1, ffmpeg), refused('invalid_field'), extension);
  }
  assert.equal((await open(wav, 0, ffmpeg)).kind, 'bounded');
  for (const program of [ffmpeg, null]) await assert.rejects(open(wav, 1, program), refused('invalid_field'));
  const single = encodedTwin(wav, ['-c:a', 'libopus'], 'webm');
  for (const program of [ffmpeg, null]) await assert.rejects(secondsOf(single, 1, program), refused('invalid_field'));
  const silent = encodedTwin(wav, ['-map', '0:v', '-c:v', 'mpeg4'], 'mkv', [
    '-f',
    'lavfi',
    '-i',
    'testsrc=d=1:s=64x48:r=10',
  ]);
  for (const track of [null, 1]) await assert.rejects(secondsOf(silent, track, ffmpeg), refused('unprocessable_audio'));
});

test('A track of an unknown codec beside the one that is decoded does no harm', { skip }, async () => {
  const mkv = Buffer.from(
    encodedTwin(wav, [...both, '-c:a:0', 'mp3', '-c:a:1', 'aac', ...firstIsDefault], 'mkv', tone),
  );
  mkv.write('A_XYZ', mkv.indexOf('A_AAC'), 'latin1');
  const mp4 = Buffer.from(
    encodedTwin(wav, [...both, '-c:a:0', 'alac', '-c:a:1', 'aac', ...secondIsDefault], 'mov', tone),
  );
  mp4.write('xyzz', mp4.lastIndexOf('alac', mp4.lastIndexOf('alac') - 8), 'latin1');
  assert.deepEqual(
    [await secondsOf(mkv, null, ffmpeg), (await secondsOf(mkv, null, null)).seconds],
    [{ seconds: 2, codec: 'mp3' }, 2],
  );
  await assert.rejects(
    secondsOf(mkv, 1, ffmpeg),
    (error) => error instanceof AsrError && error.code === 'unprocessable_audio',
  );
  assert.deepEqual(await secondsOf(mp4, null, ffmpeg), { seconds: 4, codec: 'aac' });
});
