import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { GrpcClient, type Message, type Talk } from '@murmuration/stream-relay/testing';
import { createLogger } from '@murmuration/runtime';
import { patientConnection } from '@murmuration/store';
import { Cluster } from './harness/cluster.js';
import { submit, type JobAnswer } from './harness/jobs-client.js';
import { postRaw, transcribe, until, type ErrorAnswer } from './harness/api-requests.js';
import { joined, samples, wavFile } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';

let cluster: Cluster;
let file: Buffer;
let pcm: Int16Array;
let said: string[];

before(async () => {
  const clips = await samples();
  const [clip] = clips;
  assert.ok(clip);
  file = wavFile(clip.pcm);
  pcm = joined(
    clips.map((one) => one.pcm),
    900,
  );
  said = words(clips.map((one) => one.said).join(' '));
  cluster = await Cluster.start({ relays: 1 });
});

after(async () => {
  await cluster.close();
});

async function refused(): Promise<{ status: number; retryAfter: string | null; code: string }> {
  const response = await postRaw(cluster.url, new Blob([new Uint8Array(file)]));
  const body = (await response.json()) as ErrorAnswer;
  return { status: response.status, retryAfter: response.headers.get('retry-after'), code: body.error.code };
}

test('While Redis is down requests are told to come back, and work again by themselves when it is up', async () => {
  const before = await transcribe(cluster.url, file);
  await cluster.redis.kill();
  const told = await refused();
  assert.equal(told.status, 503);
  assert.equal(told.code, 'backend_unavailable');
  assert.ok(Number(told.retryAfter) >= 1);
  const health = await fetch(`${cluster.url}/health`);
  assert.equal(health.status, 503);
  assert.equal(((await health.json()) as { status: string }).status, 'fail');
  assert.equal(await cluster.api.probe('/livez'), 200, 'liveness does not ask Redis');
  assert.equal(await cluster.api.probe('/readyz'), 503);
  await cluster.redis.restart();
  await until('the API is ready again', async () => (await cluster.api.probe('/readyz')) === 200);
  await until('the worker is ready again', async () => (await cluster.workers[0]?.probe('/readyz')) === 200);
  assert.equal((await transcribe(cluster.url, file)).text, before.text);
});

test('A Redis that hangs is noticed too', async () => {
  cluster.redis.signal('SIGSTOP');
  try {
    assert.equal((await refused()).code, 'backend_unavailable');
  } finally {
    cluster.redis.signal('SIGCONT');
  }
  await until(
    'requests work again',
    async () => (await postRaw(cluster.url, new Blob([new Uint8Array(file)]))).status === 200,
  );
});

const LIVE = 'Transcription/StreamingTranscribe';
const FRAME_SAMPLES = 3_200;

function client(): GrpcClient {
  return new GrpcClient(`127.0.0.1:${String(cluster.relays[0]?.grpcPort)}`);
}

/** Says audio as fast as somebody speaks, from a sample on; stops at the end or when the call has ended. */
async function speak(talk: Talk, fromSample = 0): Promise<void> {
  const ended = new AbortController();
  void talk.ending.then(() => {
    ended.abort();
  });
  for (let at = fromSample; at < pcm.length && !ended.signal.aborted; at += FRAME_SAMPLES) {
    const piece = pcm.subarray(at, at + FRAME_SAMPLES);
    talk.say({ audio: Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength) });
    await pause(200);
  }
}

const textOf = (messages: readonly Message[]): string =>
  messages
    .flatMap((message) => {
      const final = (message['event'] as Message | undefined)?.['final'] as { readonly text: string } | undefined;
      return final === undefined ? [] : [final.text];
    })
    .join(' ');

function assertSaid(text: string): void {
  const errors = wordErrors(said, words(text));
  assert.ok(errors <= Math.ceil(said.length / 6), `${String(errors)} words are wrong: ${text}`);
}

test(
  'A gRPC stream goes on through twenty seconds without Redis, and its text is whole',
  { timeout: 110_000 },
  async () => {
    const grpc = client();
    try {
      const talk = grpc.talk(LIVE, {});
      talk.say({ config: { language: 'en' } });
      await talk.first('ready');
      const spoken = speak(talk);
      await talk.first('ack');
      await cluster.redis.kill();
      await pause(20_000);
      await cluster.redis.restart();
      await spoken;
      talk.say({ finish: {} });
      assert.equal((await talk.ending).status, 'OK');
      assertSaid(textOf(talk.messages));
    } finally {
      grpc.close();
    }
  },
);

test(
  'A Redis that is paused for half a minute loses no job and no audio that was acknowledged',
  { timeout: 110_000 },
  async () => {
    const grpc = client();
    const redis = patientConnection(cluster.redis.url, createLogger({ service: 'test', level: 'silent' }));
    try {
      const { id } = (await (await submit(cluster.url, wavFile(pcm))).json()) as JobAnswer;
      const talk = grpc.talk(LIVE, {});
      talk.say({ config: { language: 'en' } });
      const { session, token } = (await talk.first('ready')) as { readonly session: string; readonly token: string };
      const spoken = speak(talk);
      await talk.first('ack');
      const endsMs = performance.now() + 30_000;
      await redis.call('CLIENT', 'PAUSE', '30000', 'ALL');
      const told = await refused();
      assert.deepEqual([told.status, told.code], [503, 'backend_unavailable']);
      await pause(endsMs - performance.now());
      await until('the job is done', async () => {
        const response = await fetch(`${cluster.url}/v1/jobs/${id}`);
        return response.status === 200 && ((await response.json()) as JobAnswer).status === 'done';
      });
      await spoken;
      talk.say({ finish: {} });
      const ending = await talk.ending;
      if (ending.status === 'OK') {
        assertSaid(textOf(talk.messages));
        return;
      }
      assert.deepEqual([ending.status, ending.code], ['UNAVAILABLE', 'backend_unavailable']);
      const acknowledged = Math.max(
        ...talk.messages.map((message) => Number((message['ack'] as Message | undefined)?.['samples'] ?? 0)),
      );
      const again = grpc.talk(LIVE, {});
      again.say({ resume: { session, token, lastEventId: '0' } });
      const { samples: stored } = (await again.first('resumed')) as { readonly samples: number };
      assert.ok(stored >= acknowledged, `${String(stored)} of ${String(acknowledged)} samples are there`);
      await speak(again, stored);
      again.say({ finish: {} });
      assert.equal((await again.ending).status, 'OK');
      assertSaid(textOf(again.messages));
    } finally {
      grpc.close();
      redis.disconnect();
    }
  },
);
