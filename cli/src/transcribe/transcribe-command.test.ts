import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { run } from '../run.js';
import { JobsServer } from '../testing/jobs-server.js';
import { TestTerminal } from '../testing/test-terminal.js';

interface Place {
  readonly server: JobsServer;
  readonly folder: string;
  /** Makes a recording of this text and answers its path. */
  readonly record: (name: string, said: string) => Promise<string>;
  readonly transcribe: (
    args: readonly string[],
    terminal?: TestTerminal,
  ) => Promise<{ status: number; out: string; err: string }>;
}

async function place(t: TestContext): Promise<Place> {
  const server = await JobsServer.open();
  const folder = await mkdtemp(join(tmpdir(), 'murmur-transcribe-'));
  t.after(() => Promise.all([server.close(), rm(folder, { recursive: true, force: true })]));
  return {
    server,
    folder,
    record: async (name, said) => {
      await writeFile(join(folder, name), said);
      return join(folder, name);
    },
    transcribe: async (args, terminal = new TestTerminal()) => {
      const status = await run(['transcribe', ...args], { MURMUR_URL: server.url, MURMUR_API_KEY: 'murm_k' }, terminal);
      return { status, ...terminal.said };
    },
  };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition())
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
}

describe('murmur transcribe', () => {
  test('The text of a recording is printed, and nothing else; fields and key are sent.', async (t) => {
    const { server, record, transcribe } = await place(t);
    const ran = await transcribe([
      await record('talk.wav', 'hello'),
      '--language',
      'en',
      '--model',
      'base',
      '--word-timestamps',
      '--priority',
      'batch',
    ]);
    assert.deepEqual(ran, { status: 0, out: 'txt: hello\n', err: '' });
    assert.deepEqual([...server.keys], ['Bearer murm_k']);
    for (const field of [
      'name="language"\r\n\r\nen',
      'name="model"\r\n\r\nbase',
      'name="word_timestamps"\r\n\r\ntrue',
      'name="priority"\r\n\r\nbatch',
      'filename="talk.wav"',
    ])
      assert.ok(server.submitted[0]?.includes(field), field);
  });

  test('Several texts come in the order of the arguments, each under its name, a few recordings at once.', async (t) => {
    const { server, record, transcribe } = await place(t);
    const paths = await Promise.all(
      Array.from({ length: 9 }, (_, i) => record(`${String(i)}.wav`, `text ${String(i)}`)),
    );
    const ran = await transcribe([...paths, '--parallel', '3']);
    assert.equal(ran.status, 0);
    assert.equal(ran.out, paths.map((path, i) => `==> ${path} <==\ntxt: text ${String(i)}\n\n`).join(''));
    assert.ok(server.mostAtOnce > 1 && server.mostAtOnce <= 3, String(server.mostAtOnce));
  });

  test('With a folder each transcript is a file of its own, under a name that none other has.', async (t) => {
    const { folder, record, transcribe } = await place(t);
    const [first, second] = [await record('talk.wav', 'one'), await record('talk.mp3', 'two')];
    const output = join(folder, 'out', 'deeper');
    const ran = await transcribe([first, second, 'https://example.com/a/..%2Fb.mp3', '-f', 'srt', '-o', output]);
    assert.equal(ran.status, 0);
    assert.equal(ran.out, ['talk.srt', 'talk-2.srt', '_b.srt'].map((name) => `${join(output, name)}\n`).join(''));
    assert.deepEqual((await readdir(output)).sort(), ['_b.srt', 'talk-2.srt', 'talk.srt']);
    assert.equal(await readFile(join(output, 'talk-2.srt'), 'utf8'), 'srt: two\n');
    const json = await transcribe([first, '-f', 'json', '-o', output]);
    assert.equal(json.status, 0);
    assert.equal((JSON.parse(await readFile(join(output, 'talk.json'), 'utf8')) as { text: string }).text, 'one');
  });

  test('The layout of subtitles is asked for by the names of Whisper, and only for subtitles.', async (t) => {
    const { server, record, transcribe } = await place(t);
    const talk = await record('talk.wav', 'hello');
    const layout = [
      '--max-line-width',
      '32',
      '--max-line-count',
      '1',
      '--max-words-per-line',
      '4',
      '--highlight-words',
    ];
    assert.equal((await transcribe([talk, '-f', 'srt', ...layout])).status, 0);
    assert.deepEqual(server.queries, ['max_line_width=32&max_line_count=1&max_words_per_line=4&highlight_words=true']);
    assert.ok(server.submitted[0]?.includes('name="word_timestamps"\r\n\r\ntrue'));
    for (const [args, complaint] of [
      [[talk, ...layout], /--max-line-width is for subtitles: add -f srt or -f vtt/],
      [[talk, '-f', 'vtt', '--max-line-width', '7'], /--max-line-width .*takes a whole number from 8 to 1000/],
      [[talk, '-f', 'vtt', '--max-words-per-line', 'few'], /--max-words-per-line .*takes a whole number from 1 to 100/],
    ] as const) {
      const refused = await transcribe(args);
      assert.equal(refused.status, 2);
      assert.match(refused.err, complaint);
    }
  });

  test('What fails is told beside what succeeds, and the status is 1.', async (t) => {
    const { folder, record, transcribe } = await place(t);
    const [good, bad, missing] = [
      await record('good.wav', 'hello'),
      await record('bad.wav', 'fail'),
      join(folder, 'missing.wav'),
    ];
    const ran = await transcribe([missing, bad, good]);
    assert.equal(ran.status, 1);
    assert.equal(ran.out, `==> ${good} <==\ntxt: hello\n\n`);
    assert.match(ran.err, /bad\.wav: The bytes are not audio\. \(unprocessable_audio\)\n/);
    assert.match(ran.err, /missing\.wav: ENOENT/);
    const unwritable = await transcribe([good, '-o', join(good, 'below a file')]);
    assert.equal(unwritable.status, 1);
    assert.match(unwritable.err, /good\.wav: E(NOTDIR|EXIST)/);
  });

  test('With --json there is one line a recording, whatever became of it.', async (t) => {
    const { folder, record, transcribe } = await place(t);
    const [good, bad] = [await record('good.wav', 'hello'), await record('bad.wav', 'fail')];
    const lines = async (...args: readonly string[]): Promise<Record<string, unknown>[]> =>
      (await transcribe([...args, '--json'])).out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    const [done, failed] = (await lines(good, bad)).sort((a, b) =>
      String(a['status']).localeCompare(String(b['status'])),
    );
    assert.deepEqual(
      [done?.['input'], done?.['transcript'], done?.['model'], done?.['duration']],
      [good, 'txt: hello\n', 'm', 61],
    );
    assert.match(String(done?.['id']), /^[0-9a-f-]{36}$/);
    assert.deepEqual(failed, {
      input: bad,
      status: 'failed',
      error: { code: 'unprocessable_audio', message: 'The bytes are not audio.' },
    });
    const [asJson] = await lines(good, '-f', 'json');
    assert.deepEqual(asJson?.['transcript'], { id: asJson?.['id'], text: 'hello' });
    assert.equal((await lines(good, '-o', folder))[0]?.['output'], join(folder, 'good.txt'));
  });

  test('Standard input and addresses are recordings as well.', async (t) => {
    const { server, transcribe } = await place(t);
    const input = [Buffer.from('spoken '), Buffer.from('words')];
    assert.equal((await transcribe(['-'], new TestTerminal({ input }))).out, 'txt: spoken words\n');
    assert.equal((await transcribe(['https://example.com/talk.mp3'])).out, 'txt: https://example.com/talk.mp3\n');
    assert.deepEqual(JSON.parse(server.submitted[1] ?? ''), {
      url: 'https://example.com/talk.mp3',
      priority: 'interactive',
    });
  });

  test('A server that cannot be reached is status 3, told once.', async (t) => {
    const { server, record, transcribe } = await place(t);
    const paths = await Promise.all(['a', 'b', 'c'].map((name) => record(name, 'hello')));
    await server.close();
    const ran = await transcribe([...paths, '--parallel', '1']);
    assert.equal(ran.status, 3);
    assert.match(ran.err, /^[^\n]*a: .* does not answer: .*ECONNREFUSED.*\n$/);
  });

  test('Ctrl-C cancels the jobs that have not ended, and is status 130.', async (t) => {
    const { server, record, transcribe } = await place(t);
    const terminal = new TestTerminal();
    const running = transcribe(
      [await record('a', 'hang'), await record('b', 'hang'), await record('c', 'hang'), '--parallel', '2'],
      terminal,
    );
    await until(() => [...server.jobs.values()].filter(({ watchers }) => watchers.size > 0).length === 2);
    terminal.interrupt();
    assert.equal((await running).status, 130);
    assert.deepEqual(
      [...server.jobs.values()].map(({ job }) => job.status),
      ['cancelled', 'cancelled'],
    );
  });

  test('Where a person watches there is a bar, which goes away and leaves standard output alone.', async (t) => {
    const { server, record, transcribe } = await place(t);
    const terminal = new TestTerminal({ isWatched: true });
    const running = transcribe([await record('talk.wav', 'hang')], terminal);
    await until(() => [...server.jobs.values()].some(({ watchers }) => watchers.size > 0));
    const [id = ''] = server.jobs.keys();
    server.tell(id, '2-0', 'progress', { done_seconds: 3, planned_seconds: 4 });
    await until(() => terminal.said.err.includes(' 75 % '));
    server.end(id);
    const ran = await running;
    assert.equal(ran.out, 'txt: hang\n');
    assert.match(ran.err, /talk\.wav *\[#{18}\.{6}\] 75 % {2}0:03 of 0:04 of speech/);
    assert.match(ran.err, /\u001B\[0J[^#]*$/, 'what is below the cursor is erased at the end');
  });

  test('A command line that means nothing is told which part of it, and status 2.', async (t) => {
    const { transcribe } = await place(t);
    for (const [args, words] of [
      [[], /missing required argument 'FILE/],
      [['a', '-f', 'doc'], /--format .*Allowed choices are txt, json/],
      [['a', '--parallel', '0'], /--parallel .*takes a whole number from 1 to 64/],
      [['a', '--priority', 'first'], /--priority .*Allowed choices are interactive, batch/],
      [['-', '-'], /can be read once/],
      [['a', 'b', '-f', 'srt'], /need --output or --json/],
      [['a', '--server', 'localhost:8000'], /--server .*takes an http\(s\) address/],
      [['a', '--frob'], /--frob/],
    ] as const) {
      const { status, err, out } = await transcribe(args);
      assert.deepEqual([status, out], [2, ''], args.join(' '));
      assert.match(err, words);
      assert.match(err, /murmur transcribe \[options\] <FILE\|URL/);
    }
    assert.match((await transcribe(['--help'])).out, /Exit status: 0 all done; 1 some failed/);
  });
});
