import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LiveConnection, type LiveMessage } from './harness/live-client.js';
import { Cluster } from './harness/cluster.js';
import { until } from './harness/api-requests.js';
import { frameOf, paced, twoSentences } from './harness/paced.js';
import { RATE_HZ } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';

let cluster: Cluster;
/** WebSocket address of the API node. */
let apiUrl: string;

before(async () => {
  cluster = await Cluster.start({
    relays: 2,
    relay: { SESSION_IDLE_TIMEOUT_MS: '4000', MAX_SESSIONS: '60', START_TIMEOUT_MS: '3000' },
  });
  apiUrl = cluster.url.replace('http', 'ws');
});

after(async () => {
  await cluster.close();
});

async function started(
  url: string,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<{ connection: LiveConnection; session: string; token: string }> {
  const connection = await LiveConnection.open(url);
  connection.send({ type: 'start', sample_rate: RATE_HZ, ...settings });
  const { session = '', token = '' } = await connection.next('ready', (message) => message.type === 'ready');
  return { connection, session, token };
}

function finals(messages: readonly LiveMessage[]): string[] {
  return messages.filter((message) => message.type === 'final').map((message) => message.text ?? '');
}

function errorsIn(messages: readonly LiveMessage[], said: readonly string[]): number {
  return wordErrors(said, words(finals(messages).join(' ')));
}

/** The error's code and the close code that a connection ends with. */
async function refusal(connection: LiveConnection): Promise<readonly [string | undefined, number]> {
  const code = await connection.closed;
  return [connection.messages.find((message) => message.type === 'error')?.code, code];
}

interface Listed {
  readonly sessions: readonly {
    readonly type: string;
    readonly id: string;
    readonly state: string;
    readonly language: string | null;
    readonly lag_ms: number;
    readonly audio_ms: number;
  }[];
}

async function listed(id: string): Promise<Listed['sessions'][number] | undefined> {
  return ((await (await fetch(`${cluster.url}/sessions`)).json()) as Listed).sessions.find(
    (session) => session.id === id,
  );
}

test('A stream through the API node gives right words, partials before each final, stable beginnings, and the same to viewers of both kinds', async () => {
  const { pcm, said } = await twoSentences();
  const { connection, session } = await started(`${apiUrl}/ws/transcribe`, { language: 'en' });
  const viewer = await LiveConnection.open(`${apiUrl}/v1/sessions/${session}/watch?last_event_id=0`);
  const events = fetch(`${cluster.url}/v1/sessions/${session}/events?last_event_id=0`).then((reply) => reply.text());
  await paced(pcm, (frame) => {
    connection.audio(frame);
  });
  const seen = await listed(session);
  assert.equal(seen?.type, 'live');
  assert.equal(seen.language, 'en');
  assert.ok(seen.audio_ms > 0 && seen.lag_ms >= 0);
  connection.send({ type: 'finish' });
  assert.equal(await connection.closed, 1000);
  assert.equal(connection.messages.at(-1)?.type, 'closed');
  assert.ok(errorsIn(connection.messages, said) <= 1, finals(connection.messages).join(' | '));

  const utterances = new Set(
    connection.messages.flatMap((message) => (message.type === 'final' ? [message.utterance] : [])),
  );
  assert.ok(utterances.size >= 2);
  for (const utterance of utterances) {
    const own = connection.messages.filter((message) => message.utterance === utterance);
    assert.equal(own[0]?.type, 'speech_started');
    assert.equal(own.at(-1)?.type, 'final');
    const partials = own.filter((message) => message.type === 'partial');
    assert.ok(partials.length >= 1);
    let stable = '';
    for (const { text = '', stable_chars: chars = 0 } of partials) {
      assert.ok(text.startsWith(stable));
      stable = text.slice(0, chars);
    }
  }
  const acks = connection.messages.filter((message) => message.type === 'ack').map((message) => message.samples ?? 0);
  assert.equal(acks.at(-1), pcm.length);
  assert.deepEqual(
    acks,
    [...acks].sort((a, b) => a - b),
  );

  assert.equal(await viewer.closed, 1000);
  const toWatch = connection.messages
    .filter((message) => message.event_id !== undefined && message.type !== 'partial')
    .map((message) => message.event_id);
  assert.deepEqual(
    viewer.messages.filter((message) => message.type !== 'partial').map((message) => message.event_id),
    toWatch,
  );
  const text = await events;
  assert.deepEqual(
    [...text.matchAll(/^id: (.+)\nevent: (?!partial)/gm)].map(([, id]) => id),
    toWatch,
  );
  assert.equal(await listed(session), undefined);
  assert.equal(
    (
      await fetch(`${cluster.url}/v1/sessions/${session}/events`, {
        headers: { 'last-event-id': toWatch.at(-1) ?? '' },
      })
    ).status,
    204,
  );
  const late = await LiveConnection.open(`${apiUrl}/v1/sessions/${session}/watch?last_event_id=${String(toWatch[0])}`);
  assert.equal(await late.closed, 1000);
  assert.deepEqual(finals(late.messages), finals(connection.messages));
});

test('A relay that is told to stop sends its client to the other, where the session goes on as if nothing had happened, and ends in order', async () => {
  const { pcm, said } = await twoSentences();
  const leaving = await cluster.addRelay();
  const first = await started(`ws://127.0.0.1:${String(leaving.port)}/`);
  const half = Math.round(pcm.length * 0.4);
  await paced(pcm.subarray(0, half), (frame) => {
    first.connection.audio(frame);
  });
  leaving.process.signal('SIGTERM');
  await first.connection.next('going_away', (message) => message.type === 'going_away');
  assert.equal(await first.connection.closed, 1012);

  const last = first.connection.messages.findLast((message) => message.event_id !== undefined)?.event_id;
  const second = await LiveConnection.open(`${apiUrl}/ws/transcribe`);
  second.send({
    type: 'resume',
    session: first.session,
    token: first.token,
    ...(last === undefined ? {} : { last_event_id: last }),
  });
  const { samples = 0 } = await second.next('resumed', (message) => message.type === 'resumed');
  assert.ok(samples > 0 && samples <= half);
  await paced(pcm.subarray(samples), (frame) => {
    second.audio(frame);
  });
  second.send({ type: 'finish' });
  assert.equal(await second.closed, 1000);
  const all = [...first.connection.messages, ...second.messages];
  assert.ok(errorsIn(all, said) <= 1, finals(all).join(' | '));
  const ids = all.flatMap((message) => message.event_id ?? []);
  assert.equal(new Set(ids).size, ids.length);
  assert.equal(await leaving.process.exited, 0);
  assert.equal(await leaving.process.probe('/readyz'), null);
});

test('Clients that break every rule get the documented code, and one that keeps them is not disturbed', async () => {
  const { pcm, said } = await twoSentences();
  const good = await started(`${apiUrl}/ws/transcribe`);
  const sent = paced(pcm, (frame) => {
    good.connection.audio(frame);
  });
  const url = `${apiUrl}/ws/transcribe`;

  const breaking: readonly (readonly [
    string,
    (connection: LiveConnection) => void,
    readonly [string | undefined, number],
  ])[] = [
    ['says nothing', () => undefined, ['invalid_message', 1008]],
    [
      'sends audio first',
      (connection) => {
        connection.audio(new Uint8Array(3_200));
      },
      ['invalid_message', 1008],
    ],
    [
      'sends garbage',
      (connection) => {
        connection.sendText('\u0000\u0001{');
      },
      ['invalid_message', 1008],
    ],
    [
      'names an unknown encoding',
      (connection) => {
        connection.send({ type: 'start', encoding: 'mp3' });
      },
      ['invalid_field', 1008],
    ],
    [
      'names a language that the model does not know',
      (connection) => {
        connection.send({ type: 'start', language: 'de' });
      },
      ['unsupported_language', 1008],
    ],
    [
      'resumes with a wrong token',
      (connection) => {
        connection.send({ type: 'resume', session: good.session, token: good.token.toUpperCase() });
      },
      ['invalid_resume', 1008],
    ],
    [
      'resumes nothing',
      (connection) => {
        connection.send({ type: 'resume', session: '../../x', token: 't' });
      },
      ['invalid_resume', 1008],
    ],
    [
      'sends 100 MB at once',
      (connection) => {
        connection.audio(new Uint8Array(100_000_000));
      },
      [undefined, 1009],
    ],
    [
      'says it is opus and is not',
      (connection) => {
        connection.send({ type: 'start', encoding: 'opus' });
        connection.audio(new Uint8Array(64_000).fill(7));
        connection.send({ type: 'finish' });
      },
      ['unprocessable_audio', 1008],
    ],
  ];
  await Promise.all(
    breaking.map(async ([what, act, expected]) => {
      const connection = await LiveConnection.open(url);
      act(connection);
      assert.deepEqual(await refusal(connection), expected, what);
    }),
  );

  const odd = await started(url);
  const bytes = frameOf(pcm.subarray(0, 16_000));
  for (let at = 0; at < bytes.length; at += 333) odd.connection.audio(bytes.subarray(at, at + 333));
  odd.connection.send({ type: 'finish' });
  assert.equal(await odd.connection.closed, 1000);
  assert.equal(odd.connection.messages.findLast((message) => message.type === 'ack')?.samples, 16_000);

  await sent;
  good.connection.send({ type: 'finish' });
  assert.equal(await good.connection.closed, 1000);
  assert.ok(errorsIn(good.connection.messages, said) <= 1, finals(good.connection.messages).join(' | '));
});

test('A session that gets no audio is warned and closed; keepalive holds it', async () => {
  const silent = await started(`${apiUrl}/ws/transcribe`);
  const kept = await started(`${apiUrl}/ws/transcribe`);
  const alive = setInterval(() => {
    kept.connection.send({ type: 'keepalive' });
  }, 500);
  assert.equal(await silent.connection.closed, 1000);
  clearInterval(alive);
  const types = silent.connection.messages.map((message) => message.type);
  assert.deepEqual(types.slice(-2), ['warning', 'closed']);
  kept.connection.send({ type: 'cancel' });
  assert.equal(await kept.connection.closed, 1000);
  assert.equal(
    kept.connection.messages.some((message) => message.type === 'warning'),
    false,
  );
});

test('More sessions than a relay takes are refused as too many, and those that it has go on; room comes back', async () => {
  const connections = await Promise.all(
    Array.from({ length: 120 }, () => LiveConnection.open(`${apiUrl}/ws/transcribe`)),
  );
  for (const connection of connections) connection.send({ type: 'start' });
  await Promise.all(
    connections.map((connection) =>
      connection.next('an answer', (message) => message.type === 'ready' || message.type === 'error'),
    ),
  );
  const refused = connections.filter((connection) => connection.messages[0]?.type === 'error');
  assert.equal(refused.length, 60);
  for (const connection of refused) assert.deepEqual(await refusal(connection), ['queue_full', 1013]);
  const taken = connections.filter((connection) => !refused.includes(connection));
  for (const connection of taken) connection.send({ type: 'cancel' });
  for (const connection of taken) assert.equal(await connection.closed, 1000);
  const again = await started(`${apiUrl}/ws/transcribe`);
  again.connection.send({ type: 'cancel' });
  await again.connection.closed;
});

test('A client that sends as fast as it can is slowed, not refused, and its text is whole', async () => {
  const { pcm, said } = await twoSentences();
  const { connection } = await started(`${apiUrl}/ws/transcribe`);
  const turns = 20;
  for (let turn = 0; turn < turns; turn++) {
    for (let at = 0; at < pcm.length; at += 1_600) connection.audio(pcm.subarray(at, at + 1_600));
  }
  connection.send({ type: 'finish' });
  assert.equal(await connection.closed, 1000);
  assert.equal(connection.messages.findLast((message) => message.type === 'ack')?.samples, pcm.length * turns);
  assert.ok(
    errorsIn(connection.messages, Array.from({ length: turns }, () => said).flat()) <= turns,
    finals(connection.messages).join(' | '),
  );
});

test('The relay counts what it has', async () => {
  const { connection } = await started(`ws://127.0.0.1:${String(cluster.relays[0]?.port)}/`);
  const metric = async (name: string): Promise<string | undefined> =>
    new RegExp(`^${name} (\\d+)$`, 'm').exec((await cluster.relays[0]?.process.metrics()) ?? '')?.[1];
  await until(
    'the session and its socket are counted',
    async () => (await metric('asr_live_sessions')) === '1' && (await metric('asr_websockets')) === '1',
  );
  connection.send({ type: 'cancel' });
  await connection.closed;
  await until(
    'they are gone',
    async () => (await metric('asr_live_sessions')) === '0' && (await metric('asr_websockets')) === '0',
  );
});
