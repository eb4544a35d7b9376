import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createKey } from '@murmuration/access';
import { Murmuration, type LiveEvent, type LiveOptions } from '@murmuration/client/node';
import { Cluster } from './harness/cluster.js';
import { samples, type Sample } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';

let folder: string;
let cluster: Cluster;
let clip: Sample;
let key: string;
let reader: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'murmuration-client-keys-'));
  const keys = join(folder, 'keys.json');
  key = (await createKey(keys, { name: 'acme' })).key;
  reader = (await createKey(keys, { name: 'viewer', scopes: ['read'] })).key;
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
