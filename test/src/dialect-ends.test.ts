import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { DeepgramClient } from '@deepgram/sdk';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { WebSocket } from 'ws';
import { freePort } from '@murmuration/store/testing';
import { Cluster } from './harness/cluster.js';
import { LiveConnection } from './harness/live-client.js';
import { atRate, frameOf, paced } from './harness/paced.js';
import { RATE_HZ, samples } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';

// Ends that a client asks for, and ends because nothing is sent, in every dialect.

const OPENAI_RATE_HZ = 24_000;
let cluster: Cluster;
let ports: { readonly vosk: number; readonly whisperLive: number };
/** One sentence without a pause after it. */
let pcm: Int16Array;
let said: readonly string[];
const silence = (rateHz: number): Int16Array => new Int16Array(2 * rateHz);

before(async () => {
  const [clip] = await samples();
  assert.ok(clip);
  pcm = trimmed(clip.pcm);
  said = words(clip.said);
  ports = { vosk: await freePort(), whisperLive: await freePort() };
  cluster = await Cluster.start({
    relays: 1,
    relay: { VOSK_PORT: String(ports.vosk), WHISPERLIVE_PORT: String(ports.whisperLive), IDLE_ENDPOINTING_MS: '700' },
  });
});

after(async () => {
  await cluster.close();
});

/** Up to the last sound that is loud. */
function trimmed(whole: Int16Array): Int16Array {
  let end = whole.length;
  while (end > 0 && Math.abs(whole[end - 1] ?? 0) < 800) end--;
  return whole.subarray(0, end);
}

function checkText(text: string): void {
  assert.ok(wordErrors(said, words(text)) <= said.length * 0.25, text);
}

/** Messages as they come, and waiting for one that fits. */
class Told<Message> {
  readonly all: Message[] = [];
  #wake: () => void = () => undefined;

  add(message: Message): void {
    this.all.push(message);
    this.#wake();
  }

  async first(fits: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const found = this.all.find(fits);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

interface DeepgramMessage {
  readonly type: string;
  readonly is_final?: boolean;
  readonly from_finalize?: boolean;
  readonly last_word_end?: number;
  readonly channel?: { readonly alternatives: readonly { readonly transcript: string }[] };
}

const textOf = (message: DeepgramMessage): string => message.channel?.alternatives[0]?.transcript ?? '';

async function deepgram(): Promise<{
  readonly told: Told<DeepgramMessage>;
  readonly connection: Awaited<ReturnType<DeepgramClient['listen']['v1']['connect']>>;
  readonly closed: Promise<number>;
}> {
  const client = new DeepgramClient({
    apiKey: 'unused',
    environment: {
      base: cluster.url,
      production: cluster.url.replace('http', 'ws'),
      agent: cluster.url,
      agentRest: cluster.url,
    } as never,
  });
  const connection = await client.listen.v1.connect({
    model: 'nova-3',
    encoding: 'linear16',
    sample_rate: RATE_HZ,
    interim_results: 'true',
    vad_events: 'true',
    utterance_end_ms: 1_000,
    reconnectAttempts: 0,
    Authorization: 'Token unused',
  });
  const told = new Told<DeepgramMessage>();
  connection.on('message', (message) => {
    told.add(message as DeepgramMessage);
  });
  const closed = new Promise<number>((resolve) => {
    connection.on('close', (event) => {
      resolve(event.code);
    });
  });
  connection.connect();
  await connection.waitForOpen();
  return { told, connection, closed };
}

test('Deepgram: Finalize at the end of speech is followed by no SpeechStarted and no empty result, in silence and at CloseStream', async () => {
  for (const rest of [silence(RATE_HZ), new Int16Array(0)]) {
    const { told, connection, closed } = await deepgram();
    connection.sendMedia(frameOf(pcm));
    connection.sendFinalize({ type: 'Finalize' });
    if (rest.length > 0) connection.sendMedia(frameOf(rest));
    connection.sendCloseStream({ type: 'CloseStream' });
    assert.equal(await closed, 1000);
    const told1 = told.all.flatMap((message) =>
      message.type !== 'Results'
        ? [message.type]
        : message.is_final === true
          ? [`final ${String(message.from_finalize)}`]
          : [],
    );
    assert.deepEqual(
      told1.filter((type) => type !== 'UtteranceEnd'),
      ['SpeechStarted', 'final true', 'Metadata'],
    );
    checkText(
      told.all
        .filter((message) => message.is_final === true)
        .map(textOf)
        .join(' '),
    );
  }
});

test('Deepgram: with KeepAlive alone the result and UtteranceEnd come by the clock', async () => {
  const { told, connection, closed } = await deepgram();
  await paced(pcm, (frame) => {
    connection.sendMedia(frame);
  });
  const alive = setInterval(() => {
    connection.sendKeepAlive({ type: 'KeepAlive' });
  }, 200);
  const final = await told.first((message) => message.is_final === true);
  const end = await told.first(({ type }) => type === 'UtteranceEnd');
  clearInterval(alive);
  checkText(textOf(final));
  assert.ok((end.last_word_end ?? Infinity) <= pcm.length / RATE_HZ + 0.1, 'a time of the audio');
  assert.equal(final.from_finalize, false);
  connection.sendCloseStream({ type: 'CloseStream' });
  assert.equal(await closed, 1000);
});

interface OpenAiEvent {
  readonly type: string;
  readonly transcript?: string;
  readonly item_id?: string;
  readonly error?: { readonly code?: string };
}

async function openai(): Promise<{
  readonly told: Told<OpenAiEvent>;
  readonly socket: OpenAIRealtimeWS;
  readonly speak: (audio: Int16Array) => void;
}> {
  const client = new OpenAI({ baseURL: `${cluster.url}/v1`, apiKey: 'unused' });
  const port = Number(new URL(cluster.url).port);
  const socket = new OpenAIRealtimeWS(
    { intent: 'transcription', options: { createConnection: () => connect(port, '127.0.0.1') } },
    client,
  );
  const told = new Told<OpenAiEvent>();
  socket.on('event', (event) => {
    told.add(event as OpenAiEvent);
  });
  socket.on('error', () => undefined);
  await told.first(({ type }) => type === 'session.created');
  return {
    told,
    socket,
    speak: (audio) => {
      socket.send({ type: 'input_audio_buffer.append', audio: frameOf(audio).toString('base64') });
    },
  };
}

const brief = (events: readonly OpenAiEvent[]): string[] =>
  events
    .map(({ type }) => type.replace(/^.*\.(?=[^.]+$)/, ''))
    .filter((type) => !['created', 'updated', 'delta', 'added', 'done'].includes(type));

test('OpenAI: commit and clear with server_vad begin no turn out of nothing, and a commit of nothing is input_audio_buffer_commit_empty', async () => {
  const { told, socket, speak } = await openai();
  const speech = atRate(pcm, OPENAI_RATE_HZ);
  socket.send({ type: 'input_audio_buffer.commit' });
  speak(speech);
  socket.send({ type: 'input_audio_buffer.commit' });
  speak(silence(OPENAI_RATE_HZ));
  socket.send({ type: 'input_audio_buffer.commit' });
  await told.first(({ type }) => type.endsWith('.completed'));
  speak(speech);
  socket.send({ type: 'input_audio_buffer.clear' });
  speak(silence(OPENAI_RATE_HZ));
  socket.send({ type: 'input_audio_buffer.commit', event_id: 'last' });
  await told.first(({ error }) => (error as { event_id?: string } | undefined)?.event_id === 'last');
  socket.close();
  const [completed] = told.all.filter(({ type }) => type.endsWith('.completed'));
  checkText(completed?.transcript ?? '');
  const order = brief(told.all);
  assert.deepEqual(
    order.filter((type) => type !== 'error' && type !== 'completed'),
    ['speech_started', 'speech_stopped', 'committed', 'speech_started', 'cleared'],
  );
  assert.deepEqual(
    [order.filter((type) => type === 'completed').length, told.all.flatMap(({ error }) => error?.code ?? [])],
    [1, Array.from({ length: 3 }, () => 'input_audio_buffer_commit_empty')],
  );
});

test('OpenAI: a turn is completed though nothing is sent any more', async () => {
  const { told, socket } = await openai();
  await paced(
    atRate(pcm, OPENAI_RATE_HZ),
    (frame) => {
      socket.send({ type: 'input_audio_buffer.append', audio: frame.toString('base64') });
    },
    { rateHz: OPENAI_RATE_HZ },
  );
  const completed = await told.first(({ type }) => type.endsWith('.completed'));
  socket.close();
  checkText(completed.transcript ?? '');
  assert.deepEqual(brief(told.all), ['speech_started', 'speech_stopped', 'committed', 'completed']);
});

async function plain(port: number): Promise<{
  readonly socket: WebSocket;
  readonly told: Told<Record<string, unknown>>;
  readonly closed: Promise<number>;
}> {
  const socket = new WebSocket(`ws://127.0.0.1:${String(port)}`);
  const told = new Told<Record<string, unknown>>();
  socket.on('message', (data: Buffer) => {
    told.add(JSON.parse(data.toString()) as Record<string, unknown>);
  });
  const closed = new Promise<number>((resolve) => {
    socket.on('close', resolve);
  });
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return { socket, told, closed };
}

test('vosk: the text comes though no audio does, each audio still has one reply, and eof may be spaced anyhow', async () => {
  const { socket, told, closed } = await plain(ports.vosk);
  socket.send(`{"config": {"sample_rate": ${String(RATE_HZ)}}}`);
  let sent = 0;
  await paced(
    pcm,
    (frame) => {
      sent++;
      socket.send(frame);
    },
    { frameMs: 100 },
  );
  const { text } = await told.first((message) => typeof message['text'] === 'string');
  checkText(text as string);
  for (let frame = 0; frame < 5; frame++) {
    sent++;
    socket.send(new Uint8Array(3_200));
  }
  socket.send('{ "eof":1 }');
  assert.equal(await closed, 1000);
  assert.equal(told.all.length, sent + 1);
  assert.equal(told.all.at(-1)?.['text'], '');
});

test('WhisperLive: the segment is completed though nothing is sent any more', async () => {
  const { socket, told, closed } = await plain(ports.whisperLive);
  socket.send(
    JSON.stringify({
      uid: 'u',
      language: 'en',
      task: 'transcribe',
      model: 'small',
      use_vad: true,
      audio_format: 'int16',
    }),
  );
  await told.first(({ message }) => message === 'SERVER_READY');
  await paced(pcm, (frame) => {
    socket.send(frame);
  });
  const isComplete = (message: Record<string, unknown>): boolean =>
    (message['segments'] as readonly { readonly completed: boolean }[] | undefined)?.at(-1)?.completed === true;
  const complete = await told.first(isComplete);
  checkText((complete['segments'] as readonly { readonly text: string }[]).map((segment) => segment.text).join(' '));
  const before = told.all.length;
  socket.send(Buffer.from('END_OF_AUDIO'));
  assert.equal(await closed, 1000);
  assert.equal(told.all.length, before, 'and nothing is told twice');
});

test('The live protocol: commit ends the utterance in progress, and one that nothing follows ends by the clock, as the session has it', async () => {
  const connection = await LiveConnection.open(`${cluster.url.replace('http', 'ws')}/ws/transcribe`);
  connection.send({ type: 'start', sample_rate: RATE_HZ, idle_endpointing_ms: 300 });
  const ready = await connection.next('ready', (message) => message.type === 'ready');
  assert.equal((ready as { idle_endpointing_ms?: number }).idle_endpointing_ms, 300);
  connection.audio(pcm);
  connection.send({ type: 'commit' });
  connection.audio(silence(RATE_HZ));
  connection.audio(pcm);
  connection.send({ type: 'keepalive' });
  await connection.next('the second final', (message) => message.type === 'final' && message.utterance === 1);
  connection.send({ type: 'finish' });
  await connection.closed;
  const kinds = connection.messages
    .map((message) => message.type)
    .filter((type) => !['ready', 'ack', 'partial'].includes(type));
  assert.deepEqual(kinds.sort(), ['closed', 'final', 'final', 'speech_started', 'speech_started']);
  for (const final of connection.messages.filter((message) => message.type === 'final')) checkText(final.text ?? '');
});
