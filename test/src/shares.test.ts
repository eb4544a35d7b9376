import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { request, type ClientRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createKey } from '@murmuration/access';
import { Cluster } from './harness/cluster.js';
import { until, type ErrorAnswer } from './harness/api-requests.js';
import { LiveConnection } from './harness/live-client.js';
import { RATE_HZ, samples, wavFile } from './harness/wav.js';

let folder: string;
let cluster: Cluster;
let wav: Buffer;
const keys: Record<'greedy' | 'modest', string> = { greedy: '', modest: '' };

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'murmuration-shares-'));
  const path = join(folder, 'keys.json');
  for (const name of ['greedy', 'modest'] as const) keys[name] = (await createKey(path, { name })).key;
  const [clip] = await samples();
  assert.ok(clip);
  wav = wavFile(clip.pcm);
  cluster = await Cluster.start({
    relays: 1,
    api: { API_KEYS_FILE: path, MAX_ACTIVE_UPLOADS: '8' },
    relay: { API_KEYS_FILE: path, MAX_SESSIONS: '8' },
    worker: { DEVICE: 'simulated' },
  });
});

after(async () => {
  await cluster.close();
  await rm(folder, { recursive: true, force: true });
});

/** An upload that has sent its beginning and then nothing; `status` once it is answered. */
function stalled(key: string): { readonly upload: ClientRequest; status: number | null } {
  const upload = request(`${cluster.url}/transcribe`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'audio/wav', 'content-length': 50_000_000 },
  });
  const held: { readonly upload: ClientRequest; status: number | null } = { upload, status: null };
  upload.on('response', (response) => {
    held.status = response.statusCode ?? 0;
    response.resume();
  });
  upload.on('error', () => undefined);
  upload.write(wav.subarray(0, 2_000));
  return held;
}

test('One key cannot take all uploads of a server', { timeout: 120_000 }, async () => {
  const held = Array.from({ length: 8 }, () => stalled(keys.greedy));
  try {
    await until('half of them are refused', () => held.filter((one) => one.status === 429).length === 4, 60_000);
    const response = await fetch(`${cluster.url}/transcribe`, {
      method: 'POST',
      headers: { authorization: `Bearer ${keys.modest}`, 'content-type': 'audio/wav' },
      body: new Uint8Array(wav),
    });
    assert.equal(response.status, 200, await response.clone().text());
    const refused = await fetch(`${cluster.url}/transcribe`, {
      method: 'POST',
      headers: { authorization: `Bearer ${keys.greedy}`, 'content-type': 'audio/wav' },
      body: new Uint8Array(wav),
    });
    assert.equal(refused.status, 429);
    assert.equal(((await refused.json()) as ErrorAnswer).error.code, 'queue_full');
    assert.ok(Number(refused.headers.get('retry-after')) > 0);
  } finally {
    for (const { upload } of held) upload.destroy();
  }
});

test('One key cannot take all live sessions of a relay', { timeout: 120_000 }, async () => {
  const started = async (key: string): Promise<{ connection: LiveConnection; told: string }> => {
    const connection = await LiveConnection.open(`${cluster.url.replace('http', 'ws')}/ws/transcribe`, {
      authorization: `Bearer ${key}`,
    });
    connection.send({ type: 'start', sample_rate: RATE_HZ });
    const { type, code } = await connection.next(
      'ready or a refusal',
      (message) => message.type === 'ready' || message.type === 'error',
    );
    return { connection, told: code ?? type };
  };
  const open: LiveConnection[] = [];
  try {
    const told: string[] = [];
    for (let count = 0; count < 6; count++) {
      const session = await started(keys.greedy);
      open.push(session.connection);
      told.push(session.told);
    }
    assert.deepEqual(told, ['ready', 'ready', 'ready', 'ready', 'queue_full', 'queue_full']);
    const other = await started(keys.modest);
    open.push(other.connection);
    assert.equal(other.told, 'ready');
    open[0]?.send({ type: 'cancel' });
    await open[0]?.closed;
    await until('what is given free can be taken again', async () => {
      const session = await started(keys.greedy);
      open.push(session.connection);
      return session.told === 'ready';
    });
  } finally {
    for (const connection of open) connection.cut();
  }
});
