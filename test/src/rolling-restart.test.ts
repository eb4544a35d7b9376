import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Murmuration, type LiveEvent } from '@murmuration/client/node';
import { freePort } from '@murmuration/store/testing';
import { GrpcClient, type Message } from '@murmuration/stream-relay/testing';
import { withoutBalancer } from './harness/balancer.js';
import { Cluster } from './harness/cluster.js';
import { ComposeBalancer } from './harness/compose-balancer.js';
import { submit } from './harness/jobs-client.js';
import { RATE_HZ, joined, samples, wavFile } from './harness/wav.js';

const skip = withoutBalancer() ?? false;
const LIVE = 'Transcription/StreamingTranscribe';
/** A tenth of a second. */
const PIECE_SAMPLES = RATE_HZ / 10;
/** How fast people speak here, times real time. */
const PACE = 4;

const ends: (() => Promise<void> | void)[] = [];
let cluster: Cluster;
let url: string;
let grpc: GrpcClient;
let pcm: Int16Array;
let file: Buffer;

before(async () => {
  if (skip !== false) return;
  const clips = (await samples()).map((clip) => clip.pcm);
  pcm = joined(clips, 900);
  file = wavFile(pcm);
  const relayPort = await freePort();
  // The text of the simulated device depends on the samples alone: audio that is lost, doubled or out of place shows in it.
  cluster = await Cluster.start({
    apis: 2,
    relays: 2,
    workers: 2,
    api: { RELAY_URL: `http://127.0.0.1:${String(relayPort)}` },
    worker: { DEVICE: 'simulated' },
  });
  ends.push(() => cluster.close());
  const balancer = await ComposeBalancer.start(
    cluster.apis.map(({ port, process }) => ({ port, metricsPort: process.metricsPort })),
    cluster.relays.map(({ port, grpcPort, process }) => ({ port, grpcPort, metricsPort: process.metricsPort })),
    relayPort,
  );
  ends.push(() => balancer.close());
  url = `http://127.0.0.1:${String(balancer.httpPort)}`;
  grpc = new GrpcClient(`127.0.0.1:${String(balancer.grpcPort)}`);
  ends.push(() => {
    grpc.close();
  });
});

after(async () => {
  for (const end of ends.reverse()) await end();
});

/** Does one thing after the other until all parts are replaced, three times at least. Answers how often. */
type Load = (until: () => boolean) => Promise<number>;

function again(once: () => Promise<void>): Load {
  return async (isOver) => {
    let count = 0;
    while (!isOver() || count < 3) {
      await once();
      count += 1;
    }
    return count;
  };
}

async function transcribed(): Promise<string> {
  const response = await fetch(`${url}/transcribe`, {
    method: 'POST',
    body: new Blob([new Uint8Array(file)]),
    headers: { 'content-type': 'audio/wav' },
  });
  const body = await response.text();
  assert.equal(response.status, 200, body);
  return (JSON.parse(body) as { readonly text: string }).text;
}

async function jobText(): Promise<string> {
  const response = await submit(url, file);
  const body = await response.text();
  assert.equal(response.status, 202, body);
  const { id } = JSON.parse(body) as { readonly id: string };
  const { jobs } = new Murmuration({ baseUrl: url });
  let end = '';
  for await (const event of jobs.events(id)) end = event.type;
  assert.equal(end, 'done');
  return (await jobs.transcript(id)).text;
}

async function calledText(): Promise<string> {
  const { messages, ending } = await grpc.call('Transcription/Transcribe', { audio: file, extension: 'wav' }, {});
  assert.equal(ending.status, 'OK', ending.message);
  return (messages[0]?.['transcript'] as { readonly text: string }).text;
}

/** Finals of a live session through the client library, which resumes by itself. */
async function liveFinals(): Promise<string[]> {
  const session = new Murmuration({ baseUrl: url }).live();
  const events: LiveEvent[] = [];
  const hear = async (): Promise<void> => {
    for await (const event of session) events.push(event);
  };
  const speak = async (): Promise<void> => {
    for (let at = 0; at < pcm.length; at += PIECE_SAMPLES) {
      await session.send(pcm.subarray(at, at + PIECE_SAMPLES));
      await pause(100 / PACE);
    }
    session.finish();
  };
  await Promise.all([hear(), speak()]);
  assert.equal(events.at(-1)?.type, 'closed');
  return events.flatMap((event) => (event.type === 'final' ? [`${String(event.start_ms)} ${event.text}`] : []));
}

/** Finals of a live call by gRPC; told that its relay goes, it calls again and resumes. */
async function calledFinals(): Promise<string[]> {
  const finals: string[] = [];
  let held: { readonly session: string; readonly token: string } | null = null;
  let lastEventId: string | undefined;
  let from = 0;
  for (;;) {
    const talk = grpc.talk(LIVE, {});
    talk.say(held === null ? { config: {} } : { resume: { ...held, ...(lastEventId && { lastEventId }) } });
    const first = (await talk.first(held === null ? 'ready' : 'resumed')) as Message & {
      readonly session: string;
      readonly token: string;
      readonly samples?: number;
    };
    held ??= { session: first.session, token: first.token };
    from = first.samples ?? 0;
    const leaves = (): boolean => talk.messages.some((message) => message['goingAway'] !== undefined);
    for (let at = from; at < pcm.length && !leaves(); at += PIECE_SAMPLES) {
      const piece = pcm.subarray(at, at + PIECE_SAMPLES);
      talk.say({ audio: Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength) });
      await pause(100 / PACE);
    }
    if (!leaves()) talk.say({ finish: {} });
    const ending = await talk.ending;
    for (const message of talk.messages) {
      const event = message['event'] as (Message & { readonly eventId?: string }) | undefined;
      lastEventId = event?.eventId ?? lastEventId;
      const final = event?.['final'] as { readonly startMs: number; readonly text: string } | undefined;
      if (final !== undefined) finals.push(`${String(final.startMs)} ${final.text}`);
    }
    if (ending.status === 'OK') return finals;
    assert.deepEqual([ending.status, ending.code], ['UNAVAILABLE', 'shutting_down'], ending.message);
  }
}

/** Each API node and relay stops and comes back at its place; each worker is followed by a new one, then stops. Each exit status has to be 0. */
async function replaceAll(): Promise<void> {
  for (const { port, process } of [...cluster.apis]) {
    assert.equal(await process.end(), 0, process.log);
    await cluster.addApi(port, { METRICS_PORT: String(process.metricsPort) });
    await seenByBalancer();
  }
  for (const relay of [...cluster.relays]) {
    assert.equal(await relay.process.end(), 0, relay.process.log);
    await cluster.addRelay(relay, { METRICS_PORT: String(relay.process.metricsPort) });
    await seenByBalancer();
  }
  for (const worker of [...cluster.workers]) {
    await cluster.addWorker();
    assert.equal(await worker.end(), 0, worker.log);
  }
}

/** The balancer looks every two seconds; whoever replaces nodes one by one waits until it has seen each (in Kubernetes: until it is an endpoint). */
async function seenByBalancer(): Promise<void> {
  await pause(3_000);
}

test(
  'Every part is replaced under load, through the balancer of Compose: no request fails and no live word is lost',
  { skip, timeout: 300_000 },
  async (t) => {
    const text = await transcribed();
    const finals = await liveFinals();
    assert.ok(text.length > 0 && finals.length > 1);
    let isOver = false;
    const loads: Readonly<Record<string, Load>> = {
      files: again(async () => {
        assert.equal(await transcribed(), text);
      }),
      jobs: again(async () => {
        assert.equal(await jobText(), text);
      }),
      'gRPC calls': again(async () => {
        assert.equal(await calledText(), text);
      }),
      'live sessions': again(async () => {
        assert.deepEqual(await liveFinals(), finals);
      }),
      'live gRPC calls': again(async () => {
        assert.deepEqual(await calledFinals(), finals);
      }),
    };
    const running = Object.entries(loads).map(async ([name, load]) => `${String(await load(() => isOver))} ${name}`);
    // A load that fails is told after all have ended.
    const ended = Promise.allSettled(running);
    await replaceAll().finally(() => {
      isOver = true;
    });
    const failures = (await ended).flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []));
    assert.deepEqual(failures, []);
    t.diagnostic((await Promise.all(running)).join(', '));
  },
);
