import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AsrError } from '@murmuration/contracts/errors';
import { createBoundedDecoder } from './bounded-decoder.js';
import {
  LIMITS,
  WITHOUT_FFMPEG,
  collected,
  correlation,
  encodedTwin,
  ffmpeg,
  opened,
  joinedPieces,
  voice,
  wavFile,
} from './testing/encoded-twins.js';
import type { FfmpegProgram } from './ffmpeg-command.js';

const skip = WITHOUT_FFMPEG;
const text = (characters: string): Buffer => Buffer.from(characters, 'latin1');
const wav = wavFile(voice(2, 44_100, 1), 44_100);
const [wanted = new Float32Array(0)] = voice(2, 16_000, 1);

/** An ID3v2.3 tag with a picture of so many bytes, which hold what looks like frames and signatures. */
function id3v2(pictureBytes: number): Buffer {
  const picture = Buffer.alloc(pictureBytes);
  for (let at = 0; at + 16 < pictureBytes; at += 97)
    picture.set([0xff, 0xfb, 0x90, 0x64, 0x66, 0x4c, 0x61, 0x43, 0xff, 0xf1, 0x50, 0x80], at);
  const frame = Buffer.concat([
    text('APIC'),
    Buffer.from(Uint32Array.of(pictureBytes).buffer).reverse(),
    Buffer.alloc(2),
    picture,
  ]);
  const size = [21, 14, 7, 0].map((shift) => (frame.length >> shift) & 0x7f);
  return Buffer.concat([text('ID3\x03\0\0'), Buffer.from(size), frame]);
}

/** An APEv2 tag with header and footer. */
function ape(itemBytes: number): Buffer {
  const items = Buffer.alloc(itemBytes, 0x41);
  const mark = (flags: number): Buffer =>
    Buffer.concat([
      text('APETAGEX'),
      Buffer.from(Uint32Array.of(2_000, itemBytes + 32, 1, flags).buffer),
      Buffer.alloc(8),
    ]);
  return Buffer.concat([mark(0xa000_0000), items, mark(0x8000_0000)]);
}

const ID3V1 = Buffer.concat([text('TAG'), Buffer.alloc(125, 0x20)]);
const LYRICS = text('LYRICSBEGININD0000210LYR00005Hello000036LYRICS200');
/** Comments that a leading tag may be: several, long, and padded with zeros. */
const LEADING: readonly [string, Buffer][] = [
  ['a tag of 300 kB', id3v2(300_000)],
  ['a tag of 5 MB', id3v2(5_000_000)],
  ['two ID3 tags and an APE tag', Buffer.concat([id3v2(70_000), id3v2(10), ape(90_000)])],
  ['an APE tag before an ID3 tag', Buffer.concat([ape(100_000), id3v2(5)])],
  ['a tag with padding behind it', Buffer.concat([id3v2(1_000), Buffer.alloc(3_000)])],
];

async function decoded(
  bytes: Uint8Array,
  program: FfmpegProgram | null,
  pieceBytes = 10_007,
): Promise<{ samples: Float32Array; warnings: string[] }> {
  const decoding = await opened(bytes, program, pieceBytes);
  if (decoding.kind === 'external')
    return {
      samples: (await collected(decoding.pcm))[0] ?? new Float32Array(0),
      warnings: decoding.warnings().map(({ code }) => code),
    };
  const decoder = createBoundedDecoder(decoding.container, { channels: 'mix', limits: LIMITS });
  const pieces: Float32Array[][] = [];
  for await (const piece of decoding.source) pieces.push(decoder.push(piece));
  pieces.push(decoder.finish());
  return {
    samples: joinedPieces(pieces)[0] ?? new Float32Array(0),
    warnings: decoder.warnings.map(({ code }) => code),
  };
}

const STREAMS: readonly {
  readonly extension: string;
  readonly argv: string[];
  readonly wasm: boolean;
  readonly spare?: number;
  readonly lag?: number;
}[] = [
  { extension: 'flac', argv: [], wasm: true },
  { extension: 'mp3', argv: ['-b:a', '64k', '-id3v2_version', '0'], wasm: true, spare: 1_200, lag: 1_200 },
  { extension: 'aac', argv: [], wasm: false, spare: 1_100, lag: 1_100 },
  { extension: 'ogg', argv: ['-c:a', 'libvorbis'], wasm: true },
  { extension: 'wav', argv: ['-c:a', 'pcm_s16le'], wasm: true },
  { extension: 'aiff', argv: [], wasm: true },
  { extension: 'm4a', argv: ['-c:a', 'aac'], wasm: false, spare: 1_100 },
];

for (const { extension, argv, wasm, spare = 20, lag = 20 } of STREAMS) {
  test(`Tags of any number and size before ${extension} are passed over`, { skip }, async () => {
    const plain = encodedTwin(wav, argv, extension);
    for (const program of wasm ? [ffmpeg, null] : [ffmpeg]) {
      const reference = await decoded(plain, program);
      for (const [name, tags] of extension === 'm4a' ? LEADING.slice(0, 4) : LEADING) {
        const { samples, warnings } = await decoded(Buffer.concat([tags, plain]), program);
        assert.deepEqual(samples, reference.samples, name);
        assert.deepEqual(warnings, [], name);
      }
      assert.ok(Math.abs(reference.samples.length - 32_000) <= spare, String(reference.samples.length));
      assert.ok(correlation(wanted, reference.samples, lag) > 0.97);
    }
  });
}

test('A file of tags alone is refused as one without audio', async () => {
  for (const bytes of [id3v2(100_000), ape(10), id3v2(100).subarray(0, 50)]) {
    await assert.rejects(
      decoded(bytes, null),
      (error) => error instanceof AsrError && error.code === 'unprocessable_audio',
    );
  }
});

test('Tags behind the sound and joined files are no damage, and nothing is missing', { skip }, async () => {
  for (const { extension, argv, wasm, spare = 20 } of STREAMS.slice(0, 4)) {
    const plain = Buffer.from(encodedTwin(wav, argv, extension));
    for (const program of wasm ? [ffmpeg, null] : [ffmpeg]) {
      const one = (await decoded(plain, program)).samples.length;
      const behind: readonly [string, Buffer, number][] = [
        ['ID3v1', Buffer.concat([plain, ID3V1]), 1],
        ['APE and ID3v1', Buffer.concat([plain, ape(60_000), ID3V1]), 1],
        ['Lyrics3 and ID3v1', Buffer.concat([plain, LYRICS, ID3V1]), 1],
        ['joined', Buffer.concat([plain, plain]), 2],
        ['joined with tags between', Buffer.concat([plain, ID3V1, id3v2(30_000), plain, ape(100)]), 2],
      ];
      for (const [name, bytes, times] of behind) {
        const { samples, warnings } = await decoded(bytes, program, 4_099);
        assert.deepEqual(warnings, [], `${extension}, ${name}, ${program === null ? 'WASM' : 'ffmpeg'}`);
        assert.ok(
          Math.abs(samples.length - times * one) <= Math.max(spare, 60),
          `${extension}, ${name}: ${String(samples.length)} of ${String(times * one)}`,
        );
      }
    }
  }
});

test('Frames that are damaged are still told of', { skip }, async () => {
  for (const { extension, argv, wasm } of STREAMS.slice(0, 2)) {
    const bytes = Buffer.concat([encodedTwin(wav, argv, extension), ID3V1]);
    for (let at = Math.floor(bytes.length / 2); at < bytes.length / 2 + 6_000; at++) bytes[at] = (at * 7) & 0x7f;
    for (const program of wasm ? [ffmpeg, null] : [ffmpeg]) {
      const { warnings } = await decoded(bytes, program);
      assert.equal(warnings.length, 1, `${extension}, ${program === null ? 'WASM' : 'ffmpeg'}`);
    }
  }
});

/** Warnings and length of a file, in milliseconds. */
async function told(bytes: Uint8Array, program: FfmpegProgram | null): Promise<[string[], number]> {
  const decoding = await opened(bytes, program, 3_000);
  assert.equal(decoding.kind, 'external');
  const [track = new Float32Array(0)] = await collected(decoding.pcm);
  return [decoding.warnings().map(({ code }) => code), track.length / 16];
}

test('What is no sound before and behind the frames of mp3 and AC-3 does no harm', { skip }, async () => {
  const random = Buffer.from(Array.from({ length: 5_000 }, (_, i) => (i * i * 31 + (i >> 3)) & 0x7f));
  for (const [extension, argv, programs] of [
    ['mp3', ['-ar', '16000'], [ffmpeg, null]],
    ['ac3', ['-ar', '48000'], [ffmpeg]],
    ['ac3', ['-ar', '44100', '-b:a', '96k'], [ffmpeg]],
    ['ac3', ['-ar', '32000'], [ffmpeg]],
    ['eac3', ['-ar', '48000'], [ffmpeg]],
  ] as const) {
    const file = encodedTwin(wav, [...argv], extension);
    for (const program of programs) {
      const [, wholeMs] = await told(file, program);
      for (const [name, bytes] of Object.entries({
        tags: [file, ape(2_000), ID3V1],
        id3: [file, id3v2(90_000)],
        zeros: [file, Buffer.alloc(5_000)],
        page: [file, text('<html>404 not found</html>'.repeat(100))],
        before: [random, file],
        blank: [Buffer.alloc(3_000), file],
      })) {
        const [warnings, ms] = await told(Buffer.concat(bytes), program);
        assert.deepEqual(warnings, [], `${extension} ${name}`);
        assert.ok(Math.abs(ms - wholeMs) < 80, `${extension} ${name}: ${String(ms)} of ${String(wholeMs)} ms`);
      }
      const [joined, ms] = await told(Buffer.concat([id3v2(9), file, ID3V1, id3v2(500), file]), program);
      assert.deepEqual(joined, [], extension);
      assert.ok(Math.abs(ms - 2 * wholeMs) < 200, `${extension}: ${String(ms)} of ${String(2 * wholeMs)} ms`);
    }
  }
});

test('AMR files that were joined or carry a tag are read as they are', { skip }, async () => {
  // Frames of 4.75 kbit/s, narrow band, and of 6.6 kbit/s, wide band: their content does not matter.
  for (const [line, head, bytes] of [
    ['#!AMR\n', 0x04, 13],
    ['#!AMR-WB\n', 0x04, 18],
  ] as const) {
    const frames = Buffer.concat(
      Array.from({ length: 50 }, (_, frame) =>
        Buffer.from(Array.from({ length: bytes }, (__, i) => (i === 0 ? head : (i * 37 + frame) & 0xff))),
      ),
    );
    const file = Buffer.concat([text(line), frames]);
    for (const program of [ffmpeg, null])
      assert.deepEqual(
        [await told(Buffer.concat([file, file]), program), await told(Buffer.concat([file, ID3V1]), program)],
        [
          [[], 2_000],
          [[], 1_000],
        ],
        line,
      );
  }
});

test(
  'A chained Ogg of one serial number is no damage; an Ogg or WebM that is cut is told, with ffmpeg too',
  { skip },
  async () => {
    for (const [extension, codec] of [
      ['ogg', 'libopus'],
      ['ogg', 'libvorbis'],
      ['webm', 'libopus'],
      ['mkv', 'pcm_s16le'],
    ] as const) {
      const file = encodedTwin(wavFile(voice(8, 16_000, 1), 16_000), ['-c:a', codec], extension);
      const [whole, wholeMs] = await told(file, ffmpeg);
      assert.deepEqual(whole, [], `${extension} ${codec}`);
      const [joined, joinedMs] = await told(Buffer.concat([file, file]), ffmpeg);
      assert.deepEqual(joined, [], `${extension} ${codec} joined`);
      assert.ok(Math.abs(joinedMs - 2 * wholeMs) < 100);
      const [cut] = await told(file.subarray(0, Math.floor(file.length * 0.7)), ffmpeg);
      assert.deepEqual(cut, ['truncated_audio'], `${extension} ${codec} cut`);
    }
  },
);
