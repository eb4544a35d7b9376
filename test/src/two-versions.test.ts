import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Murmuration, type LiveEvent } from '@murmuration/client/node';
import { Cluster } from './harness/cluster.js';
import { ROOT, type ServiceName } from './harness/service-process.js';
import { RATE_HZ, joined, samples, wavFile } from './harness/wav.js';

/** A compiled checkout of an earlier revision; `npm run check:upgrade` makes one. */
const EARLIER = process.env['EARLIER_ROOT'];
const skip = EARLIER === undefined ? 'npm run check:upgrade runs it' : false;

let pcm: Int16Array;
/** What a cluster of this version alone makes of it: the text of the simulated device depends on the samples alone. */
let alone: Heard;

interface Heard {
  readonly answer: string;
  readonly job: string;
  readonly live: readonly string[];
}

before(async () => {
  if (EARLIER === undefined) return;
  pcm = joined(
    (await samples()).map((clip) => clip.pcm),
    900,
  );
  alone = await withCluster([], heard);
});

async function start(earlier: readonly ServiceName[]): Promise<Cluster> {
  const models = { MODEL_CACHE: join(ROOT, '.murmuration/models') };
  return Cluster.start({
    relays: 1,
    api: models,
    relay: models,
    worker: { DEVICE: 'simulated' },
    roots: Object.fromEntries(earlier.map((service) => [service, EARLIER ?? ROOT])),
  });
}

async function withCluster<T>(earlier: readonly ServiceName[], work: (cluster: Cluster) => Promise<T>): Promise<T> {
  const cluster = await start(earlier);
  try {
    return await work(cluster);
  } finally {
    await cluster.close();
  }
}

async function heard(cluster: Cluster): Promise<Heard> {
  const client = new Murmuration({ baseUrl: cluster.url });
  const answer = await fetch(`${cluster.url}/transcribe`, {
    method: 'POST',
    body: new Blob([new Uint8Array(wavFile(pcm))]),
    headers: { 'content-type': 'audio/wav' },
  });
  assert.equal(answer.status, 200);
  const { id } = await client.jobs.create(wavFile(pcm));
  return {
    answer: ((await answer.json()) as { readonly text: string }).text,
    job: await textOf(client, id),
    live: await liveFinals(client),
  };
}

async function textOf(client: Murmuration, job: string): Promise<string> {
  let end = '';
  for await (const event of client.jobs.events(job)) end = event.type;
  assert.equal(end, 'done');
  return (await client.jobs.transcript(job)).text;
}

async function liveFinals(client: Murmuration): Promise<string[]> {
  const session = client.live();
  const events: LiveEvent[] = [];
  const hear = async (): Promise<void> => {
    for await (const event of session) events.push(event);
  };
  const speak = async (): Promise<void> => {
    for (let at = 0; at < pcm.length; at += RATE_HZ / 10) await session.send(pcm.subarray(at, at + RATE_HZ / 10));
    session.finish();
  };
  await Promise.all([hear(), speak()]);
  assert.equal(events.at(-1)?.type, 'closed');
  return events.flatMap((event) => (event.type === 'final' ? [`${String(event.start_ms)} ${event.text}`] : []));
}

for (const earlier of [['worker'], ['api'], ['relay'], ['api', 'relay']] as const)
  test(`Services of two versions work together: ${earlier.join(' and ')} of the earlier one`, { skip }, async () => {
    assert.deepEqual(await withCluster(earlier, heard), alone);
  });

describe('What one version has stored', { skip }, () => {
  for (const [from, to] of [
    ['earlier', 'this'],
    ['this', 'earlier'],
  ] as const) {
    let cluster: Cluster;

    before(async () => {
      cluster = await start(from === 'earlier' ? ['api', 'worker'] : []);
    });

    after(() => cluster.close());

    test(`is gone on with by the other: a finished job and one that waits, from ${from} to ${to}`, async () => {
      const client = new Murmuration({ baseUrl: cluster.url });
      const { id: done } = await client.jobs.create(wavFile(pcm));
      assert.equal(await textOf(client, done), alone.job);
      await Promise.all(cluster.workers.map((worker) => worker.end()));
      const { id: waits } = await client.jobs.create(wavFile(pcm));
      const roots = to === 'earlier' && EARLIER !== undefined ? EARLIER : ROOT;
      assert.equal(await cluster.apis[0]?.process.end(), 0);
      const api = await cluster.addApi(undefined, {}, roots);
      await cluster.addWorker({}, roots);
      const other = new Murmuration({ baseUrl: `http://127.0.0.1:${String(api.port)}` });
      assert.equal((await other.jobs.transcript(done)).text, alone.job);
      assert.equal(await textOf(other, done), alone.job);
      assert.equal(await textOf(other, waits), alone.job);
    });
  }
});
