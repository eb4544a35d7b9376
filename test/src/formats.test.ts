import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cluster } from './harness/cluster.js';
import { transcribe } from './harness/api-requests.js';
import { WITHOUT_FFMPEG, encoded } from './harness/encode.js';
import { WITHOUT_SHARED, bytesOf, sharedClip } from './harness/speech.js';
import { joined, samples, wavFile } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';

/** Formats that ffmpeg writes here: name, extension, parameters. */
const TWINS: readonly (readonly [string, string, readonly string[]])[] = [
  ['8-bit wav', 'wav', ['-c:a', 'pcm_u8']],
  ['24-bit stereo wav at 44.1 kHz', 'wav', ['-c:a', 'pcm_s24le', '-ar', '44100', '-ac', '2']],
  ['32-bit wav at 48 kHz', 'wav', ['-c:a', 'pcm_s32le', '-ar', '48000']],
  ['float wav', 'wav', ['-c:a', 'pcm_f32le']],
  ['A-law wav', 'wav', ['-c:a', 'pcm_alaw']],
  ['µ-law wav', 'wav', ['-c:a', 'pcm_mulaw']],
  ['mp3', 'mp3', ['-b:a', '128k']],
  ['m4a', 'm4a', ['-b:a', '128k']],
  ['mp4 with its index first', 'mp4', ['-b:a', '128k', '-movflags', '+faststart']],
  ['adts aac', 'aac', ['-b:a', '128k']],
  ['flac at 48 kHz', 'flac', ['-ar', '48000']],
  ['ogg vorbis', 'ogg', ['-c:a', 'libvorbis', '-q:a', '6']],
  ['ogg opus', 'opus', ['-b:a', '64k']],
  ['webm', 'webm', ['-c:a', 'libopus', '-b:a', '64k']],
  ['aiff', 'aiff', []],
  [
    'the sound of an mkv video',
    'mkv',
    ['-f', 'lavfi', '-i', 'testsrc=size=64x64:rate=5', '-shortest', '-c:v', 'mpeg4', '-c:a', 'aac', '-b:a', '128k'],
  ],
  [
    'the sound of an mp4 video',
    'mp4',
    ['-f', 'lavfi', '-i', 'testsrc=size=64x64:rate=5', '-shortest', '-c:v', 'mpeg4', '-c:a', 'aac', '-b:a', '128k'],
  ],
];

let cluster: Cluster;
/** An API node of it that finds no ffmpeg. */
let wasm: string;
let wav: Buffer;
let said: string;
/** The text of `wav` by address. */
const twins: Record<string, string> = {};

before(async () => {
  const clips = await samples();
  said = clips.map((clip) => clip.said).join(' ');
  wav = wavFile(
    joined(
      clips.map((clip) => clip.pcm),
      500,
    ),
  );
  cluster = await Cluster.start({ worker: { MAX_BATCH: '1' } });
  const { port } = await cluster.addApi(undefined, { PATH: '/nowhere' });
  wasm = `http://127.0.0.1:${String(port)}`;
});

after(async () => {
  await cluster.close();
});

/** The words, and how many of them are wrong. Different coding may move one word. */
async function check(url: string, file: Buffer): Promise<void> {
  const { text } = await transcribe(url, file);
  twins[url] ??= (await transcribe(url, wav)).text;
  const twin = twins[url];
  assert.ok(wordErrors(words(twin), words(text)) <= 1, `${text}\ninstead of\n${twin}`);
  assert.ok(wordErrors(words(said), words(text)) <= words(said).length * 0.15, text);
}

for (const [name, extension, parameters] of TWINS) {
  test(`The words of ${name} are those of its wav twin`, { skip: WITHOUT_FFMPEG }, async () => {
    await check(cluster.url, encoded(wav, extension, parameters));
  });
}

for (const [name, extension, parameters] of TWINS.filter(([, extension]) =>
  ['mp3', 'flac', 'ogg', 'opus', 'webm', 'aiff', 'wav'].includes(extension),
)) {
  test(`The words of ${name} are those of its wav twin without ffmpeg`, { skip: WITHOUT_FFMPEG }, async () => {
    await check(wasm, encoded(wav, extension, parameters));
  });
}

test(
  'An API without ffmpeg says which formats it reads, and names ffmpeg for the others',
  { skip: WITHOUT_FFMPEG },
  async () => {
    await assert.rejects(
      transcribe(wasm, encoded(wav, 'm4a')),
      /422.*decoder_unavailable.*ffmpeg|422.*ffmpeg.*decoder_unavailable/s,
    );
    const list = async (url: string): Promise<string[]> =>
      ((await (await fetch(`${url}/capabilities`)).json()) as { formats: string[] }).formats;
    assert.ok((await list(cluster.url)).length > (await list(wasm)).length);
  },
);

test('Each channel of a stereo recording is transcribed by itself when asked', { skip: WITHOUT_SHARED }, async () => {
  const clip = sharedClip('two-speakers-stereo.wav');
  const answer = await transcribe(cluster.url, await bytesOf(clip), '?channels=split');
  clip.said.forEach((text, channel) => {
    const heard = answer.segments
      .filter((segment) => segment.channel === channel)
      .map((segment) => segment.text)
      .join(' ');
    assert.ok(
      wordErrors(words(text), words(heard)) <= words(text).length * 0.3,
      `channel ${String(channel)}: ${heard}`,
    );
  });
});

test(
  'Of several audio tracks the default or the chosen one is transcribed, and one that is not there is refused by the field',
  { skip: WITHOUT_FFMPEG },
  async () => {
    const heard = async (track: number | null, file: Buffer): Promise<number> =>
      wordErrors(
        words(said),
        words((await transcribe(cluster.url, file, track === null ? '' : `?track=${String(track)}`)).text),
      );
    for (const extension of ['mkv', 'mp4']) {
      const file = encoded(wav, extension, [
        '-f',
        'lavfi',
        '-i',
        'sine=d=3',
        '-map',
        '1:a',
        '-map',
        '0:a',
        '-c:a',
        'aac',
        '-b:a',
        '128k',
        '-disposition:a:0',
        '0',
        '-disposition:a:1',
        'default',
      ]);
      const most = words(said).length * 0.15;
      assert.ok((await heard(null, file)) <= most && (await heard(1, file)) <= most, extension);
      assert.ok((await heard(0, file)) > most, extension);
      const form = new FormData();
      form.set('track', '2');
      form.set('file', new Blob([new Uint8Array(file)]), `talk.${extension}`);
      const refused = await fetch(`${cluster.url}/transcribe`, { method: 'POST', body: form });
      assert.equal(refused.status, 400);
      assert.deepEqual(
        Object.entries(((await refused.json()) as { error: object }).error)
          .filter(([name]) => name === 'param' || name === 'code')
          .sort(),
        [
          ['code', 'invalid_field'],
          ['param', 'track'],
        ],
      );
    }
  },
);
