import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { JobJson } from '@murmuration/contracts';
import { patientConnection, type Redis } from '@murmuration/store';
import { createLogger } from '@murmuration/runtime';
import { LocalServer } from './harness/attack.js';
import { Cluster } from './harness/cluster.js';
import { until } from './harness/api-requests.js';
import { LiveConnection } from './harness/live-client.js';
import { paced, twoSentences } from './harness/paced.js';
import { RATE_HZ, wavFile } from './harness/wav.js';

/** Within this nothing may be left; the wait itself is longer, for a machine that is busy with other work. */
const ERASE_WITHIN_MS = 6_000;
const WAIT_MS = 90_000;
/** In the end everything that a client may send is looked for by these. */
const SENT = { prompt: 'canaryprompt', hotword: 'canaryhotword', metadata: 'canarymetadata', webhook: 'canaryhook' };
const FIELDS = { prompt: `The ${SENT.prompt}.`, hotwords: SENT.hotword };

let folder: string;
let cluster: Cluster;
let receiver: LocalServer;
let redis: Redis;
let pcm: Int16Array;
let wav: Buffer;
/** What the receiver answers, and what it got. */
let status = 500;
const messages: string[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'murmuration-erasure-'));
  ({ pcm } = await twoSentences());
  wav = wavFile(pcm);
  receiver = await LocalServer.start((request, response) => {
    let body = '';
    request
      .setEncoding('utf8')
      .on('data', (piece: string) => {
        body += piece;
      })
      .on('end', () => {
        messages.push(body);
        response.writeHead(status).end();
      });
  });
  const shared = {
    ERASE_WITHIN_MS: String(ERASE_WITHIN_MS),
    URL_ALLOWLIST: receiver.host,
    WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 9).toString('base64')}`,
    AUDIO_STORE: 'directory',
    AUDIO_STORE_DIR: join(folder, 'audio'),
    SPOOL_DIR: join(folder, 'spool'),
  };
  cluster = await Cluster.start({
    relays: 1,
    api: shared,
    relay: shared,
    worker: { AUDIO_STORE: 'directory', AUDIO_STORE_DIR: join(folder, 'audio') },
  });
  redis = patientConnection(cluster.redis.url, createLogger({ service: 'test', level: 'silent' }));
  // What is compressed could not be looked through.
  await redis.config('SET', 'rdbcompression', 'no');
});

after(async () => {
  await redis.quit();
  receiver.close();
  await cluster.close();
  await rm(folder, { recursive: true });
});

async function everyFile(dir: string): Promise<Buffer[]> {
  const names = await readdir(dir, { recursive: true }).catch(() => []);
  return Promise.all(names.map((name) => readFile(join(dir, name)).catch(() => Buffer.alloc(0))));
}

/** Everything that is kept anywhere, by place. */
async function everything(): Promise<Readonly<Record<string, readonly Buffer[]>>> {
  const keys: Buffer[] = [];
  for (let cursor = '0'; ;) {
    const [next, page] = await redis.scan(cursor, 'COUNT', 1_000);
    for (const key of page)
      keys.push(Buffer.from(key), ((await redis.callBuffer('DUMP', key)) as Buffer | null) ?? Buffer.alloc(0));
    if (next === '0') break;
    cursor = next;
  }
  const [, dir = ''] = await redis.config('GET', 'dir');
  const processes = [...cluster.apis, ...cluster.relays].map((node) => node.process).concat(cluster.workers);
  return {
    keys,
    slowLog: [Buffer.from(JSON.stringify(await redis.slowlog('GET', 1_000)))],
    redisFiles: await everyFile(dir),
    store: await everyFile(join(folder, 'audio')),
    spool: await everyFile(join(folder, 'spool')),
    logs: processes.map((process) => Buffer.from(process.log)),
  };
}

/** Where each of these is, as `place: what`. */
async function traces(canaries: Readonly<Record<string, string | Buffer>>): Promise<string[]> {
  const places = await everything();
  return Object.entries(places).flatMap(([place, pieces]) =>
    Object.entries(canaries)
      .filter(([, canary]) => pieces.some((piece) => piece.includes(canary)))
      .map(([what]) => `${place}: ${what}`),
  );
}

async function goneEverywhere(canaries: Readonly<Record<string, string | Buffer>>): Promise<void> {
  let left: string[] = [];
  await until(
    'nothing is left',
    async () => {
      left = await traces(canaries);
      return left.length === 0;
    },
    WAIT_MS,
  ).catch((error: unknown) => {
    throw new Error(`left behind: ${left.join(', ')}`, { cause: error });
  });
}

async function submitted(query: Readonly<Record<string, string>>): Promise<JobJson> {
  const url = `${cluster.url}/v1/jobs?${new URLSearchParams({ ...FIELDS, metadata: JSON.stringify({ note: SENT.metadata }), webhook_url: `${receiver.url}/${SENT.webhook}`, ...query }).toString()}`;
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'audio/wav', 'idempotency-key': `${SENT.metadata} ${JSON.stringify(query)}` },
    body: new Uint8Array(wav),
  });
  assert.equal(response.status, 202, await response.clone().text());
  return (await response.json()) as JobJson;
}

async function job(id: string): Promise<JobJson> {
  return (await (await fetch(`${cluster.url}/v1/jobs/${id}`)).json()) as JobJson;
}

/** The beginning of what was understood. */
async function words(id: string): Promise<string> {
  return (await (await fetch(`${cluster.url}/v1/jobs/${id}/transcript.txt`)).text()).slice(0, 20);
}

test(
  'Of a job that is deleted, and of one whose time is over, nothing is left anywhere, and its pending message is not sent any more',
  { timeout: 240_000 },
  async () => {
    status = 500;
    const deleted = await submitted({});
    await until('it is done', async () => (await job(deleted.id)).status === 'done', WAIT_MS);
    await until('its webhook was tried', () => messages.length > 0, WAIT_MS);
    const canaries = { ...SENT, text: await words(deleted.id) };
    const found = await traces(canaries);
    for (const what of ['metadata', 'webhook', 'text'])
      for (const place of ['keys', 'redisFiles'])
        assert.ok(found.includes(`${place}: ${what}`), `${place}: ${what} was there`);
    assert.ok(
      !found.includes('keys: prompt') && !found.includes('keys: hotword'),
      'what a job was decoded with goes with its end',
    );
    assert.deepEqual(
      found.filter((place) => !place.startsWith('keys') && !place.startsWith('redisFiles')),
      [],
    );
    const expiring = await submitted({ retention_seconds: '1' });
    await until('the other is done', async () => (await job(expiring.id)).status === 'done', WAIT_MS);
    assert.equal((await fetch(`${cluster.url}/v1/jobs/${deleted.id}`, { method: 'DELETE' })).status, 200);
    await goneEverywhere(canaries);
    const sent = messages.length;
    for (const id of [deleted.id, expiring.id]) {
      const left = await job(id);
      assert.deepEqual([left.status, left.purged, left.metadata, left.webhook], ['done', true, null, null]);
      assert.equal((await fetch(`${cluster.url}/v1/jobs/${id}/transcript.json`)).status, 410);
      assert.equal((await fetch(`${cluster.url}/v1/jobs/${id}/redeliver`, { method: 'POST' })).status, 410);
    }
    await redis.ping();
    assert.equal(messages.length, sent);
  },
);

test('Of a request that somebody waited for nothing is left', { timeout: 240_000 }, async () => {
  const response = await fetch(`${cluster.url}/transcribe?${new URLSearchParams(FIELDS).toString()}`, {
    method: 'POST',
    headers: { 'content-type': 'audio/wav' },
    body: new Uint8Array(wav),
  });
  const { text } = (await response.json()) as { text: string };
  assert.ok(text.length > 20);
  await goneEverywhere({ ...SENT, text: text.slice(0, 20) });
});

test(
  'Of a live session nothing is left: sooner when it is deleted, which also ends it',
  { timeout: 240_000 },
  async () => {
    const started = async (): Promise<{ connection: LiveConnection; session: string }> => {
      const connection = await LiveConnection.open(`${cluster.url.replace('http', 'ws')}/ws/transcribe`);
      connection.send({ type: 'start', sample_rate: RATE_HZ, ...FIELDS });
      const { session = '' } = await connection.next('ready', (message) => message.type === 'ready');
      return { connection, session };
    };
    const [finished, deleted] = [await started(), await started()];
    const loudest = pcm.reduce((best, sample, at) => (Math.abs(sample) > Math.abs(pcm[best] ?? 0) ? at : best), 0);
    const audio = Buffer.from(pcm.buffer, pcm.byteOffset + (loudest - 16) * 2, 64);
    const sent = Promise.all(
      [finished, deleted].map(({ connection }) =>
        paced(pcm, (frame) => {
          connection.audio(frame);
        }),
      ),
    );
    await until('its audio is stored', async () => (await traces({ audio })).length > 0, WAIT_MS);
    await sent;
    const { text = '' } = await deleted.connection.next('a final', (message) => message.type === 'final', WAIT_MS);
    const canaries = { prompt: SENT.prompt, hotword: SENT.hotword, text: text.slice(0, 20), audio };
    const found = await traces(canaries);
    for (const what of ['prompt', 'hotword', 'text'])
      assert.ok(found.includes(`redisFiles: ${what}`), `${what} was there`);
    finished.connection.send({ type: 'finish' });
    assert.equal(await finished.connection.closed, 1000);
    assert.equal((await fetch(`${cluster.url}/v1/sessions/${deleted.session}`, { method: 'DELETE' })).status, 204);
    assert.equal(
      (await deleted.connection.next('the end', (message) => message.type === 'closed', WAIT_MS)).type,
      'closed',
    );
    const left = (await redis.callBuffer('DUMP', `murm:{s.${deleted.session}}:session`)) as Buffer | null;
    assert.ok(left === null || !left.includes(SENT.prompt), 'at once');
    await goneEverywhere(canaries);
    assert.equal((await fetch(`${cluster.url}/v1/sessions/${finished.session}`, { method: 'DELETE' })).status, 404);
    assert.equal((await fetch(`${cluster.url}/v1/sessions/none`, { method: 'DELETE' })).status, 404);
  },
);
