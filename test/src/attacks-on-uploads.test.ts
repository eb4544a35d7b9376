import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { patientConnection } from '@murmuration/store';
import { createLogger } from '@murmuration/runtime';
import { LocalServer, fileForm, line, requireAlive, tell, type Told } from './harness/attack.js';
import { Cluster } from './harness/cluster.js';
import { transcribe, until } from './harness/api-requests.js';
import { WITHOUT_FFMPEG, encoded } from './harness/encode.js';
import { gzipBomb, tarFile, withCovers, withDataReference, zipFile } from './harness/hostile-files.js';
import { samples, wavFile } from './harness/wav.js';

// Attacks 11 to 27 of the project's list, each against the API node that answers and the one that accepts.
const ENDPOINTS = ['/transcribe', '/v1/jobs'] as const;
const MAX_BYTES = 8_000_000;
const RAW = { 'content-type': 'application/octet-stream' };

let cluster: Cluster;
let canary: LocalServer;
let folder: string;
let wav: Buffer;

before(async () => {
  const [clip] = await samples();
  assert.ok(clip);
  wav = wavFile(clip.pcm);
  folder = await mkdtemp(join(tmpdir(), 'murmuration-attacks-'));
  canary = await LocalServer.start();
  cluster = await Cluster.start({
    api: {
      MAX_UPLOAD_BYTES: String(MAX_BYTES),
      MAX_AUDIO_SECONDS: '3600',
      UPLOAD_IDLE_TIMEOUT_MS: '1500',
      SPOOL_DIR: folder,
    },
  });
});

afterEach(async () => {
  await requireAlive(cluster);
});

after(async () => {
  assert.equal(canary.connections, 0, 'somebody came to the canary');
  assert.ok((await transcribe(cluster.url, wav)).text.length > 0);
  canary.close();
  await cluster.close();
  await rm(folder, { recursive: true, force: true });
});

/** Sends the same to every API node. */
async function everywhere(init: () => RequestInit, query = ''): Promise<readonly Told[]> {
  const all: Told[] = [];
  for (const path of ENDPOINTS) all.push(await tell(`${cluster.url}${path}${query}`, init()));
  return all;
}

async function refused(expected: string, init: () => RequestInit, query = ''): Promise<void> {
  for (const told of await everywhere(init, query)) assert.equal(line(told), expected, told.text.slice(0, 300));
}

/** Refused as no audio, or taken as what can be heard of it. A job that is accepted is brought to its end. */
async function refusedOrHeard(file: Uint8Array, name = 'speech.wav'): Promise<void> {
  for (const told of await everywhere(() => ({ body: fileForm(file, {}, name) }))) {
    if (told.status === 200) continue;
    if (told.status === 202) await ended((JSON.parse(told.text) as { id: string }).id);
    else assert.equal(line(told), '422 unprocessable_audio file', told.text.slice(0, 300));
  }
}

async function ended(id: string): Promise<string> {
  const events = await (await fetch(`${cluster.url}/v1/jobs/${id}/events`)).text();
  const last = /event: (\w+)\ndata: [^\n]*\n\n$/.exec(events)?.[1];
  assert.ok(last === 'done' || last === 'failed', events.slice(-300));
  return last;
}

/** Names of all keys in Redis that hold audio or a job. */
async function redisKeys(): Promise<string[]> {
  const redis = patientConnection(cluster.redis.url, createLogger({ service: 'test', level: 'silent' }));
  const keys = await redis.keys('*');
  await redis.quit();
  return keys;
}

/** Answers once the headers alone are sent. */
function beforeTheBody(path: string, headers: Readonly<Record<string, string>>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request(`${cluster.url}${path}`, { method: 'POST', agent: false, headers });
    asked
      .on('response', (answer) => {
        resolve(answer.statusCode);
        asked.destroy();
      })
      .on('error', reject);
    asked.flushHeaders();
  });
}

describe('Attacks on uploads', () => {
  test('11: a length over the limit is 413 before a byte of the body', async () => {
    for (const path of ENDPOINTS)
      assert.equal(await beforeTheBody(path, { ...RAW, 'content-length': String(MAX_BYTES + 1) }), 413, path);
  });

  test('12: a body without a length is 413 once it is over the limit, and nothing of it stays', async () => {
    const quiet = (key: string): boolean => /:\{j\.[^}]*\}:(?:pcm|chunks|job)$/.test(key);
    await refused(
      '413 file_too_large file',
      () => ({
        headers: RAW,
        duplex: 'half',
        body: new ReadableStream<Uint8Array>({
          start(controller) {
            controller.enqueue(new Uint8Array(wav.subarray(0, 44)));
          },
          pull(controller) {
            controller.enqueue(new Uint8Array(100_000));
          },
        }),
      }),
      '?language=en',
    );
    await refused('413 file_too_large file', () => ({
      body: fileForm(Buffer.concat([wav, Buffer.alloc(MAX_BYTES)]), { language: 'en' }),
    }));
    assert.deepEqual(await readdir(folder), []);
    await until('nothing of the refused uploads is in Redis', async () => !(await redisKeys()).some(quiet));
  });

  test('13: 10,000 fields and 10,000 files are 413', async () => {
    const many = (file: boolean): FormData => {
      const form = new FormData();
      for (let i = 0; i < 10_000; i++) form.append(`f${String(i)}`, file ? new Blob(['x']) : 'x');
      return form;
    };
    await refused('413 too_many_parts -', () => ({ body: many(false) }));
    for (const told of await everywhere(() => ({ body: many(true) })))
      assert.ok(told.status === 413 || told.code === 'unknown_field', told.text);
  });

  test('14: a field named __proto__ is 400', async () => {
    for (const name of ['__proto__', '__proto__[x]', 'x[__proto__]', 'constructor', 'constructor[prototype]'])
      await refused(`400 invalid_field ${name}`, () => ({ body: fileForm(wav, { [name]: 'x' }) }));
    for (const told of await everywhere(() => ({ body: fileForm(wav) }), '?__proto__=1'))
      assert.equal(line(told), '400 invalid_field __proto__');
  });

  test('15: no file, two files and an empty one are 400', async () => {
    const two = fileForm(wav);
    two.append('file', new Blob([new Uint8Array(wav)]), 'b.wav');
    const none = new FormData();
    none.append('language', 'en');
    await refused('400 missing_file file', () => ({ body: none }));
    await refused('400 multiple_files file', () => ({ body: two }));
    await refused('400 empty_file file', () => ({ body: fileForm(Buffer.alloc(0)) }));
    await refused('400 empty_file file', () => ({ headers: RAW, body: '' }));
  });

  test("16: a file's name leads nowhere and is kept nowhere", async () => {
    const names = [
      '../../etc/passwd.wav',
      '..\\..\\windows\\win.ini',
      'a\0b.wav',
      '\u202egnp.vaw',
      `${'canary-phrase-'.repeat(300)}.wav`,
      '/etc/canary-phrase.wav',
      '%2e%2e%2fcanary-phrase.wav',
    ];
    for (const name of names) {
      const boundary = 'b0undary';
      const body = Buffer.concat([
        Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\n\r\n`),
        wav,
        Buffer.from(`\r\n--${boundary}--\r\n`),
      ]);
      for (const told of await everywhere(() => ({
        headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
        body: new Uint8Array(body),
      }))) {
        assert.ok(told.status === 200 || told.status === 202, `${name.slice(0, 40)}: ${told.text}`);
        assert.ok(!told.text.includes('canary') && !told.text.includes('passwd'));
      }
    }
    const kept = [cluster.api.log, (await redisKeys()).join('\n'), (await readdir(folder)).join('\n')].join('\n');
    assert.ok(!/canary-phrase|passwd|win\.ini/.test(kept));
  });

  test('17: an upload of a byte now and then is 408', async () => {
    for (const path of ENDPOINTS) {
      const told = await new Promise<number | undefined>((resolve, reject) => {
        const asked = request(`${cluster.url}${path}`, { method: 'POST', agent: false, headers: RAW });
        const trickle = setInterval(() => {
          asked.write('x');
        }, 200);
        asked
          .on('response', (answer) => {
            clearInterval(trickle);
            answer.resume();
            resolve(answer.statusCode);
            asked.destroy();
          })
          .on('error', reject);
      });
      assert.equal(told, 408, path);
    }
  });

  test('18: text, an image and random bytes are 422', async () => {
    const random = Buffer.from(
      Array.from({ length: 50_000 }, (_, i) => (Math.imul(i + 1, 2_654_435_761) >>> 13) & 255),
    );
    const png = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64',
    );
    for (const file of [Buffer.from('I am no audio.\n'.repeat(100)), png, random])
      await refused('422 unprocessable_audio file', () => ({ body: fileForm(file) }));
  });

  test(
    '19: files that break off are heard as far as they go, with a warning, or are 422; nothing hangs',
    { skip: WITHOUT_FFMPEG },
    async () => {
      for (const extension of ['mp3', 'mp4', 'ogg', 'flac', 'webm']) {
        const whole = encoded(wav, extension, extension === 'mp4' ? ['-c:a', 'aac'] : []);
        for (const share of [0.02, 0.5, 0.95])
          await refusedOrHeard(whole.subarray(0, Math.round(whole.length * share)), `speech.${extension}`);
      }
    },
  );

  test('20: a header of 0 Hz or 65,535 channels is 422, one that claims 4 GB is read to the real end', async () => {
    const header = (change: (bytes: Buffer) => void): Buffer => {
      const bytes = Buffer.from(wav);
      change(bytes);
      return bytes;
    };
    await refused('422 unprocessable_audio file', () => ({
      body: fileForm(header((bytes) => bytes.writeUInt32LE(0, 24))),
    }));
    await refused('422 unprocessable_audio file', () => ({
      body: fileForm(header((bytes) => bytes.writeUInt16LE(65_535, 22))),
    }));
    const [answered, accepted] = await everywhere(() => ({
      body: fileForm(header((bytes) => bytes.writeUInt32LE(0xffff_ffff, 40))),
    }));
    assert.deepEqual([answered?.status, accepted?.status], [200, 202]);
    assert.equal(
      (JSON.parse(accepted?.text ?? '') as { duration: number }).duration,
      (JSON.parse(answered?.text ?? '') as { duration: number }).duration,
    );
  });

  test(
    '21: ten hours of silence in half a megabyte are 422 where an hour is allowed, and the memory stays',
    {
      skip: WITHOUT_FFMPEG === false && process.platform === 'linux' ? false : 'needs ffmpeg, and /proc to read memory',
    },
    async () => {
      const path = join(folder, 'silence.flac');
      assert.equal(
        spawnSync('ffmpeg', [
          '-loglevel',
          'error',
          '-f',
          'lavfi',
          '-i',
          'anullsrc=r=16000:cl=mono',
          '-t',
          '36000',
          '-compression_level',
          '0',
          '-frame_size',
          '16384',
          path,
        ]).status,
        0,
      );
      const silence = await readFile(path);
      await rm(path);
      assert.ok(silence.length < MAX_BYTES, String(silence.length));
      const atRest = await residentBytes();
      const sent = (): Promise<unknown> =>
        refused('422 audio_too_long file', () => ({ body: fileForm(silence, {}, 'silence.flac') }));
      await sent();
      // The ten hours are 2.3 GB of PCM. What a runtime keeps of one such reading for the next depends on when it collects its garbage.
      const before = await residentBytes();
      assert.ok(before < atRest + 200_000_000, `${String(atRest)} bytes at rest, then ${String(before)}`);
      await sent();
      await until('the memory is back', async () => (await residentBytes()) < before + 50_000_000, 10_000);
    },
  );

  test('22: archives and bombs are 415 by their type, 422 by their bytes', async () => {
    const bomb = gzipBomb();
    for (const [file, name] of [
      [zipFile('speech.wav', wav), 'speech.zip'],
      [tarFile('speech.wav', wav), 'speech.tar'],
      [bomb, 'speech.wav.gz'],
      [gzipSync(wav), 'speech.wav'],
    ] as const) {
      await refused('422 unprocessable_audio file', () => ({ body: fileForm(file, {}, name) }));
      await refused('422 unprocessable_audio file', () => ({ headers: RAW, body: new Uint8Array(file) }));
    }
    for (const type of [
      'application/zip',
      'application/gzip',
      'application/x-tar',
      'text/html',
      'application/x-www-form-urlencoded',
    ])
      await refused('415 unsupported_media_type -', () => ({
        headers: { 'content-type': type },
        body: new Uint8Array(bomb),
      }));
    for (const encoding of ['gzip', 'br', 'deflate', 'identity, gzip'])
      await refused('415 unsupported_media_type -', () => ({
        headers: { ...RAW, 'content-encoding': encoding },
        body: new Uint8Array(bomb),
      }));
  });

  test('23: playlists named .wav are 422, and nobody fetches what they name', async () => {
    const url = `${canary.url}/a.ts`;
    for (const playlist of [
      `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${url}\n#EXT-X-ENDLIST\n`,
      `ffconcat version 1.0\nfile '${url}'\n`,
      `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>${url}</BaseURL></MPD>`,
      `[playlist]\nFile1=${url}\n`,
      `<asx version="3.0"><entry><ref href="${url}"/></entry></asx>`,
      'ffconcat version 1.0\nfile /etc/passwd\n',
    ]) {
      for (const name of ['speech.wav', 'speech.m3u8', 'speech.mp4'])
        await refused('422 unprocessable_audio file', () => ({ body: fileForm(Buffer.from(playlist), {}, name) }));
    }
    assert.equal(canary.connections, 0);
  });

  test('24: data elsewhere and covers are not fetched', { skip: WITHOUT_FFMPEG }, async () => {
    const url = `${canary.url}/x`;
    await refusedOrHeard(withDataReference(encoded(wav, 'mp4', ['-c:a', 'aac']), url), 'speech.mp4');
    const mp3 = withCovers(encoded(wav, 'mp3'), url);
    const [heard] = await everywhere(() => ({ body: fileForm(mp3, {}, 'speech.mp3') }));
    assert.equal(heard?.status, 200, heard?.text);
    await refused('422 unprocessable_audio file', () => ({
      body: fileForm(
        Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg"><image href="${url}"/></svg>`),
        {},
        'speech.wav',
      ),
    }));
    assert.equal(canary.connections, 0);
  });

  test('25: a video of 64 streams is heard by one of them, or is 422', { skip: WITHOUT_FFMPEG }, async () => {
    const streams = Array.from({ length: 64 }, () => ['-map', '0:a']).flat();
    await refusedOrHeard(encoded(wav.subarray(0, 64_044), 'mkv', [...streams, '-c:a', 'pcm_s16le']), 'speech.mkv');
    await refusedOrHeard(
      encoded(wav, 'mp4', [
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

  test('26: fields that may not be are 400 by their name', async () => {
    for (const [name, value, code] of [
      ['prompt', 'x'.repeat(1_000_000), 'invalid_field'],
      ['language', 'xx', 'unsupported_language'],
      ['language', '../en', 'unsupported_language'],
      ['temperature', 'NaN', 'invalid_field'],
      ['temperature', 'Infinity', 'invalid_field'],
      ['temperature', '1e999', 'invalid_field'],
      ['threshold', '-1', 'invalid_field'],
      ['min_silence_ms', '1.5', 'invalid_field'],
      ['response_format', 'docx', 'invalid_field'],
      ['task', 'sing', 'invalid_field'],
      ['channels', '7', 'invalid_field'],
      ['vad', 'perhaps', 'invalid_field'],
      ['tenant', 'other', 'unknown_field'],
    ] as const)
      await refused(`400 ${code} ${name}`, () => ({ body: fileForm(wav, { [name]: value }) }));
    for (const [name, value] of [
      ['priority', 'live'],
      ['retention_seconds', '-1'],
      ['metadata', '[]'],
      ['id', '1'],
      ['webhook_events', 'x'],
    ] as const) {
      assert.equal(
        line(await tell(`${cluster.url}/v1/jobs`, { body: fileForm(wav, { [name]: value }) })),
        `400 invalid_field ${name}`,
      );
    }
  });

  test('27: JSON that is deep, large, doubled or poisoned is 400 or 413', async () => {
    const json = async (body: string): Promise<string> =>
      line(await tell(`${cluster.url}/v1/jobs`, { headers: { 'content-type': 'application/json' }, body }));
    assert.equal(await json(`{"metadata":${'['.repeat(100)}${']'.repeat(100)}}`), '400 invalid_request -');
    assert.equal(await json(JSON.stringify({ prompt: 'x'.repeat(10_000_000) })), '413 file_too_large -');
    assert.equal(
      await json('{"url":"https://a.example/a.wav","url":"https://b.example/b.wav"}'),
      '400 invalid_field url',
    );
    assert.equal(
      await json('{"metadata":{"__proto__":{"a":1}},"url":"https://a.example/a.wav"}'),
      '400 invalid_field __proto__',
    );
    assert.equal(await json('{"url":'), '400 invalid_request -');
    assert.equal(
      line(await tell(`${cluster.url}/transcribe`, { headers: { 'content-type': 'application/json' }, body: '{}' })),
      '415 unsupported_media_type -',
    );
  });
});

/** Memory of the API node's process in use. */
async function residentBytes(): Promise<number> {
  return Number((await readFile(`/proc/${String(cluster.api.pid)}/statm`, 'utf8')).split(' ')[1]) * 4_096;
}
