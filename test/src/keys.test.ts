import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import OpenAI, { toFile } from 'openai';
import { createKey, revokeKey } from '@murmuration/access';
import { patientConnection } from '@murmuration/store';
import { freePort } from '@murmuration/store/testing';
import { createLogger } from '@murmuration/runtime';
import { Cluster } from './harness/cluster.js';
import { until, type ErrorAnswer } from './harness/api-requests.js';
import { ServiceProcess } from './harness/service-process.js';
import { samples, wavFile } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';

let folder: string;
let path: string;
let cluster: Cluster;
let second: ServiceProcess;
let urls: readonly [string, string];
let file: Buffer;
let said: string[];
/** Everything that must appear in no log and not in Redis. */
const secrets: string[] = [];

async function made(name: string, scopes?: readonly string[]): Promise<{ key: string; id: string }> {
  const { key, entry } = await createKey(path, { name, ...(scopes === undefined ? {} : { scopes }) });
  secrets.push(key, entry.sha256);
  return { key, id: entry.id };
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'murmuration-keys-'));
  path = join(folder, 'keys.json');
  await made('first');
  const [clip] = await samples();
  assert.ok(clip);
  said = words(clip.said);
  file = wavFile(clip.pcm);
  const api = { API_KEYS_FILE: path, LOG_LEVEL: 'trace' };
  cluster = await Cluster.start({ api });
  const port = await freePort();
  second = await ServiceProcess.start('api', {
    ...api,
    REDIS_URL: cluster.redis.url,
    AUDIO_STORE_DIR: cluster.audioFolder,
    API_PORT: String(port),
  });
  urls = [cluster.url, `http://127.0.0.1:${String(port)}`];
});

after(async () => {
  await second.end();
  await cluster.close();
  await rm(folder, { recursive: true, force: true });
});

async function status(url: string, key: string): Promise<number> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${key}` } });
  await response.arrayBuffer();
  return response.status;
}

/** Waits until both nodes answer this status to the key: within five seconds, as is promised. */
async function untilBoth(what: string, key: string, wanted: number): Promise<void> {
  await until(
    what,
    async () =>
      (await Promise.all(urls.map((url) => status(`${url}/v1/models`, key)))).every((found) => found === wanted),
    5_000,
  );
}

async function ticketOf(key: string): Promise<string> {
  const response = await fetch(`${urls[0]}/v1/tickets`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
  });
  const { ticket } = (await response.json()) as { ticket: string };
  secrets.push(ticket);
  return ticket;
}

function openai(apiKey: string): OpenAI {
  return new OpenAI({ baseURL: `${urls[1]}/v1`, apiKey, maxRetries: 0 });
}

test('The official client works with its key, and is told of a wrong one as OpenAI tells it', async () => {
  const { key } = await made('acme');
  await untilBoth('the new key is known', key, 200);
  const { text } = await openai(key).audio.transcriptions.create({
    file: await toFile(file, 'speech.wav'),
    model: 'whisper-1',
  });
  assert.ok(wordErrors(said, words(text)) <= said.length * 0.15, text);
  await assert.rejects(
    async () =>
      openai(`${key}x`).audio.transcriptions.create({ file: await toFile(file, 'speech.wav'), model: 'whisper-1' }),
    (error: unknown) => {
      assert.ok(error instanceof OpenAI.AuthenticationError);
      assert.deepEqual([error.status, error.code, error.type], [401, 'unauthenticated', 'authentication_error']);
      return true;
    },
  );
});

test('A key that may only read transcribes nothing', async () => {
  const { key } = await made('reader', ['read']);
  await untilBoth('the new key is known', key, 200);
  for (const url of urls) {
    const response = await fetch(`${url}/transcribe`, {
      method: 'POST',
      headers: { 'x-api-key': key, 'content-type': 'audio/wav' },
      body: new Blob([new Uint8Array(file)]),
    });
    assert.deepEqual(
      [response.status, ((await response.json()) as ErrorAnswer).error.code],
      [403, 'permission_denied'],
    );
  }
});

test('A ticket of one node reads on the other, and ends with its key on both', async () => {
  const { key, id } = await made('viewer');
  await untilBoth('the new key is known', key, 200);
  const ticket = await ticketOf(key);
  for (const url of urls) assert.equal((await fetch(`${url}/sessions?ticket=${ticket}`)).status, 200);
  await revokeKey(path, id);
  await untilBoth('the revoked key is refused', key, 401);
  for (const url of urls) assert.equal((await fetch(`${url}/sessions?ticket=${ticket}`)).status, 401);
});

test('What a key has in progress is seen by that key and by administrators, on every node', async () => {
  const [owner, other, admin] = [await made('owner'), await made('other'), await made('boss', ['admin'])];
  for (const { key } of [owner, other, admin]) await untilBoth('the new keys are known', key, 200);
  for (const worker of cluster.workers) await worker.end();
  const leaving = new AbortController();
  const request = fetch(`${urls[0]}/transcribe`, {
    method: 'POST',
    signal: leaving.signal,
    headers: { authorization: `Bearer ${owner.key}`, 'content-type': 'audio/wav' },
    body: new Blob([new Uint8Array(file)]),
  });
  request.catch(() => undefined);
  const sessions = async (url: string, key: string): Promise<number> =>
    (
      (await (await fetch(`${url}/sessions`, { headers: { authorization: `Bearer ${key}` } })).json()) as {
        sessions: unknown[];
      }
    ).sessions.length;
  await until('the work is in progress', async () => (await sessions(urls[1], owner.key)) === 1);
  for (const url of urls)
    assert.deepEqual(await Promise.all([owner, other, admin].map(({ key }) => sessions(url, key))), [1, 0, 1]);
  leaving.abort();
  await assert.rejects(request);
});

test('A broken file of keys leaves the old ones at work, and stops the start of a new node with the entry at fault', async () => {
  const { key } = await made('steady');
  await untilBoth('the new key is known', key, 200);
  const good = join(folder, 'good.json');
  await copyFile(path, good);
  await writeFile(path, JSON.stringify([...(JSON.parse(await readFile(good, 'utf8')) as unknown[]), { name: 'half' }]));
  await until('both nodes have seen the broken file', () =>
    [cluster.api, second].every((node) => node.log.includes('the old keys stay')),
  );
  await untilBoth('the old keys work', key, 200);
  const refused = await ServiceProcess.launch('api', {
    API_KEYS_FILE: path,
    API_PORT: '0',
    REDIS_URL: cluster.redis.url,
  });
  assert.equal(await refused.exited, 1);
  assert.match(refused.log, /API_KEYS_FILE: The file of keys cannot be used: entry \d+ \(half\)/);
  await copyFile(good, path);
});

test('No key, hash of a key or ticket is in a log, and Redis holds neither keys nor tickets', async () => {
  const { key } = await made('last');
  await untilBoth('the new key is known', key, 200);
  await fetch(`${urls[1]}/v1/models?ticket=${await ticketOf(key)}`);
  await status(`${urls[0]}/v1/models?api_key=${key}`, 'wrong');
  const redis = patientConnection(cluster.redis.url, createLogger({ service: 'test', level: 'silent' }));
  const names = await redis.keys('*');
  const strings = await Promise.all(
    names.map(async (name) => ((await redis.type(name)) === 'string' ? ((await redis.get(name)) ?? '') : '')),
  );
  await redis.quit();
  assert.ok(secrets.length > 10 && names.some((name) => name.endsWith(':ticket')));
  const logs = [cluster.api.log, second.log, names.join('\n'), strings.join('\n')];
  assert.ok(logs.every((log) => log !== '') && cluster.api.log.includes('answered'));
  for (const secret of secrets) assert.ok(logs.every((log) => !log.includes(secret)));
});
