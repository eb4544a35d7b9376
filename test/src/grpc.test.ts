import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createKey } from '@murmuration/access';
import { GrpcClient, type Message, type Talk } from '@murmuration/stream-relay/testing';
import { Cluster } from './harness/cluster.js';
import { joined, samples, wavFile } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';

const LIVE = 'Transcription/StreamingTranscribe';

let folder: string;
let cluster: Cluster;
let clients: GrpcClient[];
let mine: { readonly key: string };
let others: { readonly key: string };
let pcm: Int16Array;
let said: string[];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'murmuration-grpc-'));
  const keys = join(folder, 'keys.json');
  [mine, others] = [await createKey(keys, { name: 'acme' }), await createKey(keys, { name: 'other' })];
  const clips = await samples();
  pcm = joined(
    clips.map((clip) => clip.pcm),
    900,
  );
  said = words(clips.map((clip) => clip.said).join(' '));
  const guarded = { API_KEYS_FILE: keys };
  cluster = await Cluster.start({ relays: 2, api: guarded, relay: guarded });
  clients = cluster.relays.map(({ grpcPort }) => new GrpcClient(`127.0.0.1:${String(grpcPort)}`));
});

after(async () => {
  for (const client of clients) client.close();
  await cluster.close();
  await rm(folder, { recursive: true });
});

function client(relay: 0 | 1): GrpcClient {
  const found = clients[relay];
  assert.ok(found);
  return found;
}

function audio(fromSample = 0, toSample = pcm.length): Buffer[] {
  const bytes = Buffer.from(pcm.buffer, pcm.byteOffset + fromSample * 2, (toSample - fromSample) * 2);
  return Array.from({ length: Math.ceil(bytes.length / 32_000) }, (_, i) =>
    bytes.subarray(i * 32_000, (i + 1) * 32_000),
  );
}

function assertSaid(text: string): void {
  const errors = wordErrors(said, words(text));
  assert.ok(
    errors <= Math.ceil(said.length / 6),
    `${String(errors)} of ${String(said.length)} words are wrong: ${text}`,
  );
}

function finalsOf(messages: readonly Message[]): { readonly utterance: number; readonly text: string }[] {
  return messages.flatMap((message) => {
    const final = (message['event'] as Message | undefined)?.['final'];
    return final === undefined ? [] : [final as { readonly utterance: number; readonly text: string }];
  });
}

async function begun(relay: 0 | 1): Promise<Talk> {
  const talk = client(relay).talk(LIVE, mine);
  talk.say({ config: { language: 'en' } });
  await talk.first('ready');
  return talk;
}

test('A recording in one message comes back as its transcript, whole and segment by segment.', async () => {
  const recording = wavFile(pcm);
  const { messages, ending } = await client(0).call(
    'Transcription/Transcribe',
    { audio: recording, extension: 'wav' },
    mine,
  );
  assert.equal(ending.status, 'OK', ending.message);
  const whole = messages[0]?.['transcript'] as Message;
  assertSaid(whole['text'] as string);
  const streamed = (await client(1).call('Transcription/TranscribeStream', { audio: recording }, mine)).messages;
  assert.equal(streamed.at(-1)?.['event'], 'transcript');
  const segments = streamed.flatMap((message) =>
    message['event'] === 'segment' ? [(message['segment'] as Message)['segment'] as Message] : [],
  );
  assert.deepEqual(segments, (streamed.at(-1)?.['transcript'] as Message)['segments']);
  assertSaid(segments.map((segment) => segment['text']).join(' '));
});

test('Live audio gives partials, then each final once, also when the call breaks off and goes on at another relay; viewers see the same.', async () => {
  const talk = await begun(0);
  const { session, token } = (await talk.first('ready')) as { readonly session: string; readonly token: string };
  const watching = client(1).call('Sessions/WatchSession', { session, afterEventId: '0' }, mine);
  const middle = Math.floor(pcm.length / 2);
  for (const piece of audio(0, middle)) talk.say({ audio: piece });
  await talk.until(
    () =>
      finalsOf(talk.messages).length > 0 &&
      talk.messages.some((message) => (message['event'] as Message | undefined)?.['partial'] !== undefined),
  );
  const list = (await client(1).call('Sessions/ListSessions', {}, mine)).messages[0]?.['sessions'] as Message[];
  assert.deepEqual(
    list.map(({ id, state }) => [id, state]),
    [[session, 'LIVE_STATE_OPEN']],
  );
  talk.stream.cancel();
  await talk.ending;
  const seen = finalsOf(talk.messages);
  const lastEventId = talk.messages
    .map((message) => (message['event'] as Message | undefined)?.['eventId'])
    .filter((id) => id !== undefined)
    .at(-1);

  const again = client(1).talk(LIVE, mine);
  again.say({ resume: { session, token, lastEventId } });
  const { samples: stored } = (await again.first('resumed')) as { readonly samples: number };
  assert.ok(stored <= middle);
  for (const piece of audio(stored)) again.say({ audio: piece });
  again.say({ finish: {} });
  assert.equal((await again.ending).status, 'OK');
  const finals = [...seen, ...finalsOf(again.messages)];
  assert.deepEqual(
    finals.map(({ utterance }) => utterance),
    finals.map((_, index) => index),
  );
  assertSaid(finals.map(({ text }) => text).join(' '));
  const { messages: watched, ending } = await watching;
  assert.equal(ending.status, 'OK');
  assert.deepEqual(finalsOf(watched), finals);
});

test('A relay that is stopped sends its live clients to another, where they resume, and its watchers too.', async () => {
  const third = await cluster.addRelay();
  const leaving = new GrpcClient(`127.0.0.1:${String(third.grpcPort)}`);
  const talk = leaving.talk(LIVE, mine);
  talk.say({ config: {} });
  const { session, token } = (await talk.first('ready')) as { readonly session: string; readonly token: string };
  for (const piece of audio(0, 16_000)) talk.say({ audio: piece });
  await talk.first('ack');
  const watching = leaving.call('Sessions/WatchSession', { session, afterEventId: '0' }, mine);
  third.process.signal('SIGTERM');
  await talk.first('goingAway');
  assert.deepEqual([(await talk.ending).status, (await talk.ending).code], ['UNAVAILABLE', 'shutting_down']);
  assert.equal((await watching).ending.status, 'UNAVAILABLE');
  assert.equal(await third.process.exited, 0);
  leaving.close();
  const again = client(0).talk(LIVE, mine);
  again.say({ resume: { session, token } });
  await again.first('resumed');
  again.say({ cancel: {} });
  assert.equal((await again.first('closed'))['end'], 'LIVE_END_CANCELLED');
});

test('A session of another key is not there, and cannot be taken over with its token.', async () => {
  const talk = await begun(0);
  const { session, token } = await talk.first('ready');
  assert.equal(
    (await client(1).call('Sessions/WatchSession', { session, afterEventId: '0' }, others)).ending.status,
    'NOT_FOUND',
  );
  assert.deepEqual((await client(1).call('Sessions/ListSessions', {}, others)).messages[0]?.['sessions'], []);
  const thief = client(1).talk(LIVE, others);
  thief.say({ resume: { session, token } });
  assert.equal((await thief.ending).code, 'invalid_resume');
  talk.say({ cancel: {} });
  assert.equal((await talk.ending).status, 'OK');
});

test('A job is submitted in pieces, watched to its end on another relay, fetched, listed and taken away; another key sees none of it.', async () => {
  const { stream, answer } = client(0).upload('Jobs/CreateJob', mine);
  stream.write({
    settings: { priority: 'JOB_PRIORITY_INTERACTIVE', metadataJson: '{"call":7}', idempotencyKey: 'one' },
  });
  const file = wavFile(pcm);
  for (let at = 0; at < file.length; at += 100_000) stream.write({ audio: file.subarray(at, at + 100_000) });
  stream.end();
  const created = await answer;
  assert.equal(created.ending.status, 'OK', created.ending.message);
  const { id, metadataJson } = created.messages[0]?.['job'] as { readonly id: string; readonly metadataJson: string };
  assert.equal(metadataJson, '{"call":7}');
  const { messages: events, ending } = await client(1).call('Jobs/WatchJob', { id }, mine);
  assert.equal(ending.status, 'OK');
  assert.equal(events.at(-1)?.['event'], 'done');
  assertSaid(
    events
      .flatMap((event) =>
        event['event'] === 'segment' ? [((event['segment'] as Message)['segment'] as Message)['text']] : [],
      )
      .join(' '),
  );
  const afterFirst = (await client(0).call('Jobs/WatchJob', { id, afterEventId: events[0]?.['eventId'] }, mine))
    .messages;
  assert.deepEqual(afterFirst, events.slice(1));
  const transcript = (await client(1).call('Jobs/GetJobTranscript', { id }, mine)).messages[0]?.[
    'transcript'
  ] as Message;
  assertSaid(transcript['text'] as string);
  assert.equal(
    ((await client(0).call('Jobs/GetJob', { id }, mine)).messages[0]?.['job'] as Message)['status'],
    'JOB_STATUS_DONE',
  );
  for (const method of ['GetJob', 'GetJobTranscript', 'WatchJob', 'CancelJob'])
    assert.equal((await client(0).call(`Jobs/${method}`, { id }, others)).ending.status, 'NOT_FOUND', method);
  assert.deepEqual((await client(0).call('Jobs/ListJobs', {}, others)).messages[0]?.['jobs'], []);
  const listed = (await client(0).call('Jobs/ListJobs', { statuses: ['JOB_STATUS_DONE'] }, mine)).messages[0]?.[
    'jobs'
  ] as Message[];
  assert.deepEqual(
    listed.map((job) => job['id']),
    [id],
  );
  assert.equal(
    ((await client(0).call('Jobs/CancelJob', { id }, mine)).messages[0]?.['job'] as Message)['purged'],
    true,
  );
  assert.equal((await client(1).call('Jobs/GetJobTranscript', { id }, mine)).ending.code, 'result_expired');
});

test('An upload that breaks off leaves no job behind.', async () => {
  const id = '0b0e1a52-7d5e-4f7a-9a58-0c5f0f6d8a10';
  const { stream, answer } = client(0).upload('Jobs/CreateJob', mine);
  stream.write({ settings: { id } });
  stream.write({ audio: wavFile(pcm).subarray(0, 200_000) });
  for (let status = ''; status !== 'JOB_STATUS_RECEIVING';) {
    const { messages } = await client(1).call('Jobs/GetJob', { id }, mine);
    status = (messages[0]?.['job'] as { readonly status?: string } | undefined)?.status ?? '';
  }
  stream.cancel();
  assert.equal((await answer).ending.status, 'CANCELLED');
  for (let status = ''; status !== 'NOT_FOUND';)
    status = (await client(1).call('Jobs/GetJob', { id }, mine)).ending.status;
});

test('No key, a message above 100 MiB, a deadline and bytes that are no audio are refused, and the relay serves on.', async () => {
  assert.equal(
    (await client(0).call('Transcription/Transcribe', { audio: Buffer.from('a') })).ending.status,
    'UNAUTHENTICATED',
  );
  assert.equal(
    (await client(0).call('Transcription/Transcribe', { audio: Buffer.alloc(100 * 1024 * 1024 + 1) }, mine)).ending
      .status,
    'RESOURCE_EXHAUSTED',
  );
  assert.equal(
    (
      await client(0).call(
        'Transcription/Transcribe',
        { audio: wavFile(pcm) },
        { ...mine, options: { deadline: Date.now() + 5 } },
      )
    ).ending.status,
    'DEADLINE_EXCEEDED',
  );
  assert.equal(
    (await client(0).call('Transcription/Transcribe', { audio: Buffer.from('no audio at all, only words') }, mine))
      .ending.code,
    'unprocessable_audio',
  );
  const { ending } = await client(0).call(
    'Transcription/Transcribe',
    { audio: wavFile(pcm.subarray(0, 32_000)) },
    mine,
  );
  assert.equal(ending.status, 'OK', ending.message);
  assert.equal(await cluster.relays[0]?.process.probe('/livez'), 200);
});
