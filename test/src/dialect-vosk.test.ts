import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { freePort } from '@murmuration/store/testing';
import { Cluster } from './harness/cluster.js';
import { frameOf, paced, twoSentences } from './harness/paced.js';
import { RATE_HZ } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';

let cluster: Cluster;
let url: string;
let pcm: Int16Array;
let said: readonly string[];

before(async () => {
  ({ pcm, said } = await twoSentences());
  const port = await freePort();
  url = `ws://127.0.0.1:${String(port)}`;
  cluster = await Cluster.start({ relays: 1, relay: { VOSK_PORT: String(port) } });
});

after(async () => {
  await cluster.close();
});

interface Reply {
  readonly partial?: string;
  readonly text?: string;
  readonly result?: readonly {
    readonly word: string;
    readonly start: number;
    readonly end: number;
    readonly conf: number;
  }[];
}

/** A client in lockstep, as the published test clients are: each message but the config waits for its reply. */
async function lockstep(): Promise<{
  readonly socket: WebSocket;
  readonly ask: (message: string | Buffer) => Promise<Reply>;
  readonly closed: Promise<number>;
}> {
  const socket = new WebSocket(url);
  const waiting: ((reply: Reply) => void)[] = [];
  socket.on('message', (data: Buffer) => {
    const take = waiting.shift();
    assert.ok(take, `a reply that nobody asked for: ${data.toString()}`);
    take(JSON.parse(data.toString()) as Reply);
  });
  const closed = new Promise<number>((resolve) => {
    socket.on('close', resolve);
  });
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.send(`{ "config" : { "sample_rate" : ${String(RATE_HZ)} } }`);
  return {
    socket,
    closed,
    ask: (message) =>
      new Promise((resolve) => {
        waiting.push(resolve);
        socket.send(message, { binary: typeof message !== 'string' });
      }),
  };
}

function check(replies: readonly Reply[]): void {
  const text = replies.map((reply) => reply.text ?? '').join(' ');
  assert.ok(wordErrors(said, words(text)) <= said.length * 0.2, text);
}

test("The published client's order, as fast as replies come: one reply to each frame, all text by the end", async () => {
  const { ask, closed } = await lockstep();
  const replies: Reply[] = [];
  for (let at = 0; at < pcm.length; at += 4_000) replies.push(await ask(frameOf(pcm.subarray(at, at + 4_000))));
  replies.push(await ask('{"eof" : 1}'));
  assert.equal(await closed, 1000);
  check(replies);
  assert.equal(typeof replies.at(-1)?.text, 'string');
  assert.ok(replies.every((reply) => 'partial' in reply !== 'text' in reply));
  assert.ok(
    replies
      .flatMap((reply) => reply.result ?? [])
      .every(({ start, end, conf }) => start <= end && conf >= 0 && conf <= 1),
  );
});

test('At the pace of speech partials come before each text', async () => {
  const { socket, ask, closed } = await lockstep();
  const replies: Reply[] = [];
  const asked: Promise<unknown>[] = [];
  await paced(
    pcm,
    (frame) => {
      asked.push(ask(frame).then((reply) => replies.push(reply)));
    },
    { frameMs: 100 },
  );
  await Promise.all(asked);
  const last = await ask('{"eof" : 1}');
  assert.equal(await closed, 1000);
  assert.equal(socket.readyState, WebSocket.CLOSED);
  check([...replies, last]);
  const firstText = replies.findIndex((reply) => (reply.text ?? '') !== '');
  assert.ok(firstText > 0 && replies.slice(0, firstText).some((reply) => (reply.partial ?? '') !== ''));
});
