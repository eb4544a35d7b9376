import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tmpdir } from 'node:os';
import { AsrError } from '@murmuration/contracts/errors';
import { createBoundedDecoder } from './bounded-decoder.js';
import type { BoundedContainer } from './container.js';
import {
  LIMITS,
  WITHOUT_FFMPEG,
  collected,
  encodedTwin,
  ffmpeg,
  inPieces,
  joinedPieces,
  seededRandom,
  voice,
  wavFile,
  wavWith,
} from './testing/encoded-twins.js';
import { openDecoding } from './open-decoding.js';

const FORMAT = { tag: 1, bits: 16, rateHz: 16_000, channels: 1 };
/** Samples that no two places share, and their file. */
const ramp = (samples: number, from = 1): Buffer =>
  Buffer.from(Int16Array.from({ length: samples }, (_, i) => from + i).buffer);
const chunk = (id: string, body: Uint8Array, claimed = body.length): Buffer =>
  Buffer.concat([Buffer.from(id), Buffer.from(Uint32Array.of(claimed).buffer), body, Buffer.alloc(body.length % 2)]);
const values = (from: number, samples: number): number[] => Array.from({ length: samples }, (_, i) => from + i);

function read(
  container: BoundedContainer,
  bytes: Uint8Array,
  pieceBytes: () => number,
): { samples: number[]; warnings: string[] } {
  const decoder = createBoundedDecoder(container, { channels: 'mix', limits: LIMITS });
  const pieces: Float32Array[][] = [];
  for (let at = 0; at < bytes.length;) {
    const step = pieceBytes();
    pieces.push(decoder.push(bytes.slice(at, at + step)));
    at += step;
  }
  pieces.push(decoder.finish());
  return {
    samples: [...(joinedPieces(pieces)[0] ?? [])].map((value) => Math.round(value * 32_768)),
    warnings: decoder.warnings.map(({ code }) => code),
  };
}

function inAnyPieces(
  container: BoundedContainer,
  bytes: Uint8Array,
  check: (read: { samples: number[]; warnings: string[] }) => void,
): void {
  const random = seededRandom(7);
  for (const pieceBytes of [() => 1, () => 7, () => 1 + Math.floor(random() * 3_000), () => 1e9])
    check(read(container, bytes, pieceBytes));
}

test('Files that were joined are read to their end, with other chunks, sizes and paddings between', () => {
  const one = Buffer.from(wavWith(FORMAT, ramp(500)));
  const two = Buffer.from(wavWith(FORMAT, ramp(300, 501)));
  const list = chunk('LIST', Buffer.from('INFOISFT\x05\0\0\0Lavf\0\0'));
  const toTheEnd = Buffer.from(wavWith(FORMAT, ramp(500), 0xffff_ffff));
  const tooLong = Buffer.from(wavWith(FORMAT, ramp(500), 50_000));
  const unknown = chunk('abcd', Buffer.alloc(30, 65));
  const within = Buffer.concat([one, unknown]);
  within.writeUInt32LE(within.length - 8, 4);
  for (const [name, bytes] of Object.entries({
    plain: Buffer.concat([one, two]),
    list: Buffer.concat([one, list, two, list]),
    toTheEnd: Buffer.concat([toTheEnd, two]),
    tooLong: Buffer.concat([tooLong, two]),
    zero: Buffer.concat([wavWith(FORMAT, ramp(500), 0), two]),
    unknown: Buffer.concat([within, two]),
  })) {
    inAnyPieces('wav', bytes, ({ samples, warnings }) => {
      assert.deepEqual([samples, warnings], [values(1, 800), []], name);
    });
  }
});

test('Every data chunk is read, also after one of an odd size', () => {
  const head = wavWith(FORMAT, ramp(0));
  const bytes = Buffer.concat([
    head.subarray(0, 36),
    chunk('data', ramp(100)),
    chunk('LIST', Buffer.alloc(10)),
    chunk('data', ramp(50, 101)),
    chunk('data', Buffer.concat([ramp(50, 151), Buffer.of(0)])),
    chunk('data', ramp(10, 201)),
  ]);
  inAnyPieces('wav', bytes, ({ samples, warnings }) => {
    assert.deepEqual([samples, warnings], [values(1, 210), []]);
  });
});

test('A header with too small a size loses nothing, and is told of', () => {
  const bytes = Buffer.from(wavWith(FORMAT, ramp(8_000), 8_000));
  const also = Buffer.from(bytes);
  also.writeUInt32LE(8_036, 4);
  for (const file of [bytes, also, Buffer.concat([also, chunk('data', ramp(0))])])
    inAnyPieces('wav', file.subarray(0, bytes.length), ({ samples, warnings }) => {
      assert.deepEqual([samples, warnings], [values(1, 8_000), ['wrong_length']]);
    });
  inAnyPieces('wav', Buffer.concat([bytes, wavWith(FORMAT, ramp(100, 8_001))]), ({ samples }) => {
    assert.deepEqual(samples, values(1, 8_100));
  });
});

test('A file that ends before the end that its header tells is told as cut, one whose size is a placeholder is not', () => {
  const cut = (claimed: number): string[] => read('wav', wavWith(FORMAT, ramp(8_000), claimed), () => 1_000).warnings;
  for (const claimed of [32_000, 1e9]) assert.deepEqual(cut(claimed), ['truncated_audio'], String(claimed));
  for (const claimed of [16_000, 16_400, 0, 0x7fff_f000, 0x7fff_ffff, 0x8000_0000, 2e9, 0xffff_ffdb, 0xffff_ffff])
    assert.deepEqual(cut(claimed), [], String(claimed));
});

test('A tag behind the declared sound is no sound', () => {
  const id3 = Buffer.concat([Buffer.from([0x49, 0x44, 0x33, 3, 0, 0, 0, 0, 0x40, 0]), Buffer.alloc(8_192, 7)]);
  const one = wavWith(FORMAT, ramp(500));
  inAnyPieces('wav', Buffer.concat([one, id3]), ({ samples, warnings }) => {
    assert.deepEqual([samples, warnings], [values(1, 500), []]);
  });
  inAnyPieces('wav', Buffer.concat([one, id3, wavWith(FORMAT, ramp(100, 501))]), ({ samples }) => {
    assert.deepEqual(samples, values(1, 600));
  });
});

test('A joined file of another rate and other channels is read as it is', () => {
  const one = wavWith(FORMAT, ramp(160));
  const other = wavWith({ tag: 1, bits: 16, rateHz: 8_000, channels: 2 }, new Uint8Array(4 * 80));
  assert.equal(read('wav', Buffer.concat([one, other, one]), () => 50).samples.length, 480);
});

test('A joined aiff is read to its end', { skip: WITHOUT_FFMPEG }, () => {
  const aiff = encodedTwin(wavFile(voice(1, 16_000, 1), 16_000), [], 'aiff');
  inAnyPieces('aiff', Buffer.concat([aiff, aiff]), ({ samples, warnings }) => {
    assert.deepEqual([samples.length, warnings], [32_000, []]);
    assert.deepEqual(samples.slice(16_000), samples.slice(0, 16_000));
  });
});

test('As many channels are read as the limit says, up to 64', { skip: WITHOUT_FFMPEG }, async () => {
  const open = (bytes: Uint8Array, maxChannels: number, program: typeof ffmpeg): ReturnType<typeof openDecoding> =>
    openDecoding(inPieces(bytes, 30_000), {
      channels: 'split',
      limits: { maxDurationMs: 60_000, maxChannels },
      signal: new AbortController().signal,
      ffmpeg: program,
      spoolDir: tmpdir(),
      maxSpoolBytes: 1e9,
    });
  const tracksOf = async (bytes: Uint8Array, maxChannels: number, program: typeof ffmpeg): Promise<Float32Array[]> => {
    const opened = await open(bytes, maxChannels, program);
    if (opened.kind === 'external') return collected(opened.pcm);
    const decoder = createBoundedDecoder(opened.container, {
      channels: 'split',
      limits: { maxDurationMs: 60_000, maxChannels },
    });
    const pieces: Float32Array[][] = [];
    for await (const piece of opened.source) pieces.push(decoder.push(piece));
    return joinedPieces([...pieces, decoder.finish()]);
  };
  for (const [channels, extension, argv, wasm] of [
    [9, 'wav', [], true],
    [16, 'wav', [], true],
    [64, 'wav', [], true],
    [12, 'caf', [], false],
    [16, 'caf', [], false],
    [64, 'caf', [], false],
    [10, 'opus', ['-c:a', 'libopus', '-mapping_family', '255'], true],
    [16, 'opus', ['-c:a', 'libopus', '-mapping_family', '255'], true],
    [8, 'flac', [], true],
  ] as const) {
    const bytes = encodedTwin(wavFile(voice(0.5, 48_000, channels), 48_000), argv, extension);
    for (const program of wasm ? [ffmpeg, null] : [ffmpeg]) {
      const tracks = await tracksOf(bytes, channels, program);
      assert.deepEqual(
        tracks.map((track) => Math.abs(track.length - 8_000) < 30 && track.some((value) => Math.abs(value) > 0.05)),
        Array.from({ length: channels }, () => true),
        `${String(channels)} channels of ${extension}`,
      );
      await assert.rejects(
        tracksOf(bytes, channels - 1, program),
        (error) =>
          error instanceof AsrError && error.code === 'unprocessable_audio' && error.message.includes(String(channels)),
      );
    }
  }
});
