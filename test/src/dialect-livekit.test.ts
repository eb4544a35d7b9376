import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Cluster } from './harness/cluster.js';
import { WITHOUT_LIVEKIT, runLiveKit } from './harness/live-clients.js';
import { atRate, frameOf, twoSentences } from './harness/paced.js';
import { RATE_HZ } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';

const OPENAI_RATE_HZ = 24_000;

let cluster: Cluster;
let folder: string;
let said: readonly string[];

before(async () => {
  if (WITHOUT_LIVEKIT !== false) return;
  folder = await mkdtemp(join(tmpdir(), 'murmuration-livekit-'));
  const speech = await twoSentences();
  said = speech.said;
  await writeFile(join(folder, String(RATE_HZ)), frameOf(speech.pcm));
  await writeFile(join(folder, String(OPENAI_RATE_HZ)), frameOf(atRate(speech.pcm, OPENAI_RATE_HZ)));
  cluster = await Cluster.start({ relays: 1 });
});

after(async () => {
  if (WITHOUT_LIVEKIT !== false) return;
  await cluster.close();
  await rm(folder, { recursive: true, force: true });
});

/** Speaks a file into a plugin as an agent does, flushes, waits for the last final or a moment, and prints all events. */
const SCRIPT = `
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
const [folder, plugin, options, file, rateText] = process.argv.slice(2);
const require = createRequire(folder + '/package.json');
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { initializeLogger, stt } = await load('@livekit/agents');
const { AudioFrame } = await load('@livekit/rtc-node');
const { STT } = await load(plugin);
initializeLogger({ pretty: false, level: 'silent' });
const rate = Number(rateText);
const bytes = readFileSync(file);
const pcm = new Int16Array(new Uint8Array(bytes).buffer);
const names = Object.fromEntries(Object.entries(stt.SpeechEventType).map(([name, value]) => [value, name]));
const events = [];
let lastMs = performance.now();
const speech = new STT({ apiKey: 'unused', ...JSON.parse(options) });
speech.on('error', (event) => { events.push(['FAILED', String(event.error ?? event)]); });
const stream = speech.stream();
const reading = (async () => {
  for await (const event of stream) {
    events.push([names[event.type] ?? String(event.type), event.alternatives?.[0]?.text ?? null]);
    lastMs = performance.now();
  }
})();
reading.catch((error) => { events.push(['FAILED', String(error)]); });
const startedMs = performance.now();
const samples = rate / 20;
const sleepUntil = (ms) => new Promise((resolve) => { setTimeout(resolve, Math.max(0, ms - performance.now())); });
for (let at = 0; at < pcm.length; at += samples) {
  await sleepUntil(startedMs + (at + samples) / rate * 1000);
  const part = pcm.slice(at, at + samples);
  stream.pushFrame(new AudioFrame(part, rate, 1, part.length));
}
stream.flush();
const flushedMs = performance.now();
// A plugin cuts what comes after its input has ended.
while (performance.now() - Math.max(lastMs, flushedMs) < 3000) await sleepUntil(performance.now() + 100);
console.log(JSON.stringify(events));
process.exit(0);
`;

type Event = readonly [type: string, text: string | null];

async function heard(plugin: string, options: object, rateHz: number): Promise<readonly Event[]> {
  return (await runLiveKit(SCRIPT, [
    plugin,
    JSON.stringify(options),
    join(folder, String(rateHz)),
    String(rateHz),
  ])) as Event[];
}

function check(events: readonly Event[], { turns }: { readonly turns: boolean }): void {
  assert.deepEqual(
    events.filter(([type]) => type === 'FAILED'),
    [],
  );
  const finals = events.filter(([type]) => type === 'FINAL_TRANSCRIPT');
  const text = finals.map(([, heard]) => heard ?? '').join(' ');
  assert.ok(wordErrors(said, words(text)) <= said.length * 0.2, JSON.stringify(events));
  const order = events.map(([type]) => type);
  assert.ok(
    order.indexOf('INTERIM_TRANSCRIPT') >= 0 && order.indexOf('INTERIM_TRANSCRIPT') < order.indexOf('FINAL_TRANSCRIPT'),
  );
  if (turns)
    assert.deepEqual(
      [
        order.filter((type) => type === 'START_OF_SPEECH').length,
        order.filter((type) => type === 'END_OF_SPEECH').length,
      ],
      [2, 2],
    );
}

test("LiveKit's OpenAI plugin hears turns that the service finds", { skip: WITHOUT_LIVEKIT }, async () => {
  check(
    await heard(
      '@livekit/agents-plugin-openai',
      { baseURL: `${cluster.url}/v1`, model: 'gpt-4o-transcribe', language: 'en' },
      OPENAI_RATE_HZ,
    ),
    { turns: true },
  );
});

test(
  "LiveKit's OpenAI plugin with its own model's way of working commits by itself",
  { skip: WITHOUT_LIVEKIT },
  async () => {
    check(
      await heard(
        '@livekit/agents-plugin-openai',
        { baseURL: `${cluster.url}/v1`, language: 'en', vad: null },
        OPENAI_RATE_HZ,
      ),
      { turns: false },
    );
  },
);

test(
  "LiveKit's Deepgram plugin, which asks for pauses of 25 ms, hears whole sentences",
  { skip: WITHOUT_LIVEKIT },
  async () => {
    check(
      await heard(
        '@livekit/agents-plugin-deepgram',
        { baseUrl: cluster.url.replace('http', 'ws'), language: 'en-US' },
        RATE_HZ,
      ),
      { turns: true },
    );
  },
);
