import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AsrError } from '@murmuration/contracts/errors';
import { WITHOUT_FFMPEG, encodedTwin, seededRandom, voice, wavFile } from './testing/encoded-twins.js';
import { sniffContainer } from './container.js';

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

test('Each container is known by its content', { skip: WITHOUT_FFMPEG }, () => {
  const wav = wavFile(voice(1, 16_000, 1), 16_000);
  const twins: readonly [string, string[], string][] = [
    ['wav', [], 'wav'],
    ['wav', ['-rf64', 'always'], 'wav'],
    ['w64', [], 'w64'],
    ['aiff', [], 'aiff'],
    ['mp3', [], 'mp3'],
    ['mp3', ['-id3v2_version', '0', '-write_xing', '0'], 'mp3'],
    ['flac', [], 'flac'],
    ['ogg', ['-c:a', 'libvorbis'], 'ogg'],
    ['ogg', ['-c:a', 'libopus'], 'opus'],
    ['webm', ['-c:a', 'libopus'], 'webm'],
    ['matroska', ['-c:a', 'libopus'], 'mkv'],
    ['mp4', ['-c:a', 'aac'], 'm4a'],
    ['mp4', ['-c:a', 'aac'], 'mov'],
    ['mp4', ['-c:a', 'aac', '-movflags', 'faststart'], 'mp4'],
    ['adts', ['-c:a', 'aac'], 'aac'],
    ['caf', [], 'caf'],
    ['avi', [], 'avi'],
    ['mpegts', ['-c:a', 'aac'], 'ts'],
    ['mpeg', ['-c:a', 'mp2'], 'mpg'],
    ['asf', ['-c:a', 'wmav2'], 'wma'],
    ['flv', ['-c:a', 'mp3', '-ar', '22050'], 'flv'],
    ['ac3', ['-c:a', 'ac3', '-ar', '48000'], 'ac3'],
    ['au', [], 'au'],
  ];
  for (const [container, argv, extension] of twins)
    assert.equal(
      sniffContainer(encodedTwin(wav, argv, extension).subarray(0, 65_536)),
      container,
      `${extension} ${argv.join(' ')}`,
    );
});

test('AMR is known by its first line', () => {
  assert.equal(sniffContainer(bytesOf('#!AMR\n<')), 'amr');
  assert.equal(sniffContainer(bytesOf('#!AMR-WB\n<')), 'amr');
});

test('What is not sound is refused, and the refusal says what it looks like', () => {
  const zip = bytesOf('PK\x03\x04'.padEnd(64, '\0'));
  const tar = new Uint8Array(512);
  tar.set(bytesOf('ustar'), 257);
  const refused: readonly [Uint8Array, string][] = [
    [bytesOf('#EXTM3U\n#EXT-X-TARGETDURATION:1\nhttp://127.0.0.1/a.ts\n'), 'a playlist'],
    [bytesOf('\xef\xbb\xbf \n#EXTM3U\n'), 'a playlist'],
    [bytesOf('ffconcat version 1.0\nfile /etc/passwd\n'), 'a playlist'],
    [bytesOf('<?xml version="1.0"?>\n<MPD xmlns="x">'), 'a playlist'],
    [bytesOf('<?xml version="1.0"?><svg xmlns="x"/>'), 'an image'],
    [bytesOf('\x89PNG\r\n\x1a\n\0\0\0\rIHDR'), 'an image'],
    [bytesOf('\xff\xd8\xff\xe0\0\x10JFIF\0'), 'an image'],
    [bytesOf('GIF89a'), 'an image'],
    [zip, 'an archive'],
    [bytesOf('\x1f\x8b\x08\0\0'), 'an archive'],
    [tar, 'an archive'],
    [bytesOf('%PDF-1.7\n'), 'a document'],
    [bytesOf('This is a letter, and no recording.'), 'text'],
    [new Uint8Array(4_096), 'of no known kind'],
    [bytesOf('RIFF\0\0\0\0WEBPVP8 '), 'an image'],
    [new Uint8Array([1]), 'of no known kind'],
  ];
  for (const [bytes, kind] of refused) {
    assert.throws(
      () => sniffContainer(bytes),
      (error) => error instanceof AsrError && error.code === 'unprocessable_audio' && error.message.includes(kind),
      kind,
    );
  }
});

test('Random bytes are never taken for frames of mp3 or AAC', () => {
  const random = seededRandom(5);
  for (let round = 0; round < 200; round++) {
    const bytes = Uint8Array.from({ length: 16_384 }, () => Math.floor(random() * 256));
    bytes.set([0x3f, 0x3f]);
    assert.throws(() => sniffContainer(bytes), AsrError);
  }
});
