import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { run } from '../run.js';
import { JobsServer } from '../testing/jobs-server.js';
import { TestTerminal } from '../testing/test-terminal.js';

async function place(t: TestContext): Promise<{
  server: JobsServer;
  jobs: (args: readonly string[], terminal?: TestTerminal) => Promise<{ status: number; out: string; err: string }>;
}> {
  const server = await JobsServer.open();
  t.after(() => server.close());
  server.add('a', 'first');
  server.add('b', 'fail');
  server.add('c', 'third');
  return {
    server,
    jobs: async (args, terminal = new TestTerminal()) => {
      const status = await run(['jobs', ...args, '--server', server.url], {}, terminal);
      return { status, ...terminal.said };
    },
  };
}

describe('murmur jobs', () => {
  test('Jobs are listed as a table or as lines, over as many pages as it takes, and no more than wanted.', async (t) => {
    const { jobs } = await place(t);
    const table = (await jobs(['list'])).out.split('\n');
    assert.match(table[0] ?? '', /^ID +STATUS +PRIORITY +MODEL +CREATED +LENGTH +TRANSCRIBED$/);
    assert.match(table[1] ?? '', /^a +done +batch +m +2027-01-01T00:00:00Z +1:01 +0:00 of 0:04$/);
    assert.equal(table.length, 5);
    const ids = async (...args: readonly string[]): Promise<string[]> =>
      (await jobs(['list', '--json', ...args])).out
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { id: string }).id);
    assert.deepEqual(await ids(), ['a', 'b', 'c']);
    assert.deepEqual(await ids('--limit', '1'), ['a']);
    assert.deepEqual(await ids('--status', 'failed'), ['b']);
  });

  test('One job is shown with all that is known, and without what is not.', async (t) => {
    const { jobs } = await place(t);
    const { out } = await jobs(['show', 'b']);
    assert.match(out, /^error +The bytes are not audio\. \(unprocessable_audio\)$/m);
    assert.match(out, /^metadata +\{"of":"me"\}$/m);
    assert.doesNotMatch(out, /webhook|kept until/);
    assert.equal((JSON.parse((await jobs(['show', 'b', '--json'])).out) as { status: string }).status, 'failed');
  });

  test('A watched job is printed as it comes; its end is the status.', async (t) => {
    const { jobs } = await place(t);
    assert.deepEqual(await jobs(['watch', 'a']), { status: 0, out: '[0:00.2 - 1:01.5] first\n', err: '' });
    assert.deepEqual(await jobs(['watch', 'b']), {
      status: 1,
      out: '',
      err: 'the job failed: The bytes are not audio. (unprocessable_audio)\n',
    });
    const events = (await jobs(['watch', 'a', '--json'])).out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { event_id: string; type: string });
    assert.deepEqual(
      events.map(({ event_id, type }) => [event_id, type]),
      [
        ['1-0', 'accepted'],
        ['2-0', 'segment'],
        ['3-0', 'progress'],
        ['4-0', 'done'],
      ],
    );
  });

  test('Ctrl-C ends the watching and lets the job go on.', async (t) => {
    const { server, jobs } = await place(t);
    const response = fetch(`${server.url}/v1/jobs?id=d`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"url":"hang"}',
    });
    await (await response).arrayBuffer();
    const terminal = new TestTerminal({ isWatched: true });
    const watching = jobs(['watch', 'd'], terminal);
    while (server.jobs.get('d')?.watchers.size === 0)
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
    terminal.interrupt();
    assert.equal((await watching).status, 130);
    assert.equal(server.jobs.get('d')?.job.status, 'running');
    assert.deepEqual(await jobs(['cancel', 'd', 'nothing', 'a']), {
      status: 1,
      out: 'd is cancelled\na had ended (done): transcript and events are deleted\n',
      err: 'nothing: told of not_found (not_found, request r-1)\n',
    });
  });

  test('A result is printed in any format, or put into a folder.', async (t) => {
    const { jobs } = await place(t);
    const folder = await mkdtemp(join(tmpdir(), 'murmur-jobs-'));
    t.after(() => rm(folder, { recursive: true }));
    assert.deepEqual(await jobs(['result', 'a', '-f', 'srt']), { status: 0, out: 'srt: first\n', err: '' });
    assert.equal((JSON.parse((await jobs(['result', 'a', '-f', 'json'])).out) as { text: string }).text, 'first');
    assert.equal((await jobs(['result', 'a', '-o', folder])).out, `${join(folder, 'a.txt')}\n`);
    assert.equal(await readFile(join(folder, 'a.txt'), 'utf8'), 'txt: first\n');
    assert.deepEqual(JSON.parse((await jobs(['result', 'a', '--json'])).out), { id: 'a', transcript: 'txt: first\n' });
    assert.deepEqual(await jobs(['result', 'b']), {
      status: 1,
      out: '',
      err: 'told of job_not_done (job_not_done, request r-1)\n',
    });
  });

  test('What means nothing is status 2, an unknown job 1, and a server that is away 3.', async (t) => {
    const { server, jobs } = await place(t);
    for (const [args, words] of [
      [[], /Usage: murmur jobs/],
      [['make'], /unknown command 'make'/],
      [['show'], /missing required argument 'ID'/],
      [['show', 'a', 'b'], /unexpected argument 'b'/],
      [['list', 'a'], /unexpected argument 'a'/],
      [['show', 'a', '--limit', '3'], /unknown option '--limit'/],
      [['list', '-f', 'srt'], /unknown option '-f'/],
      [['list', '--status', 'lost'], /--status .*'lost' is invalid. Allowed choices are receiving,/],
      [['list', '--limit', 'x'], /--limit .*takes a whole number/],
    ] as const) {
      const ran = await jobs(args);
      assert.deepEqual([ran.status, ran.out], [2, ''], args.join(' '));
      assert.match(ran.err, words);
    }
    assert.match((await jobs(['--help'])).out, /jobs watch ID/);
    assert.deepEqual(await jobs(['show', 'x']), {
      status: 1,
      out: '',
      err: 'told of not_found (not_found, request r-1)\n',
    });
    await server.close();
    assert.equal((await jobs(['show', 'a'])).status, 3);
  });
});
