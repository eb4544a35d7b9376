import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createKey } from '@murmuration/access';
import type { JobJson, JobListJson } from '@murmuration/contracts';
import { line, LocalServer, tell, type Told } from './harness/attack.js';
import { until } from './harness/api-requests.js';
import { Cluster } from './harness/cluster.js';
import { samples, wavFile } from './harness/wav.js';

let folder: string;
let cluster: Cluster;
let receiver: LocalServer;
let wav: Uint8Array<ArrayBuffer>;
const messages: { readonly data: { readonly id: string; readonly urls: { readonly self: string } } }[] = [];
const keys: Record<'acme' | 'bolt' | 'boss', string> = { acme: '', bolt: '', boss: '' };
type Name = keyof typeof keys;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'murmuration-job-ids-'));
  const path = join(folder, 'keys.json');
  for (const name of ['acme', 'bolt'] as const) keys[name] = (await createKey(path, { name })).key;
  keys.boss = (await createKey(path, { name: 'boss', scopes: ['admin', 'jobs'] })).key;
  const [clip] = await samples();
  assert.ok(clip);
  wav = new Uint8Array(wavFile(clip.pcm));
  receiver = await LocalServer.start((request, response) => {
    let body = '';
    request
      .setEncoding('utf8')
      .on('data', (piece: string) => {
        body += piece;
      })
      .on('end', () => {
        messages.push(JSON.parse(body) as (typeof messages)[number]);
        response.end();
      });
  });
  cluster = await Cluster.start({
    api: {
      API_KEYS_FILE: path,
      URL_ALLOWLIST: receiver.host,
      WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 9).toString('base64')}`,
    },
    worker: { DEVICE: 'simulated' },
  });
});

after(async () => {
  receiver.close();
  await cluster.close();
  await rm(folder, { recursive: true, force: true });
});

function ask(name: Name, path: string, init: RequestInit = { method: 'GET' }): Promise<Told> {
  return tell(`${cluster.url}/v1/jobs${path}`, {
    ...init,
    headers: { authorization: `Bearer ${keys[name]}`, 'content-type': 'audio/wav' },
  });
}

const jobOf = ({ status, text }: Told): JobJson => {
  assert.ok(status < 300, text);
  return JSON.parse(text) as JobJson;
};

const submit = (name: Name, query: string, body: Uint8Array<ArrayBuffer> = wav): Promise<Told> =>
  ask(name, query, { method: 'POST', body });

test('Two keys use one id: each has its own job, with events, transcript and webhook under it, and learns nothing of the other', async () => {
  const id = randomUUID();
  const hook = `&webhook_url=${encodeURIComponent(`${receiver.url}/hook`)}`;
  const [noise, free] = [new Uint8Array(4_000).fill(1), randomUUID()];
  assert.equal(jobOf(await submit('acme', `?id=${id}${hook}&metadata={"of":"acme"}`)).id, id);
  assert.equal(line(await submit('bolt', `?id=${id}`, noise)), line(await submit('bolt', `?id=${free}`, noise)));
  assert.equal(line(await ask('bolt', `/${id}`)), '404 not_found -');
  assert.equal(jobOf(await submit('bolt', `?id=${id}${hook}&metadata={"of":"bolt"}`)).id, id);
  assert.equal(line(await submit('acme', `?id=${id}`)), '409 job_exists id');
  for (const name of ['acme', 'bolt'] as const) {
    const { text } = await ask(name, `/${id}/events`);
    assert.match(text, new RegExp(`event: done\ndata: {"id":"${id}"}`));
    const job = jobOf(await ask(name, `/${id}`));
    assert.deepEqual(
      [job.id, job.submitted_id, job.status, job.metadata, job.urls.self],
      [id, null, 'done', { of: name }, `/v1/jobs/${id}`],
    );
    const transcript = JSON.parse((await ask(name, `/${id}/transcript.json`)).text) as { readonly id: string };
    assert.equal(transcript.id, id);
    const list = JSON.parse((await ask(name, '')).text) as JobListJson;
    assert.deepEqual(
      list.data.map((one) => one.id),
      [id],
    );
  }
  await until('both webhooks have come', () => messages.length === 2);
  for (const { data } of messages) assert.deepEqual([data.id, data.urls.self], [id, `/v1/jobs/${id}`]);

  const both = (JSON.parse((await ask('boss', '')).text) as JobListJson).data;
  assert.deepEqual(
    both.map((job) => job.submitted_id),
    [id, id],
  );
  assert.equal(new Set(both.map((job) => job.id)).size, 2);
  assert.equal(jobOf(await submit('boss', `?id=${id}`)).id, id, 'an administrator is told of neither, too');
  for (const { id: own, metadata } of both) {
    assert.deepEqual(jobOf(await ask('boss', `/${own}`)).metadata, metadata);
    if (metadata?.['of'] === 'acme') jobOf(await ask('boss', `/${own}`, { method: 'DELETE' }));
  }
  assert.deepEqual(
    await Promise.all((['acme', 'bolt', 'boss'] as const).map(async (name) => jobOf(await ask(name, `/${id}`)).purged)),
    [true, false, false],
  );
});
