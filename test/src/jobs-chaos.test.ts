import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Balancer, withoutBalancer } from './harness/balancer.js';
import { Cluster, type Node } from './harness/cluster.js';
import { transcribe, until } from './harness/api-requests.js';
import { listenToEnd, submitSurely, type JobAnswer } from './harness/jobs-client.js';
import { seeded } from './harness/seeded.js';
import type { ServiceProcess } from './harness/service-process.js';
import { WebhookReceiver } from './harness/webhook-receiver.js';
import { joined, samples, wavFile } from './harness/wav.js';

const JOBS = 200;
const SUBMITTERS = 8;
const WORKERS = 3;
const SECRET = 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=';
const random = seeded(Number(process.env['CHAOS_SEED'] ?? 20_261_124));
const skip = withoutBalancer() ?? false;

let cluster: Cluster;
let balancer: Balancer;
let receiver: WebhookReceiver;

before(async () => {
  if (skip !== false) return;
  receiver = await WebhookReceiver.start(SECRET);
  // The simulated device's text depends on the samples alone, so that any lost, doubled or misplaced chunk shows.
  cluster = await Cluster.start({
    apis: 2,
    workers: WORKERS,
    worker: { DEVICE: 'simulated' },
    api: { WEBHOOK_SECRET: SECRET, URL_ALLOWLIST: '127.0.0.1' },
  });
  balancer = await Balancer.start(cluster.apis.map((api) => api.port));
});

after(async () => {
  if (skip !== false) return;
  await balancer.close();
  await cluster.close();
  await receiver.close();
});

/** Recordings of some seconds, each other than the others. */
async function recordings(count: number): Promise<Buffer[]> {
  const clips = (await samples()).map((clip) => clip.pcm);
  return Array.from({ length: count }, () => {
    const parts = Array.from({ length: 1 + Math.floor(random() * 3) }, () => {
      const clip = clips[Math.floor(random() * clips.length)] ?? new Int16Array(0);
      return clip.slice(Math.floor((random() * clip.length) / 4));
    });
    return wavFile(joined(parts, 300 + Math.floor(random() * 900)));
  });
}

/** Kills workers and API nodes by chance until it is told to stop, and starts each again in its place. */
async function disturb(stopped: () => boolean): Promise<number> {
  let kills = 0;
  const apis: Node[] = [...cluster.apis];
  const workers: ServiceProcess[] = [...cluster.workers];
  while (!stopped()) {
    await new Promise((resolve) => {
      setTimeout(resolve, 300 + random() * 900);
    });
    kills++;
    if (random() < 0.4) {
      const i = Math.floor(random() * apis.length);
      const api = apis[i];
      assert.ok(api);
      await api.process.end('SIGKILL');
      apis[i] = await cluster.addApi(api.port);
    } else {
      const i = Math.floor(random() * workers.length);
      await workers[i]?.end('SIGKILL');
      workers[i] = await cluster.addWorker();
    }
  }
  return kills;
}

test(
  'Two hundred jobs with repeated keys end exactly once each, with the text of an undisturbed run, while API nodes and workers are killed',
  { timeout: 600_000, skip },
  async (t) => {
    const files = await recordings(40);
    const expected = await Promise.all(files.map(async (file) => (await transcribe(cluster.url, file)).text));
    const urls = cluster.apis.map((api) => `http://127.0.0.1:${String(api.port)}`);

    let finished = false;
    const kills = disturb(() => finished);
    const accepted = new Map<string, { readonly job: JobAnswer; readonly file: number }>();
    const keys: { readonly key: string; readonly file: number; readonly job: string }[] = [];
    const listeners: Promise<void>[] = [];
    let repeats = 0;
    let left = JOBS;
    const submitter = async (): Promise<void> => {
      while (left-- > 0) {
        const repeat = keys.length > 0 && random() < 0.25 ? keys[Math.floor(random() * keys.length)] : undefined;
        const file = repeat?.file ?? Math.floor(random() * files.length);
        const key = repeat?.key ?? `chaos-${String(left)}`;
        const job = await submitSurely(balancer.url, files[file] ?? Buffer.alloc(0), {
          idempotencyKey: key,
          query: { webhook_url: receiver.url, webhook_events: 'job.done' },
        });
        if (repeat !== undefined) {
          repeats++;
          assert.equal(job.id, repeat.job, 'a repeated key leads to the same job');
          continue;
        }
        keys.push({ key, file, job: job.id });
        accepted.set(job.id, { job, file });
        listeners.push(
          listenToEnd(urls, job.id, () => 1 + Math.floor(random() * 6)).then((heard) => {
            assert.equal(
              heard.filter((event) => ['done', 'failed', 'cancelled'].includes(event.name)).length,
              1,
              'one end',
            );
            assert.equal(heard.at(-1)?.name, 'done');
            assert.equal(new Set(heard.map((event) => event.id)).size, heard.length, 'no event twice');
            assert.equal(
              heard
                .filter((event) => event.name === 'segment')
                .map((event) => String(event.data['text']).trim())
                .join(' '),
              expected[file],
              'the segments are those of the undisturbed run',
            );
          }),
        );
      }
    };
    try {
      await Promise.all(Array.from({ length: SUBMITTERS }, submitter));
      await Promise.all(listeners);
    } finally {
      finished = true;
      t.diagnostic(
        `${String(await kills)} kills, ${String(accepted.size)} jobs, ${String(repeats)} repeated submissions`,
      );
    }
    assert.ok(repeats > 10 && accepted.size > 100);

    for (const [id, { file }] of accepted) {
      const job = (await (await fetch(`${balancer.url}/v1/jobs/${id}`)).json()) as JobAnswer;
      assert.equal(job.status, 'done');
      const transcript = (await (await fetch(`${balancer.url}/v1/jobs/${id}/transcript.json`)).json()) as {
        text: string;
      };
      assert.equal(transcript.text, expected[file]);
    }
    await until(
      'every job has told its webhook',
      () => new Set(receiver.received.map((hook) => hook.job)).size >= accepted.size,
      60_000,
    );
    assert.equal(receiver.refused, 0);
    for (const id of accepted.keys()) {
      assert.equal(
        new Set(receiver.received.filter((hook) => hook.job === id).map((hook) => hook.messageId)).size,
        1,
        'one id a job, however often it is told',
      );
    }
  },
);
