import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBoundedDecoder } from './bounded-decoder.js';
import {
  LIMITS,
  WITHOUT_FFMPEG,
  collected,
  encodedTwin,
  ffmpeg,
  opened,
  voice,
  wavFile,
} from './testing/encoded-twins.js';
import type { FfmpegProgram } from './ffmpeg-command.js';

const skip = WITHOUT_FFMPEG;
const [mono = new Float32Array(0)] = voice(4, 16_000, 1);
const wav = wavFile([mono], 16_000);
const picture = ['-f', 'lavfi', '-i', 'testsrc=d=4:s=64x48:r=10'];
const withPicture = (video: string, ...argv: string[]): string[] => [
  '-map',
  '0:v',
  '-map',
  '1:a',
  '-c:v',
  video,
  ...argv,
];

async function warningsOf(bytes: Uint8Array, program: FfmpegProgram | null): Promise<string> {
  const decoding = await opened(bytes, program);
  if (decoding.kind === 'external') {
    await collected(decoding.pcm);
    return decoding
      .warnings()
      .map(({ code }) => code)
      .join();
  }
  const decoder = createBoundedDecoder(decoding.container, { channels: 'mix', limits: LIMITS });
  for await (const piece of decoding.source) decoder.push(piece);
  decoder.finish();
  return decoder.warnings.map(({ code }) => code).join();
}

/** `silent`: nothing in the file tells that its bytes are others, as with bare samples. */
const KINDS: readonly {
  readonly extension: string;
  readonly argv: readonly string[];
  readonly picture?: boolean;
  readonly wasm?: boolean;
  readonly silent?: boolean;
}[] = [
  { extension: 'aac', argv: ['-c:a', 'aac'] },
  { extension: 'mp3', argv: [], wasm: true },
  { extension: 'mp3', argv: ['-write_xing', '0'], wasm: true },
  { extension: 'ac3', argv: ['-ar', '48000'] },
  { extension: 'flac', argv: [], wasm: true },
  { extension: 'ogg', argv: ['-c:a', 'libvorbis'], wasm: true },
  { extension: 'ogg', argv: ['-c:a', 'libopus'], wasm: true },
  { extension: 'webm', argv: ['-c:a', 'libopus'], wasm: true },
  { extension: 'mkv', argv: withPicture('mpeg4', '-c:a', 'aac'), picture: true },
  { extension: 'm4a', argv: ['-c:a', 'aac', '-movflags', 'faststart'] },
  { extension: 'mp4', argv: ['-c:a', 'aac', '-movflags', 'frag_keyframe+empty_moov', '-frag_duration', '500000'] },
  { extension: 'caf', argv: ['-c:a', 'pcm_s16be'], silent: true },
  { extension: 'avi', argv: ['-c:a', 'mp3'] },
  { extension: 'avi', argv: ['-c:a', 'pcm_s16le'], silent: true },
  { extension: 'ts', argv: ['-c:a', 'aac'] },
  { extension: 'ts', argv: withPicture('mpeg2video', '-c:a', 'mp2'), picture: true },
  { extension: 'mpg', argv: withPicture('mpeg2video', '-r', '25', '-c:a', 'mp2', '-ar', '44100'), picture: true },
  { extension: 'wma', argv: ['-c:a', 'wmav2'], silent: true },
  { extension: 'flv', argv: ['-c:a', 'mp3', '-ar', '44100'] },
  { extension: 'au', argv: ['-c:a', 'pcm_s16be'], silent: true },
  { extension: 'wav', argv: ['-c:a', 'adpcm_ms'] },
  { extension: 'w64', argv: ['-c:a', 'adpcm_ms'], silent: true },
  { extension: 'w64', argv: ['-c:a', 'pcm_s16le'], wasm: true, silent: true },
];

for (const { extension, argv, wasm = false, silent = false, ...kind } of KINDS) {
  test(
    `A cut file says truncated_audio, a damaged one damaged_audio, a whole one neither: ${extension} ${argv.join(' ')}`,
    { skip },
    async () => {
      const whole = Buffer.from(encodedTwin(wav, argv, extension, kind.picture === true ? picture : []));
      // Not at the end of a packet, where nothing would tell it in streams without a declared length.
      const cut = whole.subarray(0, Math.floor(whole.length * 0.7) + 101);
      const damaged = Buffer.from(whole);
      for (let at = Math.floor(whole.length / 2); at < whole.length / 2 + 900; at++) damaged[at] = (at * 7) & 0x7f;
      for (const program of wasm ? [ffmpeg, null] : [ffmpeg]) {
        const name = program === null ? 'without ffmpeg' : 'with ffmpeg';
        assert.equal(await warningsOf(whole, program), '', `whole, ${name}`);
        assert.equal(await warningsOf(cut, program), 'truncated_audio', `cut, ${name}`);
        if (!silent) assert.equal(await warningsOf(damaged, program), 'damaged_audio', `damaged, ${name}`);
      }
    },
  );
}

/** The file without the length that a writer into a pipe cannot know, or with a wrong one. */
function withLength(bytes: Uint8Array, at: number, value: Uint8Array): Buffer {
  const changed = Buffer.from(bytes);
  changed.set(value, at);
  return changed;
}

test('A FLAC that does not declare its length is cut where its last frame is not whole', { skip }, async () => {
  const flac = encodedTwin(wav, [], 'flac');
  // 36 bits of STREAMINFO, of which the first four share a byte.
  const piped = withLength(flac, 22, new Uint8Array(4));
  for (const program of [ffmpeg, null]) {
    assert.equal(await warningsOf(piped, program), '');
    assert.equal(await warningsOf(piped.subarray(0, Math.floor(piped.length * 0.7)), program), 'truncated_audio');
  }
});

test('Behind a damaged place all the sound is read, without ffmpeg too', { skip }, async () => {
  for (const [extension, argv] of [
    ['flac', []],
    ['webm', ['-c:a', 'libopus', '-cluster_time_limit', '500']],
    ['ogg', ['-c:a', 'libopus', '-page_duration', '200000']],
  ] as const) {
    const bytes = Buffer.from(encodedTwin(wav, argv, extension));
    for (let at = Math.floor(bytes.length * 0.55); at < bytes.length * 0.55 + 900; at++) bytes[at] = (at * 7) & 0x7f;
    for (const program of [ffmpeg, null]) {
      const decoding = await opened(bytes, program);
      assert.ok(decoding.kind === 'external');
      const [track = new Float32Array(0)] = await collected(decoding.pcm);
      const seconds = track.length / 16_000;
      assert.ok(seconds > 3.2, `${extension}, ${program === null ? 'without' : 'with'} ffmpeg: ${String(seconds)} s`);
    }
  }
});

test('A wav of GSM whose writer counts the byte of padding as sound, as sox does, is whole', { skip }, async () => {
  // 65 bytes are 320 samples: an odd number of them.
  const block = Buffer.from(Array.from({ length: 65 }, (_, i) => (i * 37) & 0xff));
  const data = Buffer.concat([...Array.from({ length: 51 }, () => block), Buffer.alloc(1)]);
  const format = Buffer.alloc(20);
  format.writeUInt16LE(0x31, 0);
  format.writeUInt16LE(1, 2);
  format.writeUInt32LE(8_000, 4);
  format.writeUInt32LE(1_625, 8);
  format.writeUInt16LE(65, 12);
  format.writeUInt16LE(2, 16);
  format.writeUInt16LE(320, 18);
  const chunk = (id: string, body: Buffer): Buffer =>
    Buffer.concat([Buffer.from(id), Buffer.from(Uint32Array.of(body.length).buffer), body]);
  const body = Buffer.concat([Buffer.from('WAVE'), chunk('fmt ', format), chunk('data', data)]);
  const file = chunk('RIFF', body);
  assert.equal(await warningsOf(file, ffmpeg), '');
  assert.equal(await warningsOf(file.subarray(0, 2_000), ffmpeg), 'truncated_audio');
});

test('Junk behind an AMR is no sound, and junk within it is damage, with ffmpeg and without', { skip }, async () => {
  const frame = (n: number): Buffer =>
    Buffer.from(Array.from({ length: 13 }, (_, i) => (i === 0 ? 4 : (i * 37 + n) & 0xff)));
  const frames = (count: number): Buffer[] => Array.from({ length: count }, (_, n) => frame(n));
  const head = Buffer.from('#!AMR\n');
  const junk = Buffer.from(Array.from({ length: 700 }, (_, i) => (i * i * 31 + (i >> 3)) & 0x7f));
  const lengthOf = async (bytes: Buffer, program: FfmpegProgram | null): Promise<[string, number]> => {
    const decoding = await opened(bytes, program, 101);
    assert.ok(decoding.kind === 'external');
    const [track = new Float32Array(0)] = await collected(decoding.pcm);
    return [
      decoding
        .warnings()
        .map(({ code }) => code)
        .join(),
      track.length / 16,
    ];
  };
  for (const program of [ffmpeg, null]) {
    for (const behind of [junk, Buffer.alloc(2_000), Buffer.from('<html>404 not found</html>'.repeat(40))]) {
      const [warnings, ms] = await lengthOf(Buffer.concat([head, ...frames(50), behind]), program);
      assert.equal(warnings, '');
      assert.ok(ms === 1_000 || ms === 1_020, String(ms));
    }
    const [warnings, ms] = await lengthOf(Buffer.concat([head, ...frames(50), junk, ...frames(50)]), program);
    assert.equal(warnings, 'damaged_audio');
    assert.ok(ms >= 1_960 && ms <= 2_040, String(ms));
    assert.equal(
      (await lengthOf(Buffer.concat([head, ...frames(50), frame(0).subarray(0, 7)]), program))[0],
      'truncated_audio',
    );
  }
});
