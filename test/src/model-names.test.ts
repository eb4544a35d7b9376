import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { freePort } from '@murmuration/store/testing';
import { GrpcClient } from '@murmuration/stream-relay/testing';
import WebSocket from 'ws';
import { Cluster } from './harness/cluster.js';
import { until, type ErrorAnswer } from './harness/api-requests.js';
import { samples, wavFile } from './harness/wav.js';

const DEFAULT = 'moonshine-tiny';
const NAMES = [
  'whisper-1',
  'gpt-4o-transcribe',
  'whisper-large-v3',
  'Systran/faster-whisper-small',
  'tiny.en',
  'nova-3',
];

let cluster: Cluster;
let file: Blob;
let whisperLivePort: string;
let other: string;

before(async () => {
  const [clip] = await samples();
  assert.ok(clip);
  file = new Blob([new Uint8Array(wavFile(clip.pcm))]);
  whisperLivePort = String(await freePort());
  cluster = await Cluster.start({ relays: 1, relay: { WHISPERLIVE_PORT: whisperLivePort } });
  // A second model, which came later; no default is set.
  await cluster.addWorker({ DEVICE: 'simulated' });
  await until('both models are served', async () => (await served()).length === 2);
  other = (await served()).find((id) => id !== DEFAULT) ?? '';
});

after(async () => {
  await cluster.close();
});

async function served(): Promise<string[]> {
  const { data } = (await (await fetch(`${cluster.url}/v1/models`)).json()) as { data: { id: string }[] };
  return data.map(({ id }) => id);
}

/** The model that an endpoint of files used, or the code of its refusal. */
async function usedBy(path: string, model: string | null, read: (body: unknown) => string): Promise<string> {
  const query = model === null ? '' : `${path.includes('?') ? '&' : '?'}model=${encodeURIComponent(model)}`;
  const response = await fetch(`${cluster.url}${path}${query}`, {
    method: 'POST',
    body: file,
    headers: { 'content-type': 'audio/wav' },
  });
  const body: unknown = await response.json();
  return response.ok ? read(body) : `${String(response.status)} ${JSON.stringify(body)}`;
}

/** What a WebSocket says until it names a model, or ends. */
function firstSaid(url: string, first: object | null, pattern: RegExp): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url);
    let all = '';
    const done = (): void => {
      resolve(pattern.exec(all)?.[1] ?? all);
      socket.terminate();
    };
    socket.on('open', () => {
      if (first !== null) socket.send(JSON.stringify(first));
    });
    socket.on('message', (data: Buffer) => {
      all += data.toString();
      if (pattern.test(all)) done();
    });
    socket
      .on('close', (code, reason) => {
        all += `${String(code)} ${reason.toString()}`;
        done();
      })
      .on('error', () => undefined);
  });
}

test('with two models and no default, health passes and requests that name none go to the one that came first', async () => {
  assert.equal(((await (await fetch(`${cluster.url}/health`)).json()) as { status: string }).status, 'pass');
  assert.equal(
    ((await (await fetch(`${cluster.url}/capabilities`)).json()) as { model: { id: string } }).model.id,
    DEFAULT,
  );
  const native = (model: string | null): Promise<string> =>
    usedBy('/transcribe', model, (body) => (body as { model: string }).model);
  for (const name of [null, ...NAMES]) assert.equal(await native(name), DEFAULT, String(name));
  assert.equal(await native(other), other);
});

test('every endpoint takes the aliases, a served name, and refuses an unknown one with the names that are served', async () => {
  const jobs = (model: string | null): Promise<string> =>
    usedBy('/v1/jobs', model, (body) => (body as { model: string }).model);
  const deepgram = (model: string | null): Promise<string> =>
    usedBy(
      '/v1/listen',
      model,
      (body) =>
        Object.values((body as { metadata: { model_info: Record<string, { name: string }> } }).metadata.model_info)[0]
          ?.name ?? '',
    );
  const retrieved = async (model: string): Promise<string> => {
    const response = await fetch(`${cluster.url}/v1/models/${model}`);
    return response.ok
      ? ((await response.json()) as { id: string }).id
      : `${String(response.status)} ${await response.text()}`;
  };
  for (const name of NAMES)
    assert.deepEqual(
      [await jobs(name), await deepgram(name), await retrieved(name)],
      [DEFAULT, DEFAULT, DEFAULT],
      name,
    );
  for (const use of [jobs, deepgram, retrieved]) {
    assert.equal(await use(other), other);
    assert.match(await use('zzz'), new RegExp(`^404 .*${DEFAULT}.*${other}`));
  }
  const form = new FormData();
  form.set('file', file, 'a.wav');
  form.set('model', 'zzz');
  const openAi = await fetch(`${cluster.url}/v1/audio/transcriptions`, { method: 'POST', body: form });
  assert.deepEqual([openAi.status, ((await openAi.json()) as ErrorAnswer).error.code], [404, 'model_not_found']);
});

test('live sessions and gRPC hold to the same rule', async () => {
  const [relay] = cluster.relays;
  assert.ok(relay);
  const at = `ws://127.0.0.1:${String(relay.port)}`;
  const own = (model: string | null): Promise<string> =>
    firstSaid(
      `${at}/ws/transcribe`,
      { type: 'start', ...(model === null ? {} : { model }) },
      /"type":"ready".*"model":"([^"]+)"/,
    );
  const client = new GrpcClient(`127.0.0.1:${String(relay.grpcPort)}`);
  const bytes = Buffer.from(await file.arrayBuffer());
  const grpc = async (model: string | null): Promise<string> => {
    const { messages, ending } = await client.call('Transcription/Transcribe', {
      audio: bytes,
      options: { model: model ?? '' },
    });
    return ending.status === 'OK'
      ? String((messages[0]?.['transcript'] as { model?: string } | undefined)?.model ?? messages[0]?.['model'])
      : `${ending.status} ${ending.message}`;
  };
  for (const name of [null, ...NAMES]) assert.equal(await own(name), DEFAULT, String(name));
  for (const name of [null, 'whisper-1', 'nova-3', 'openai/whisper-large-v3'])
    assert.equal(await grpc(name), DEFAULT, String(name));
  for (const use of [own, grpc]) {
    assert.equal(await use(other), other);
    assert.match(await use('zzz'), new RegExp(`${DEFAULT}.*${other}`));
  }
  client.close();
  const whisperLive = (model: string): Promise<string> =>
    firstSaid(
      `ws://127.0.0.1:${whisperLivePort}`,
      { uid: 'u', language: 'en', task: 'transcribe', model, use_vad: true },
      /"message": ?"?(SERVER_READY|ERROR)/,
    );
  for (const name of ['small', 'large-v3', 'whisper-1', other])
    assert.equal(await whisperLive(name), 'SERVER_READY', name);
  assert.notEqual(await whisperLive('zzz'), 'SERVER_READY');
  assert.match(
    await firstSaid(
      `${at}/v1/listen?model=zzz&encoding=linear16&sample_rate=16000`,
      null,
      /(model_not_found|No worker serves|1008)/,
    ),
    /model_not_found|No worker|1008/,
  );
});

test('a model whose worker was killed leaves the lists, and what names none is served all the while', async () => {
  const killed = cluster.workers.at(-1);
  assert.ok(killed);
  await killed.end('SIGKILL');
  await until(
    'the model is gone',
    async () => {
      assert.equal(await usedBy('/transcribe', null, (body) => (body as { model: string }).model), DEFAULT);
      return !(await served()).includes(other);
    },
    110_000,
  );
  assert.equal(((await (await fetch(`${cluster.url}/health`)).json()) as { status: string }).status, 'pass');
  assert.match(await usedBy('/transcribe', other, () => 'served'), /^404 /);
});
