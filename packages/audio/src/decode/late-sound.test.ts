import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AsrError } from '@murmuration/contracts/errors';
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
const wav = wavFile(voice(4, 48_000, 1), 48_000);
const picture = (seconds: number): string[] => ['-f', 'lavfi', '-i', `testsrc=d=${String(seconds)}:s=64x48:r=10`];
const LATE = ['-itsoffset', '5'];
/** The second half of the sound 6 s later. */
const HOLE = ['-af', "asetpts='if(gte(T,2),PTS+6/TB,PTS)'"];

interface Heard {
  readonly samples: Float32Array;
  readonly warnings: string[];
}

async function heard(
  bytes: Uint8Array,
  program: FfmpegProgram | null,
  limits: { maxDurationMs: number; maxChannels: number } = LIMITS,
  pieceBytes = 10_007,
): Promise<Heard> {
  const decoding = await opened(bytes, program, pieceBytes, { limits });
  assert.ok(decoding.kind === 'external');
  const [samples = new Float32Array(0)] = await collected(decoding.pcm);
  return { samples, warnings: decoding.warnings().map(({ code }) => code) };
}

/** Stretches of sound in seconds: what is louder than a whisper, with pauses of half a second within. */
function stretches(samples: Float32Array): [number, number][] {
  const found: [number, number][] = [];
  for (let at = 0; at < samples.length; at++) {
    if (Math.abs(samples[at] ?? 0) < 0.02) continue;
    const last = found.at(-1);
    if (last !== undefined && at / 16_000 - last[1] < 0.5) last[1] = at / 16_000;
    else found.push([at / 16_000, at / 16_000]);
  }
  return found;
}

function assertStretches(
  samples: Float32Array,
  wanted: readonly [number, number][],
  seconds: number,
  name: string,
): void {
  const found = stretches(samples);
  const told = `${name}: ${JSON.stringify(found)}, ${String(samples.length / 16_000)} s`;
  assert.equal(found.length, wanted.length, told);
  for (const [index, [start, end]] of wanted.entries()) {
    assert.ok(
      Math.abs((found[index]?.[0] ?? -1) - start) < 0.12 && Math.abs((found[index]?.[1] ?? -1) - end) < 0.2,
      told,
    );
  }
  assert.ok(Math.abs(samples.length / 16_000 - seconds) < 0.2, told);
}

const KINDS: readonly {
  readonly extension: string;
  readonly argv: string[];
  readonly video: string;
  readonly wasm?: boolean;
  readonly alone?: boolean;
}[] = [
  { extension: 'mkv', argv: ['-c:a', 'aac'], video: 'mpeg4' },
  { extension: 'mp4', argv: ['-c:a', 'aac'], video: 'mpeg4' },
  { extension: 'mov', argv: ['-c:a', 'aac'], video: 'mpeg4' },
  { extension: 'mp4', argv: ['-c:a', 'aac', '-movflags', 'frag_keyframe+empty_moov+delay_moov'], video: 'mpeg4' },
  { extension: 'webm', argv: ['-c:a', 'libopus'], video: 'libvpx', wasm: true },
  { extension: 'webm', argv: ['-c:a', 'libvorbis'], video: 'libvpx', wasm: true },
  { extension: 'mkv', argv: ['-c:a', 'flac'], video: 'mpeg4', wasm: true },
  { extension: 'mkv', argv: ['-c:a', 'mp3'], video: 'mpeg4', wasm: true },
  { extension: 'ts', argv: ['-c:a', 'aac'], video: 'mpeg2video', alone: false },
  { extension: 'ts', argv: ['-c:a', 'mp2', '-output_ts_offset', '70000'], video: 'mpeg2video', alone: false },
  { extension: 'mpg', argv: ['-c:a', 'mp2'], video: 'mpeg2video', alone: false },
  { extension: 'flv', argv: ['-c:a', 'mp3', '-ar', '44100'], video: 'flv' },
  { extension: 'wmv', argv: ['-c:a', 'wmav2'], video: 'wmv2', alone: false },
];

for (const { extension, argv, video, wasm = false, alone = true } of KINDS) {
  test(
    `Times are the file's where the sound begins late or has a hole: ${extension} ${argv.join(' ')}`,
    { skip },
    async () => {
      const muxed = ['-map', '0:v', '-map', '1:a', '-c:v', video, ...argv];
      const late = encodedTwin(wav, muxed, extension, [...picture(16), ...LATE]);
      const holed = encodedTwin(wav, [...muxed, ...HOLE], extension, picture(12));
      const plain = encodedTwin(wav, muxed, extension, picture(4));
      for (const program of wasm ? [ffmpeg, null] : [ffmpeg]) {
        const name = program === null ? 'WASM' : 'ffmpeg';
        assertStretches((await heard(late, program)).samples, [[5, 9]], 9, `${name}, late`);
        assertStretches(
          (await heard(holed, program)).samples,
          [
            [0, 2],
            [8, 10],
          ],
          10,
          `${name}, hole`,
        );
        assertStretches((await heard(plain, program)).samples, [[0, 4]], 4, `${name}, plain`);
        if (alone)
          assertStretches(
            (await heard(encodedTwin(wav, argv, extension, LATE), program)).samples,
            [[5, 9]],
            9,
            `${name}, alone`,
          );
        assert.deepEqual((await heard(late, program)).samples, (await heard(late, program, LIMITS, 777)).samples);
      }
    },
  );
}

test('An ogg that begins late or has a hole, and chained oggs', { skip }, async () => {
  for (const codec of ['libopus', 'libvorbis', 'flac']) {
    const plain = encodedTwin(wav, ['-c:a', codec], 'ogg');
    const late = encodedTwin(wav, ['-c:a', codec], 'ogg', LATE);
    for (const program of [ffmpeg, null]) {
      const name = `${codec}, ${program === null ? 'WASM' : 'ffmpeg'}`;
      assertStretches((await heard(Buffer.concat([plain, plain]), program)).samples, [[0, 8]], 8, `${name}, chained`);
      assertStretches((await heard(late, program)).samples, [[5, 9]], 9, `${name}, late`);
      if (codec === 'libopus')
        assertStretches(
          (await heard(encodedTwin(wav, ['-c:a', codec, ...HOLE], 'ogg'), program)).samples,
          [
            [0, 2],
            [8, 10],
          ],
          10,
          `${name}, hole`,
        );
    }
  }
});

test('An avi whose sound has a start in its header begins there', { skip }, async () => {
  const muxed = ['-map', '0:v', '-map', '1:a', '-c:v', 'mpeg4', '-c:a', 'pcm_s16le'];
  const avi = Buffer.from(encodedTwin(wav, muxed, 'avi', picture(4)));
  // The stream header of the sound: scale, rate, start, each 32 bits, 20 bytes behind its kind.
  const header = avi.indexOf('auds');
  avi.writeUInt32LE((5 * avi.readUInt32LE(header + 24)) / avi.readUInt32LE(header + 20), header + 28);
  assertStretches((await heard(avi, ffmpeg)).samples, [[5, 9]], 9, 'avi');
});

test(
  'An avi of frames that begin late or have a hole: empty chunks, whose time ffmpeg does not count',
  { skip },
  async () => {
    for (const codec of ['mp3', 'aac']) {
      const muxed = ['-map', '0:v', '-map', '1:a', '-c:v', 'mpeg4', '-c:a', codec];
      const late = encodedTwin(wav, muxed, 'avi', [...picture(16), ...LATE]);
      const holed = encodedTwin(wav, [...muxed, ...HOLE], 'avi', picture(12));
      const whole = await heard(late, ffmpeg);
      const { samples, warnings } = await heard(holed, ffmpeg);
      assertStretches(whole.samples, [[5, 9]], 9, `${codec}, late`);
      assertStretches(
        samples,
        [
          [0, 2],
          [8, 10],
        ],
        10,
        `${codec}, hole`,
      );
      assert.deepEqual([whole.warnings, warnings], [[], []]);
      assert.deepEqual(await heard(late, ffmpeg, LIMITS, 777), whole);
    }
  },
);

test('A transport stream of sound alone begins at 0, wherever its clock does', { skip }, async () => {
  for (const argv of [
    ['-c:a', 'aac'],
    ['-c:a', 'mp2', '-output_ts_offset', '3000'],
  ])
    assertStretches((await heard(encodedTwin(wav, argv, 'ts', LATE), ffmpeg)).samples, [[0, 4]], 4, argv.join(' '));
});

test('Silence counts for the limit of length, and a clock that is hours ahead is no silence', { skip }, async () => {
  for (const program of [ffmpeg, null]) {
    const late = encodedTwin(wav, ['-c:a', 'libopus'], 'webm', LATE);
    await assert.rejects(
      heard(late, program, { maxDurationMs: 8_000, maxChannels: 8 }),
      (error) => error instanceof AsrError && error.code === 'audio_too_long',
    );
    const started = performance.now();
    for (const far of [
      encodedTwin(wav, ['-c:a', 'libopus'], 'webm', ['-itsoffset', '400000']),
      encodedTwin(wav, ['-c:a', 'libopus', '-af', "asetpts='if(gte(T,2),PTS+90000/TB,PTS)'"], 'mkv'),
    ]) {
      const { samples, warnings } = await heard(far, program);
      assertStretches(samples, [[0, 4]], 4, 'far');
      assert.deepEqual(warnings, ['clock_jump']);
    }
    assert.ok(performance.now() - started < 60_000);
  }
});
