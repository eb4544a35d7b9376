import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { RecognizerPool, resolveModel } from '@murmuration/asr';
import { SpeechReader, vadModelFiles } from '@murmuration/audio';
import { decodeOptionsSchema, detectOptionsSchema } from '@murmuration/contracts';
import { Cluster } from './harness/cluster.js';
import { transcribe } from './harness/api-requests.js';
import { ROOT } from './harness/service-process.js';
import { bytesOf, sharedClips } from './harness/speech.js';
import { samples, wavFile } from './harness/wav.js';

const CACHE = join(ROOT, '.murmuration', 'models');

let cluster: Cluster;
let reader: SpeechReader;
let pool: RecognizerPool;

before(async () => {
  cluster = await Cluster.start({ worker: { MAX_BATCH: '1' } });
  reader = await SpeechReader.start({
    threads: 1,
    vadModelPath: join(CACHE, vadModelFiles[0].place),
    spoolDir: tmpdir(),
    maxSpoolBytes: 1e8,
    ffmpeg: null,
  });
  pool = await RecognizerPool.load({
    model: await resolveModel('moonshine-tiny', { cacheDir: CACHE }),
    dtype: 'auto',
    device: 'cpu',
    sessions: 1,
    maxBatch: 1,
  });
});

after(async () => {
  await Promise.all([cluster.close(), reader.close(), pool.close()]);
});

/** The text that the same detector, planner and model give without API node, queue and worker. */
async function inProcess(file: Uint8Array): Promise<string> {
  const texts: string[] = [];
  const events = reader.read({
    source: (async function* () {
      yield file;
      await Promise.resolve();
    })(),
    contentType: null,
    extension: null,
    channels: 'mix',
    detect: detectOptionsSchema.parse({}),
    policy: pool.description.chunkPolicy,
    limits: { maxDurationMs: 3_600_000, maxChannels: 8 },
    signal: new AbortController().signal,
  });
  for await (const event of events) {
    if (event.type === 'end') continue;
    const { recognitions } = await pool.run([
      { pcm: new Int16Array(new Uint8Array(event.pcm).buffer), options: decodeOptionsSchema.parse({}) },
    ]);
    texts.push(...recognitions.flatMap((recognition) => recognition.segments.map((segment) => segment.text.trim())));
  }
  return texts.join(' ');
}

test(
  'The text through API, queue and worker is that of the model in-process, chunk by chunk',
  { timeout: 300_000 },
  async () => {
    const shared = sharedClips().filter(
      (clip) => clip.language === 'en' && clip.name.endsWith('.wav') && clip.said.length === 1,
    );
    const files = [
      ...(await samples()).map((sample) => wavFile(sample.pcm)),
      ...(await Promise.all(shared.map(bytesOf))),
    ];
    for (const file of files) assert.equal((await transcribe(cluster.url, file)).text, await inProcess(file));
  },
);
