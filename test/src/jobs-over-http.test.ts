import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { JobJson, JobListJson } from '@murmuration/contracts';
import { LocalServer, line, tell } from './harness/attack.js';
import { Cluster } from './harness/cluster.js';
import { until } from './harness/api-requests.js';
import { joined, samples, wavFile } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';

const KEY = Buffer.alloc(32, 9);
const ID = '0b5c1d4e-0000-4000-8000-000000000001';

interface Message {
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

let cluster: Cluster;
let receiver: LocalServer;
const messages: Message[] = [];
let wav: Buffer;
let said: string[];

before(async () => {
  const clips = await samples();
  said = words(clips.map((clip) => clip.said).join(' '));
  wav = wavFile(
    joined(
      clips.map((clip) => clip.pcm),
      800,
    ),
  );
  receiver = await LocalServer.start((request, response) => {
    let body = '';
    request
      .setEncoding('utf8')
      .on('data', (piece: string) => {
        body += piece;
      })
      .on('end', () => {
        messages.push({ headers: request.headers, body });
        response.end();
      });
  });
  cluster = await Cluster.start({
    api: { URL_ALLOWLIST: receiver.host, WEBHOOK_SECRET: `whsec_${KEY.toString('base64')}` },
  });
});

after(async () => {
  receiver.close();
  await cluster.close();
});

async function submitted(
  query = '',
  headers: Readonly<Record<string, string>> = {},
): Promise<{ job: JobJson; replayed: string | null; location: string | null }> {
  const response = await fetch(`${cluster.url}/v1/jobs${query}`, {
    method: 'POST',
    headers: { 'content-type': 'audio/wav', ...headers },
    body: new Uint8Array(wav),
  });
  assert.equal(response.status, 202, await response.clone().text());
  return {
    job: (await response.json()) as JobJson,
    replayed: response.headers.get('idempotent-replayed'),
    location: response.headers.get('location'),
  };
}

/** Events of a job to its end, as (id, name, data). */
async function events(
  id: string,
  lastEventId?: string,
): Promise<{ id: string; name: string; data: Record<string, unknown> }[]> {
  const response = await fetch(`${cluster.url}/v1/jobs/${id}/events`, {
    headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
  });
  return [...(await response.text()).matchAll(/^id: (.*)\nevent: (.*)\ndata: (.*)$/gm)].map(
    ([, event, name, data]) => ({
      id: event ?? '',
      name: name ?? '',
      data: JSON.parse(data ?? '') as Record<string, unknown>,
    }),
  );
}

const ended = async (id: string): Promise<void> => {
  await events(id);
};

describe('Jobs over HTTP', () => {
  test('A recording is accepted, told of as it is transcribed, and there in every format; its webhook is signed', async () => {
    const { job, location } = await submitted(
      `?id=${ID}&metadata={"order":7}&webhook_url=${encodeURIComponent(`${receiver.url}/hook`)}`,
    );
    assert.deepEqual([job.id, location, job.metadata], [ID, `/v1/jobs/${ID}`, { order: 7 }]);
    const all = await events(ID);
    assert.equal(all.at(-1)?.name, 'done');
    assert.equal(all.filter(({ name }) => name === 'accepted').length, 1);
    const segments = all.filter(({ name }) => name === 'segment').map(({ data }) => data);
    const transcript = (await (await fetch(`${cluster.url}${job.urls.transcript}`)).json()) as {
      text: string;
      segments: unknown[];
    };
    assert.deepEqual(segments, transcript.segments);
    assert.ok(wordErrors(said, words(transcript.text)) <= said.length * 0.15, transcript.text);
    for (let at = 0; at < all.length - 1; at++)
      assert.deepEqual(
        (await events(ID, all[at]?.id)).map(({ id }) => id),
        all.slice(at + 1).map(({ id }) => id),
      );
    for (const format of ['txt', 'srt', 'vtt', 'tsv']) {
      const url = `${cluster.url}/v1/jobs/${ID}/transcript.${format}`;
      const first = await fetch(url);
      assert.ok((await first.text()).includes(transcript.text.slice(0, 12)));
      assert.equal((await fetch(url, { headers: { 'if-none-match': first.headers.get('etag') ?? '' } })).status, 304);
    }
    await until('the webhook has come', () => messages.length > 0);
    const [{ headers, body }] = messages as [Message];
    const signature = createHmac('sha256', KEY)
      .update(`${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`)
      .digest('base64');
    assert.equal(headers['webhook-signature'], `v1,${signature}`);
    const { type, data } = JSON.parse(body) as {
      type: string;
      data: { id: string; status: string; metadata: unknown };
    };
    assert.deepEqual([type, data.id, data.status, data.metadata], ['job.done', ID, 'done', { order: 7 }]);
    const again = await fetch(`${cluster.url}/v1/jobs/${ID}/redeliver`, { method: 'POST' });
    assert.equal(again.status, 202);
    await until('the webhook has come again', () => messages.length > 1);
    assert.equal(messages[1]?.headers['webhook-id'], headers['webhook-id']);
  });

  test('The same key gives the same job, also when both come at once; another request is a conflict', async () => {
    const key = { 'idempotency-key': 'order 7' };
    const both = await Promise.all([submitted('', key), submitted('', key)]);
    assert.equal(both[0].job.id, both[1].job.id);
    assert.deepEqual(both.map(({ replayed }) => replayed).sort(), [null, 'true']);
    assert.equal(
      line(
        await tell(`${cluster.url}/v1/jobs?language=en`, {
          headers: { 'content-type': 'audio/wav', ...key },
          body: new Uint8Array(wav),
        }),
      ),
      '409 idempotency_conflict -',
    );
    const other = Buffer.from(wav);
    other.writeInt16LE(100, 44);
    assert.equal(
      line(
        await tell(`${cluster.url}/v1/jobs`, {
          headers: { 'content-type': 'audio/wav', ...key },
          body: new Uint8Array(other),
        }),
      ),
      '409 idempotency_conflict -',
    );
  });

  test('An id that is taken is 409, one that is unknown 404, a result before the end 409 with the status, a job cancelled twice no error, its result 410', async () => {
    assert.equal(
      line(
        await tell(`${cluster.url}/v1/jobs?id=${ID}`, {
          headers: { 'content-type': 'audio/wav' },
          body: new Uint8Array(wav),
        }),
      ),
      '409 job_exists id',
    );
    const absent = `${cluster.url}/v1/jobs/0b5c1d4e-0000-4000-8000-00000000ffff`;
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/events'],
      ['GET', '/transcript.txt'],
      ['GET', '/deliveries'],
      ['POST', '/redeliver'],
    ] as const)
      assert.equal(line(await tell(`${absent}${path}`, { method })), '404 not_found -', path);
    for (const worker of cluster.workers) worker.signal('SIGSTOP');
    const { job } = await submitted();
    const url = `${cluster.url}/v1/jobs/${job.id}`;
    const early = await tell(`${url}/transcript.json`, { method: 'GET' });
    assert.equal(line(early), '409 job_not_done -');
    assert.match(early.text, /queued|running/);
    const states = [
      await tell(url, { method: 'DELETE' }),
      await tell(url, { method: 'DELETE' }),
      await tell(url, { method: 'GET' }),
    ].map(({ status, text }) => [status, (JSON.parse(text) as JobJson).status]);
    for (const worker of cluster.workers) worker.signal('SIGCONT');
    assert.deepEqual(states, [
      [200, 'cancelled'],
      [200, 'cancelled'],
      [200, 'cancelled'],
    ]);
    assert.deepEqual(
      (await events(job.id)).map(({ name }) => name),
      ['cancelled'],
    );
    assert.equal(line(await tell(`${url}/transcript.json`, { method: 'GET' })), '410 result_expired -');
  });

  test('An id whose recording was refused is free at once, and the next job that has it is transcribed', async () => {
    const id = '0b5c1d4e-0000-4000-8000-000000000002';
    assert.equal(
      line(
        await tell(`${cluster.url}/v1/jobs?id=${id}`, {
          headers: { 'content-type': 'audio/wav' },
          body: new Uint8Array(4_000).fill(1),
        }),
      ),
      '422 unprocessable_audio file',
    );
    await submitted(`?id=${id}`);
    assert.equal((await events(id)).at(-1)?.name, 'done');
  });

  test('A result is 410 once its time is over, and the job is still told of', async () => {
    const { job } = await submitted('?retention_seconds=1');
    const url = `${cluster.url}/v1/jobs/${job.id}`;
    await ended(job.id);
    await until(
      'the result has expired',
      async () => line(await tell(`${url}/transcript.json`, { method: 'GET' })) === '410 result_expired -',
      10_000,
    );
    const told = (await (await fetch(url)).json()) as JobJson;
    assert.deepEqual([told.status, told.purged], ['done', true]);
  });

  test('Pages lead through all jobs, newest first, each once', async () => {
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: JobListJson = (await (
        await fetch(`${cluster.url}/v1/jobs?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
      ).json()) as JobListJson;
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.next_cursor;
    }
    assert.ok(seen.length >= 4);
    assert.equal(new Set(seen).size, seen.length);
    assert.equal(seen.at(-1), ID);
    const done = (await (await fetch(`${cluster.url}/v1/jobs?status=cancelled`)).json()) as JobListJson;
    assert.deepEqual(
      done.data.map(({ status }) => status),
      ['cancelled'],
    );
    assert.equal(line(await tell(`${cluster.url}/v1/jobs?cursor=x`, { method: 'GET' })), '400 invalid_field cursor');
  });

  test('A node that is told to stop ends its streams with a reason, and the job goes on for those who ask elsewhere', async () => {
    const second = await cluster.addApi();
    for (const worker of cluster.workers) worker.signal('SIGSTOP');
    const { job } = await submitted();
    const stream = await fetch(`http://127.0.0.1:${String(second.port)}/v1/jobs/${job.id}/events`);
    second.process.signal('SIGTERM');
    const text = await stream.text();
    assert.match(text, /: closed: this node stops/);
    assert.equal(await second.process.exited, 0);
    for (const worker of cluster.workers) worker.signal('SIGCONT');
    const last = [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1];
    assert.equal((await events(job.id, last)).at(-1)?.name, 'done');
  });
});
