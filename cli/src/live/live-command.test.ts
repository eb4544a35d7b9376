import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { TestLiveRelay, type RelayScript } from '@murmuration/client/testing';
import { run } from '../run.js';
import { TestTerminal } from '../testing/test-terminal.js';

async function place(
  t: TestContext,
  script: RelayScript = {},
): Promise<{
  relay: TestLiveRelay;
  live: (args: readonly string[], terminal?: TestTerminal) => Promise<{ status: number; out: string; err: string }>;
}> {
  const relay = await TestLiveRelay.open(script);
  t.after(() => relay.close());
  return {
    relay,
    live: async (args, terminal = new TestTerminal()) => {
      const status = await run(['live', ...args], { MURMUR_URL: relay.url, MURMUR_API_KEY: 'murm_k' }, terminal);
      return { status, ...terminal.said };
    },
  };
}

/** Two utterances of the test relay and a bit. */
const AUDIO = Buffer.alloc(17_000).fill(7);

/** Puts a program that records into the way, and everything else out of it. */
async function recorder(t: TestContext, name: string, script: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'murmur-live-'));
  await writeFile(join(folder, name), `#!${process.execPath}\n${script}\n`);
  await chmod(join(folder, name), 0o755);
  const path = process.env['PATH'];
  process.env['PATH'] = folder;
  t.after(async () => {
    process.env['PATH'] = path;
    await rm(folder, { recursive: true });
  });
}

describe('murmur live', () => {
  test('What is spoken into standard input comes out as lines, and all of it is sent.', async (t) => {
    const { relay, live } = await place(t);
    const ran = await live(
      ['-', '--language', 'en', '--rate', '8000'],
      new TestTerminal({ input: [AUDIO.subarray(0, 9_999), AUDIO.subarray(9_999)] }),
    );
    assert.deepEqual([ran.status, ran.err], [0, '']);
    assert.match(ran.out, /^-?\d+\n-?\d+\n$/);
    assert.deepEqual(relay.onlySession.audio, AUDIO);
    assert.equal(relay.requests[0]?.headers['sec-websocket-protocol'], 'murmuration.v1,murmuration.key.murm_k');
  });

  test('With --json there is one line an event, without the token of the session.', async (t) => {
    const { relay, live } = await place(t);
    const { out } = await live(['-', '--json'], new TestTerminal({ input: [AUDIO] }));
    const events = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; sample_rate?: number });
    assert.deepEqual(
      events.map(({ type }) => type),
      ['ready', 'final', 'final', 'closed'],
    );
    assert.equal(events[0]?.sample_rate, 16_000);
    assert.ok(!out.includes(relay.onlySession.token));
  });

  test('The microphone is heard through the recorder that there is, until Ctrl-C, which loses nothing of what was recorded.', async (t) => {
    await recorder(t, 'rec', 'process.stdout.write(Buffer.alloc(17_000)); setInterval(() => {}, 1_000);');
    const { relay, live } = await place(t);
    const terminal = new TestTerminal({ isWatched: true });
    const running = live([], terminal);
    while (relay.onlySessionOrNull()?.audio.length !== 17_000)
      await new Promise((resolve) => {
        setTimeout(resolve, 10);
      });
    terminal.interrupt();
    const ran = await running;
    assert.deepEqual([ran.status, ran.out], [0, '0\n0\n']);
    assert.match(ran.err, /listening/);
  });

  test("A microphone that cannot be had is told in the recorder's words, and the session does not stay.", async (t) => {
    await recorder(t, 'arecord', 'console.error("arecord: no soundcards found"); process.exit(1);');
    const { live } = await place(t);
    assert.deepEqual(await live([]), {
      status: 1,
      out: '',
      err: 'arecord cannot record: arecord: no soundcards found\n',
    });
  });

  test('Without a recorder it is said what to install.', async (t) => {
    await recorder(t, 'nothing', '');
    const { live } = await place(t);
    const ran = await live([]);
    assert.equal(ran.status, 1);
    assert.match(ran.err, /install alsa-utils \(arecord\) or sox/);
  });

  test('Connections that break are told to a person only, and lose nothing.', async (t) => {
    let cuts = 0;
    const { relay, live } = await place(t, {
      onFrame: (connection, frame) => {
        if (!Buffer.isBuffer(frame) || cuts === 2) return false;
        cuts++;
        connection.leave();
        return true;
      },
    });
    const watched = await live(['-'], new TestTerminal({ isWatched: true, input: [AUDIO] }));
    assert.deepEqual([watched.status, watched.out.split('\n').length], [0, 3]);
    assert.match(watched.err, /reconnecting: .*\nconnected again; nothing is lost\n/);
    assert.deepEqual(relay.onlySession.audio, AUDIO);
  });

  test('A server that refuses is status 1, one that is not there 3, and a command line that means nothing 2.', async (t) => {
    const { relay, live } = await place(t, {
      onFrame: (connection) => {
        connection.say({
          type: 'error',
          code: 'unsupported_language',
          message: 'No.',
          param: 'language',
          retryable: false,
        });
        connection.closeWith(1008);
        return true;
      },
    });
    assert.deepEqual(await live(['-'], new TestTerminal({ input: [AUDIO] })), {
      status: 1,
      out: '',
      err: 'No. (unsupported_language)\n',
    });
    for (const [args, words] of [
      [['talk.wav'], /murmur transcribe takes files/],
      [['-', '-'], /unexpected argument '-'/],
      [['--rate', '8000'], /are of standard input/],
      [['-', '--encoding', 'opus'], /--encoding .*Allowed choices are pcm_s16le/],
      [['-', '--relay', 'http://x'], /--relay .*takes a ws/],
      [['-', '--channels', '17'], /from 1 to 16/],
    ] as const) {
      const ran = await live(args);
      assert.equal(ran.status, 2, args.join(' '));
      assert.match(ran.err, words);
    }
    assert.match((await live(['--help'])).out, /murmur live \[options\] \[-\]/);
    await relay.close();
    assert.equal((await live(['-'], new TestTerminal({ input: [AUDIO] }))).status, 3);
  });

  test('Ctrl-C before anything was heard ends it at once.', async (t) => {
    const { live } = await place(t);
    const silent: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }),
    };
    const terminal = Object.assign(new TestTerminal(), { input: silent });
    const running = live(['-'], terminal);
    terminal.interrupt();
    assert.equal((await running).status, 130);
  });
});
