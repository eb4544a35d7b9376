import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createKey } from '@murmuration/access';
import { Murmuration, type LiveEvent, type LiveOptions } from '@murmuration/client/node';
import { Cluster } from './harness/cluster.js';
import { until } from './harness/api-requests.js';
import { samples, wavFile, type Sample } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';

let folder: string;
let cluster: Cluster;
let clip: Sample;
let key: string;
let reader: string;
let small: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'murmuration-client-keys-'));
  const keys = join(folder, 'keys.json');
  key = (await createKey(keys, { name: 'acme' })).key;
  reader = (await createKey(keys, { name: 'viewer', scopes: ['read'] })).key;
  small = (await createKey(keys, { name: 'small', monthlyAudioSeconds: 1 })).key;
  const [first] = await samples();
  assert.ok(first);
  clip = first;
  cluster = await Cluster.start({ relays: 1, api: { API_KEYS_FILE: keys }, relay: { API_KEYS_FILE: keys } });
});

after(async () => {
  await cluster.close();
  await rm(folder, { recursive: true });
});

function withKey(apiKey?: string): Murmuration {
  return new Murmuration({ baseUrl: cluster.url, apiKey });
}

/** Speaks the clip through the API node and answers what came. */
async function spoken(client: Murmuration, options: LiveOptions = {}): Promise<LiveEvent[]> {
  const session = client.live(options);
  const sending = session.send(clip.pcm).then(() => {
    session.finish();
  });
  sending.catch(() => undefined);
  const events: LiveEvent[] = [];
  for await (const event of session) events.push(event);
  await sending;
  return events;
}

function check(events: readonly LiveEvent[]): void {
  const said = words(clip.said);
  const text = events.flatMap((event) => (event.type === 'final' ? [event.text] : [])).join(' ');
  assert.ok(wordErrors(said, words(text)) <= said.length * 0.15, text);
}

test('A live session goes through the API node with a key as a subprotocol', async () => {
  check(await spoken(withKey(key)));
});

test('A page that has no key speaks with a ticket that another has got for it, which is good for one session', async () => {
  const { ticket } = await withKey(key).ticket();
  check(await spoken(withKey(), { ticket: () => Promise.resolve(ticket) }));
  await assert.rejects(spoken(withKey(), { ticket: () => Promise.resolve(ticket) }), { code: 'unauthenticated' });
});

test('Without a key, with a wrong one and with one that may not, nothing is heard', async () => {
  await assert.rejects(spoken(withKey()), { code: 'unauthenticated', status: 401 });
  await assert.rejects(spoken(withKey(`${key}x`)), { code: 'unauthenticated', status: 401 });
  await assert.rejects(spoken(withKey(reader)), { code: 'permission_denied', status: 403 });
  await assert.rejects(withKey(reader).transcribe(new Uint8Array(100)), { code: 'permission_denied', status: 403 });
  await assert.rejects(withKey().jobs.get(crypto.randomUUID()), { code: 'unauthenticated', status: 401 });
});

test('What a key uses is counted, and one that has used up its month is refused, with recordings and live', async () => {
  const before = await withKey(key).usage();
  check(await spoken(withKey(key)));
  await withKey(key).transcribe(wavFile(clip.pcm));
  const seconds = clip.pcm.byteLength / 32_000;
  await until('the session and the recording are counted', async () => {
    const { today } = await withKey(key).usage();
    return (
      today.recordings - before.today.recordings === 1 &&
      Math.abs(today.recorded_seconds - before.today.recorded_seconds - seconds) < 0.1 &&
      today.live_sessions - before.today.live_sessions === 1 &&
      Math.abs(today.live_seconds - before.today.live_seconds - seconds) < 0.1
    );
  });
  await withKey(small).transcribe(wavFile(clip.pcm));
  await assert.rejects(withKey(small).transcribe(wavFile(clip.pcm)), { code: 'insufficient_quota', status: 429 });
  await assert.rejects(spoken(withKey(small)), { code: 'insufficient_quota' });
  assert.equal((await withKey(small).usage()).monthly_audio_seconds, 1);
});
