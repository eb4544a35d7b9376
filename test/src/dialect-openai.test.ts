import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { Cluster } from './harness/cluster.js';
import { WITHOUT_LIVE_PYTHON, runPython } from './harness/live-clients.js';
import { atRate, frameOf, paced, twoSentences } from './harness/paced.js';
import { wordErrors, words } from './harness/word-errors.js';

const RATE_HZ = 24_000;

let cluster: Cluster;
let pcm: Int16Array;
let said: readonly string[];

before(async () => {
  const speech = await twoSentences();
  [pcm, said] = [atRate(speech.pcm, RATE_HZ), speech.said];
  cluster = await Cluster.start({ relays: 1 });
});

after(async () => {
  await cluster.close();
});

interface Told {
  readonly type: string;
  readonly item_id?: string;
  readonly delta?: string;
  readonly transcript?: string;
  readonly previous_item_id?: string | null;
}

/** The official client, connected, with everything that it was told. It always dials TLS, which a relay has from the proxy before it: here the socket is a plain one. */
async function opened(apiKey = 'unused'): Promise<{
  readonly socket: OpenAIRealtimeWS;
  readonly told: Told[];
  readonly first: (what: (event: Told) => boolean) => Promise<Told>;
}> {
  const client = new OpenAI({ baseURL: `${cluster.url}/v1`, apiKey });
  const port = Number(new URL(cluster.url).port);
  const socket = new OpenAIRealtimeWS(
    { intent: 'transcription', options: { createConnection: () => connect(port, '127.0.0.1') } },
    client,
  );
  const told: Told[] = [];
  let wake: (() => void)[] = [];
  let fault: unknown = null;
  const changed = (): void => {
    const waiting = wake;
    wake = [];
    for (const call of waiting) call();
  };
  socket.on('event', (event) => {
    told.push(event);
    changed();
  });
  socket.on('error', (error) => {
    fault = error;
    changed();
  });
  socket.socket.on('close', (code) => {
    fault ??= new Error(`closed with ${String(code)}`);
    changed();
  });
  const first = async (what: (event: Told) => boolean): Promise<Told> => {
    for (;;) {
      const found = told.find(what);
      if (found !== undefined) return found;
      if (fault !== null) throw fault as Error;
      await new Promise<void>((resolve) => {
        wake.push(resolve);
      });
    }
  };
  await first(({ type }) => type === 'session.created');
  return { socket, told, first };
}

function speak(socket: OpenAIRealtimeWS, audio: Int16Array): Promise<void> {
  return paced(
    audio,
    (frame) => {
      socket.send({ type: 'input_audio_buffer.append', audio: frame.toString('base64') });
    },
    { rateHz: RATE_HZ },
  );
}

test('The Node client hears turns as they are spoken: increments that grow, then transcripts that are right', async () => {
  const { socket, told, first } = await opened();
  socket.send({
    type: 'session.update',
    session: {
      type: 'transcription',
      audio: {
        input: {
          format: { type: 'audio/pcm', rate: RATE_HZ },
          transcription: { model: 'gpt-4o-transcribe', language: 'en' },
          turn_detection: { type: 'server_vad', silence_duration_ms: 500 },
        },
      },
    },
  });
  await first(({ type }) => type === 'session.updated');
  await speak(socket, pcm);
  const completed = (): Told[] =>
    told.filter(({ type }) => type === 'conversation.item.input_audio_transcription.completed');
  await first(() => completed().length >= 2);
  socket.close();
  const text = completed()
    .map(({ transcript }) => transcript ?? '')
    .join(' ');
  assert.ok(wordErrors(said, words(text)) <= said.length * 0.2, text);
  for (const { item_id: id, transcript } of completed()) {
    const of = told
      .filter((event) => event.item_id === id)
      .map(({ type }) => type.replace('conversation.item.input_audio_transcription.', ''));
    assert.deepEqual(
      of.filter((type) => type !== 'delta'),
      [
        'input_audio_buffer.speech_started',
        'input_audio_buffer.speech_stopped',
        'input_audio_buffer.committed',
        'completed',
      ],
      String(id),
    );
    assert.equal(of.at(-1), 'completed');
    const sum = told
      .filter((event) => event.item_id === id)
      .map(({ delta }) => delta ?? '')
      .join('');
    assert.ok(sum !== '' && (transcript ?? '').startsWith(sum.slice(0, 10)), sum);
  }
  const [, second] = completed();
  const early = told.findIndex((event) => event.item_id === second?.item_id && event.delta !== undefined);
  const stopped = told.findIndex(
    (event) => event.item_id === second?.item_id && event.type === 'input_audio_buffer.speech_stopped',
  );
  assert.ok(early >= 0 && early < stopped, 'text came while the sentence was spoken');
});

test('Without detection the client commits, and gets one transcript of all it said; a commit of nothing is an error and no turn', async () => {
  const { socket, told, first } = await opened();
  socket.send({
    type: 'session.update',
    session: { type: 'transcription', audio: { input: { transcription: { model: 'gpt-realtime-whisper' } } } },
  });
  await speak(socket, pcm);
  socket.send({ type: 'input_audio_buffer.commit' });
  await first(({ type }) => type.endsWith('.completed'));
  socket.send({ type: 'input_audio_buffer.commit' });
  await assert.rejects(
    first(({ type }) => type === 'response.done'),
    (error: unknown) => {
      const { code, type, message } = (error as { error: { code: string; type: string; message: string } }).error;
      assert.deepEqual([code, type], ['input_audio_buffer_commit_empty', 'invalid_request_error']);
      return message.startsWith(
        'Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has 0.00ms of audio.',
      );
    },
  );
  socket.close();
  const completed = told.filter(({ type }) => type.endsWith('.completed'));
  assert.ok(wordErrors(said, words(completed[0]?.transcript ?? '')) <= said.length * 0.2, completed[0]?.transcript);
  assert.deepEqual(
    told
      .filter(({ type }) => type === 'input_audio_buffer.committed')
      .map(({ previous_item_id: previous }) => previous),
    [null],
  );
  assert.ok(completed.length === 1 && !told.some(({ type }) => type.includes('speech_')));
});

test("A secret of the API node opens the relay's", async () => {
  const client = new OpenAI({ baseURL: `${cluster.url}/v1`, apiKey: 'unused' });
  const { value, session } = await client.realtime.clientSecrets.create({
    session: { type: 'transcription', audio: { input: { transcription: { model: 'whisper-1' } } } },
    expires_after: { anchor: 'created_at', seconds: 60 },
  });
  assert.match(value, /^ek_/);
  assert.equal(session.type, 'transcription');
  const { socket } = await opened(value);
  socket.close();
});

const SCRIPT = `
import asyncio, base64, json, sys, time
from openai import AsyncOpenAI
pcm = open(sys.argv[2], "rb").read()
async def main():
    told = []
    async with AsyncOpenAI(base_url=sys.argv[1], api_key="unused").realtime.connect(extra_query={"intent": "transcription"}) as connection:
        await connection.session.update(session={"type": "transcription", "audio": {"input": {"transcription": {"model": "whisper-1", "language": "en"}, "turn_detection": {"type": "server_vad"}}}})
        async def speak():
            started = time.monotonic()
            for i, at in enumerate(range(0, len(pcm), 4800)):
                await asyncio.sleep(max(0, started + (i + 1) * 0.1 - time.monotonic()))
                await connection.input_audio_buffer.append(audio=base64.b64encode(pcm[at:at + 4800]).decode())
        speaking = asyncio.create_task(speak())
        async for event in connection:
            told.append([event.type, getattr(event, "delta", None) or getattr(event, "transcript", None)])
            if sum(kind.endswith(".completed") for kind, _ in told) == 2: break
        await speaking
    print(json.dumps(told))
asyncio.run(main())
`;

test('The Python client hears the same', { skip: WITHOUT_LIVE_PYTHON }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'murmuration-realtime-'));
  try {
    await writeFile(join(folder, 'speech.pcm'), frameOf(pcm));
    const told = (await runPython(SCRIPT, [`${cluster.url}/v1`, join(folder, 'speech.pcm')])) as [
      string,
      string | null,
    ][];
    const text = told
      .filter(([type]) => type.endsWith('.completed'))
      .map(([, transcript]) => transcript ?? '')
      .join(' ');
    assert.ok(wordErrors(said, words(text)) <= said.length * 0.2, text);
    const order = told.map(([type]) => type.split('.').at(-1));
    assert.ok(order.indexOf('delta') >= 0 && order.indexOf('delta') < order.indexOf('completed'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
