import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { freePort } from '@murmuration/store/testing';
import { Cluster } from './harness/cluster.js';
import { frameOf, twoSentences } from './harness/paced.js';
import { RATE_HZ } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';
import { WyomingClient } from './harness/wyoming-client.js';

const MONO = { rate: RATE_HZ, width: 2, channels: 1 };
let cluster: Cluster;
let port: number;
let pcm: Int16Array;
let said: readonly string[];

before(async () => {
  ({ pcm, said } = await twoSentences());
  port = await freePort();
  cluster = await Cluster.start({ relays: 1, relay: { WYOMING_PORT: String(port) } });
});

after(async () => {
  await cluster.close();
});

function check(text: string): void {
  assert.ok(wordErrors(said, words(text)) <= said.length * 0.2, text);
}

test('describe names the model that is served, as Home Assistant wants it', async () => {
  const client = await WyomingClient.connect(port);
  client.say('describe');
  const { asr } = (await client.first('info')).data as { asr: Record<string, unknown>[] };
  const [program] = asr;
  assert.ok(asr.length === 1 && program?.['installed'] === true && program['supports_transcript_streaming'] === true);
  const [model] = program['models'] as { languages: string[]; installed: boolean; attribution: object }[];
  assert.deepEqual([model?.languages, model?.installed], [['en'], true]);
  client.close();
});

test('Two requests on one connection are transcribed, and the chunks put together are the transcript', async () => {
  const client = await WyomingClient.connect(port);
  for (const wishes of [{ language: 'en' }, {}]) {
    const from = client.events.length;
    const text = await client.transcribe(frameOf(pcm), MONO, wishes);
    check(text);
    const events = client.events.slice(from);
    assert.equal(events[0]?.type, 'transcript-start');
    const chunks = events.filter(({ type }) => type === 'transcript-chunk').map(({ data }) => String(data['text']));
    assert.equal(chunks.join(''), text);
  }
  client.close();
});

test('48 kHz stereo of 32 bits is transcribed as well', async () => {
  const wide = Buffer.alloc(pcm.length * 3 * 2 * 4);
  for (let i = 0; i < pcm.length; i++)
    for (let j = 0; j < 6; j++) wide.writeInt32LE((pcm[i] ?? 0) * 65_536, (i * 6 + j) * 4);
  const client = await WyomingClient.connect(port);
  check(await client.transcribe(wide, { rate: RATE_HZ * 3, width: 4, channels: 2 }));
  client.close();
});

test('Silence is an empty transcript', async () => {
  const client = await WyomingClient.connect(port);
  assert.equal(await client.transcribe(Buffer.alloc(RATE_HZ * 2), MONO), '');
  client.close();
});

test('Who sends no events, or names an unknown model or language, gets an error and is closed; others go on', async () => {
  const other = await WyomingClient.connect(port);
  const refusals: readonly (readonly [string, (client: WyomingClient) => void])[] = [
    [
      'invalid_message',
      (client) => {
        client.raw('GET / HTTP/1.1\r\n\r\n');
      },
    ],
    ...(
      [
        ['model_not_found', { name: 'no-such-model' }],
        ['unsupported_language', { language: 'de' }],
      ] as const
    ).map(
      ([code, wishes]) =>
        [
          code,
          (client: WyomingClient) => {
            client.say('transcribe', wishes);
            client.say('audio-chunk', MONO, Buffer.alloc(2_048));
          },
        ] as const,
    ),
  ];
  for (const [code, provoke] of refusals) {
    const client = await WyomingClient.connect(port);
    provoke(client);
    assert.equal((await client.first('error')).data['code'], code);
    await client.closed();
  }
  other.say('ping', { text: 'still here' });
  assert.deepEqual((await other.first('pong')).data, { text: 'still here' });
  other.close();
});
