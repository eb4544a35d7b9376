import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { fileForm, requireAlive } from './harness/attack.js';
import { WITHOUT_FFMPEG, encoded } from './harness/encode.js';
import { gzipBomb, tarFile, withCovers, withDataReference, zipFile } from './harness/hostile-files.js';
import { RAW, UploadTarget } from './harness/upload-target.js';

let target: UploadTarget;

before(async () => {
  target = await UploadTarget.start();
});

afterEach(async () => {
  await requireAlive(target.cluster);
});

after(() => target.close());

describe('Attacks by files that are uploaded', () => {
  test('18: text, an image and random bytes are 422', async () => {
    const random = Buffer.from(
      Array.from({ length: 50_000 }, (_, i) => (Math.imul(i + 1, 2_654_435_761) >>> 13) & 255),
    );
    const png = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64',
    );
    for (const file of [Buffer.from('I am no audio.\n'.repeat(100)), png, random])
      await target.refused('422 unprocessable_audio file', () => ({ body: fileForm(file) }));
  });

  test(
    '19: files that break off are heard as far as they go, with a warning, or are 422; nothing hangs',
    { skip: WITHOUT_FFMPEG },
    async () => {
      for (const extension of ['mp3', 'mp4', 'ogg', 'flac', 'webm']) {
        const whole = encoded(target.wav, extension, extension === 'mp4' ? ['-c:a', 'aac'] : []);
        for (const share of [0.02, 0.5, 0.95])
          await target.refusedOrHeard(whole.subarray(0, Math.round(whole.length * share)), `speech.${extension}`);
      }
    },
  );

  test('20: a header of 0 Hz or 65,535 channels is 422, one that claims 4 GB is read to the real end', async () => {
    const header = (change: (bytes: Buffer) => void): Buffer => {
      const bytes = Buffer.from(target.wav);
      change(bytes);
      return bytes;
    };
    await target.refused('422 unprocessable_audio file', () => ({
      body: fileForm(header((bytes) => bytes.writeUInt32LE(0, 24))),
    }));
    await target.refused('422 unprocessable_audio file', () => ({
      body: fileForm(header((bytes) => bytes.writeUInt16LE(65_535, 22))),
    }));
    const [answered, accepted] = await target.everywhere(() => ({
      body: fileForm(header((bytes) => bytes.writeUInt32LE(0xffff_ffff, 40))),
    }));
    assert.deepEqual([answered?.status, accepted?.status], [200, 202]);
    assert.equal(
      (JSON.parse(accepted?.text ?? '') as { duration: number }).duration,
      (JSON.parse(answered?.text ?? '') as { duration: number }).duration,
    );
  });

  test('22: archives and bombs are 415 by their type, 422 by their bytes', async () => {
    const bomb = gzipBomb();
    for (const [file, name] of [
      [zipFile('speech.wav', target.wav), 'speech.zip'],
      [tarFile('speech.wav', target.wav), 'speech.tar'],
      [bomb, 'speech.wav.gz'],
      [gzipSync(target.wav), 'speech.wav'],
    ] as const) {
      await target.refused('422 unprocessable_audio file', () => ({ body: fileForm(file, {}, name) }));
      await target.refused('422 unprocessable_audio file', () => ({ headers: RAW, body: new Uint8Array(file) }));
    }
    for (const type of [
      'application/zip',
      'application/gzip',
      'application/x-tar',
      'text/html',
      'application/x-www-form-urlencoded',
    ])
      await target.refused('415 unsupported_media_type -', () => ({
        headers: { 'content-type': type },
        body: new Uint8Array(bomb),
      }));
    for (const encoding of ['gzip', 'br', 'deflate', 'identity, gzip'])
      await target.refused('415 unsupported_media_type -', () => ({
        headers: { ...RAW, 'content-encoding': encoding },
        body: new Uint8Array(bomb),
      }));
  });

  test('23: playlists named .wav are 422, and nobody fetches what they name', async () => {
    const url = `${target.canary.url}/a.ts`;
    for (const playlist of [
      `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${url}\n#EXT-X-ENDLIST\n`,
      `ffconcat version 1.0\nfile '${url}'\n`,
      `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>${url}</BaseURL></MPD>`,
      `[playlist]\nFile1=${url}\n`,
      `<asx version="3.0"><entry><ref href="${url}"/></entry></asx>`,
      'ffconcat version 1.0\nfile /etc/passwd\n',
    ]) {
      for (const name of ['speech.wav', 'speech.m3u8', 'speech.mp4'])
        await target.refused('422 unprocessable_audio file', () => ({
          body: fileForm(Buffer.from(playlist), {}, name),
        }));
    }
    assert.equal(target.canary.connections, 0);
  });

  test('24: data elsewhere and covers are not fetched', { skip: WITHOUT_FFMPEG }, async () => {
    const url = `${target.canary.url}/x`;
    await target.refusedOrHeard(withDataReference(encoded(target.wav, 'mp4', ['-c:a', 'aac']), url), 'speech.mp4');
    const mp3 = withCovers(encoded(target.wav, 'mp3'), url);
    const [heard] = await target.everywhere(() => ({ body: fileForm(mp3, {}, 'speech.mp3') }));
    assert.equal(heard?.status, 200, heard?.text);
    await target.refused('422 unprocessable_audio file', () => ({
      body: fileForm(
        Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg"><image href="${url}"/></svg>`),
        {},
        'speech.wav',
      ),
    }));
    assert.equal(target.canary.connections, 0);
  });

  test('25: a video of 64 streams is heard by one of them, or is 422', { skip: WITHOUT_FFMPEG }, async () => {
    const streams = Array.from({ length: 64 }, () => ['-map', '0:a']).flat();
    await target.refusedOrHeard(
      encoded(target.wav.subarray(0, 64_044), 'mkv', [...streams, '-c:a', 'pcm_s16le']),
      'speech.mkv',
    );
    await target.refusedOrHeard(
      encoded(target.wav, 'mp4', [
        '-f',
        'lavfi',
        '-i',
        'color=size=64x64:rate=5:duration=2',
        '-map',
        '1:v',
        '-map',
        '0:a',
        '-map',
        '1:v',
        '-c:a',
        'aac',
      ]),
      'speech.mp4',
    );
  });
});
