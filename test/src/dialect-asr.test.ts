import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createKey } from '@murmuration/access';
import { Cluster } from './harness/cluster.js';
import { samples, wavFile, type Sample } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';

let folder: string;
let cluster: Cluster;
let clip: Sample;
let basic: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'murmuration-asr-'));
  const keys = join(folder, 'keys.json');
  const { key } = await createKey(keys, { name: 'bazarr', scopes: ['transcribe'] });
  // As an HTTP client sends it for http://bazarr:KEY@host.
  basic = `Basic ${Buffer.from(`bazarr:${key}`).toString('base64')}`;
  const [first] = await samples();
  assert.ok(first);
  clip = first;
  cluster = await Cluster.start({ api: { API_KEYS_FILE: keys } });
});

after(async () => {
  await cluster.close();
  await rm(folder, { recursive: true });
});

/** As Bazarr's provider sends it: samples in a part that is named after its field, without a type. */
async function post(path: string, bytes: Uint8Array, authorization = basic): Promise<Response> {
  const boundary = 'b0d0';
  const body = Buffer.concat([
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="audio_file"; filename="audio_file"\r\n\r\n`),
    bytes,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  return fetch(`${cluster.url}${path}`, {
    method: 'POST',
    headers: { authorization, 'content-type': `multipart/form-data; boundary=${boundary}` },
    body,
  });
}

function pcmOf({ pcm }: Sample): Uint8Array {
  return new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength);
}

function check(subtitles: string): void {
  const text = subtitles.replace(/^\d+$/gm, '').replace(/^.* --> .*$/gm, '');
  const said = words(clip.said);
  assert.ok(wordErrors(said, words(text)) <= said.length * 0.15, subtitles);
}

test('Bazarr gets subtitles of the samples that it sends', async () => {
  const answer = await post('/asr?task=transcribe&language=en&output=srt&encode=false', pcmOf(clip));
  assert.equal(answer.status, 200);
  const subtitles = await answer.text();
  assert.match(subtitles, /^1\n00:00:0\d,\d{3} --> 00:00:\d\d,\d{3}\n/);
  check(subtitles);
});

test('Bazarr gets the language of the samples that it sends', async () => {
  const answer = await post('/detect-language?encode=false', pcmOf(clip));
  assert.equal(answer.status, 200);
  const { detected_language, language_code } = (await answer.json()) as Record<string, unknown>;
  assert.deepEqual([detected_language, language_code], ['english', 'en']);
});

test('A recording with a header is decoded', async () => {
  const answer = await post('/asr?output=txt', wavFile(clip.pcm));
  check(await answer.text());
});

test('A wrong password is refused', async () => {
  const wrong = `Basic ${Buffer.from('bazarr:murm_wrong').toString('base64')}`;
  assert.equal((await post('/asr?encode=false', pcmOf(clip), wrong)).status, 401);
});
