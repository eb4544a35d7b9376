import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { AsrError } from '@murmuration/contracts/errors';
import { refusal } from '@murmuration/contracts/testing';
import { bytesInUse, collected, encodedTwin, inPieces, wavFile } from './testing/encoded-twins.js';
import { decodeWithFfmpeg } from './ffmpeg-decoder.js';
import { findFfmpeg } from './ffmpeg-command.js';
import { options, skip, spoolDir, wav } from './testing/ffmpeg-decoding.js';

after(() => {
  rmSync(spoolDir, { recursive: true });
});

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
