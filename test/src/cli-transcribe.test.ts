import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createKey } from '@murmuration/access';
import { Murmuration } from '@murmuration/client/node';
import { freePort } from '@murmuration/store/testing';
import { Cluster } from './harness/cluster.js';
import { until } from './harness/api-requests.js';
import { ROOT } from './harness/service-process.js';
import { samples, type Sample } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';

const RUN_LIMIT_MS = 75_000;

interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

let folder: string;
let cluster: Cluster;
let clips: readonly Sample[];
let key: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'murmuration-cli-'));
  clips = await samples();
  const keys = join(folder, 'keys.json');
  key = (await createKey(keys, { name: 'acme' })).key;
  cluster = await Cluster.start({ relays: 1, api: { API_KEYS_FILE: keys }, relay: { API_KEYS_FILE: keys } });
});

after(async () => {
  await cluster.close();
  await rm(folder, { recursive: true });
});

/** The program as people start it. */
function murmur(
  args: readonly string[],
  {
    environment = {},
    input,
    watch,
  }: {
    readonly environment?: Readonly<Record<string, string>>;
    readonly input?: string;
    readonly watch?: (interrupt: () => void) => void;
  } = {},
): Promise<Ran> {
  const child = spawn(process.execPath, [join(ROOT, 'cli/bin/murmur.mjs'), ...args], {
    cwd: ROOT,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      MURMUR_URL: cluster.url,
      MURMUR_API_KEY: key,
      ...environment,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  child.stdout.on('data', (data: Buffer) => {
    said.out += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    said.err += data.toString();
  });
  child.stdin.on('error', () => undefined);
  if (input === undefined) child.stdin.end();
  else createReadStream(input).pipe(child.stdin);
  watch?.(() => {
    child.kill('SIGINT');
  });
  return new Promise((resolve, reject) => {
    // A program that hangs is told with what it said, not by the limit of the test.
    const hangs = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`murmur ${args.join(' ')} does not end: ${JSON.stringify(said)}`));
    }, RUN_LIMIT_MS);
    child.once('close', (status) => {
      clearTimeout(hangs);
      resolve({ status, ...said });
    });
  });
}

function pathOf(clip: Sample | undefined): string {
  return join(ROOT, 'samples', clip?.name ?? '');
}

function check(text: string, clip: Sample | undefined): void {
  const said = words(clip?.said ?? '');
  assert.ok(wordErrors(said, words(text)) <= said.length * 0.15, text);
}

test('Recordings become text on standard output, subtitles in a folder, and lines for programs', async () => {
  const one = await murmur(['transcribe', pathOf(clips[0])]);
  assert.deepEqual([one.status, one.err], [0, '']);
  check(one.out, clips[0]);
  const output = join(folder, 'out');
  const all = await murmur(['transcribe', ...clips.map(pathOf), '-f', 'srt', '-o', output]);
  assert.deepEqual([all.status, all.err], [0, '']);
  assert.deepEqual((await readdir(output)).sort(), clips.map(({ name }) => name.replace(/wav$/, 'srt')).sort());
  for (const clip of clips)
    check((await readFile(join(output, clip.name.replace(/wav$/, 'srt')), 'utf8')).replaceAll(/^\d.*$/gm, ''), clip);
  const lines = await murmur(['transcribe', '-', '--json', '-f', 'json', '--word-timestamps'], {
    input: pathOf(clips[1]),
  });
  const { status, transcript } = JSON.parse(lines.out) as {
    status: string;
    transcript: { text: string; segments: { words: unknown[] }[] };
  };
  assert.equal(status, 'done');
  check(transcript.text, clips[1]);
  assert.ok((transcript.segments[0]?.words.length ?? 0) > 0);
});

test('Jobs are listed, shown, watched, read and deleted', async () => {
  const listed = await murmur(['jobs', 'list', '--json', '--status', 'done', '--limit', '1']);
  const { id } = JSON.parse(listed.out) as { id: string };
  assert.match((await murmur(['jobs', 'list'])).out, new RegExp(`^${id} +done +interactive `, 'm'));
  assert.match((await murmur(['jobs', 'show', id])).out, /^status +done$/m);
  const watched = await murmur(['jobs', 'watch', id]);
  assert.equal(watched.status, 0);
  assert.match(watched.out, /^\[0:00\.\d - 0:0\d\.\d\] \S/);
  assert.match((await murmur(['jobs', 'result', id, '-f', 'vtt'])).out, /^WEBVTT\n/);
  assert.equal((await murmur(['jobs', 'cancel', id])).status, 0);
  const gone = await murmur(['jobs', 'result', id]);
  assert.equal(gone.status, 1);
  assert.match(gone.err, /\(result_expired, request /);
});

test('What is no audio, a wrong key and a server that is away are told apart by sentence and status', async () => {
  const text = join(folder, 'text.wav');
  await writeFile(text, 'this is no audio');
  const bad = await murmur(['transcribe', text, pathOf(clips[0])]);
  assert.equal(bad.status, 1);
  assert.match(bad.err, /text\.wav: .*\(unprocessable_audio, request /);
  check(bad.out.replace(/^==>.*$/m, ''), clips[0]);
  const stranger = await murmur(['transcribe', pathOf(clips[0])], { environment: { MURMUR_API_KEY: 'murm_wrong' } });
  assert.deepEqual([stranger.status, stranger.out], [1, '']);
  assert.match(stranger.err, /\(unauthenticated, request /);
  assert.ok(!stranger.err.includes('murm_wrong'));
  const away = await murmur(['transcribe', pathOf(clips[0])], {
    environment: { MURMUR_URL: `http://127.0.0.1:${String(await freePort())}` },
  });
  assert.equal(away.status, 3);
  assert.match(away.err, /does not answer/);
});

test('Live speech on standard input becomes lines, and a wrong key is told', async () => {
  const heard = await murmur(['live', '-'], { input: pathOf(clips[2]) });
  assert.deepEqual([heard.status, heard.err], [0, '']);
  check(heard.out, clips[2]);
  const stranger = await murmur(['live', '-'], {
    input: pathOf(clips[2]),
    environment: { MURMUR_API_KEY: 'murm_wrong' },
  });
  assert.equal(stranger.status, 1);
  assert.match(stranger.err, /\(unauthenticated\)/);
});

test('What the key has used is told a day a line', async () => {
  const { status, out } = await murmur(['keys', 'usage']);
  assert.equal(status, 0);
  assert.match(
    out,
    /^acme has used \d+(?:\.\d+)? hours of audio this month\.\nDAY +HOURS +RECORDINGS +LIVE SESSIONS\n20\d\d-/,
  );
  const other = await murmur(['keys', 'usage', '--all']);
  assert.deepEqual([other.status, /\(permission_denied/.test(other.err)], [1, true]);
});

test('Ctrl-C cancels the job on the server, with status 130', async () => {
  // Without a worker a job waits: what happens to it is ours alone.
  for (const worker of cluster.workers) await worker.end();
  const client = new Murmuration({ baseUrl: cluster.url, apiKey: key });
  const waiting = async (): Promise<string[]> => {
    const ids: string[] = [];
    for await (const { id } of client.jobs.list({ status: 'queued' })) ids.push(id);
    return ids;
  };
  let interrupt = (): void => undefined;
  const running = murmur(['transcribe', pathOf(clips[0]), pathOf(clips[1])], {
    watch: (how) => {
      interrupt = how;
    },
  });
  await until('both jobs are accepted', async () => (await waiting()).length === 2);
  const ids = await waiting();
  interrupt();
  const ran = await running;
  assert.deepEqual([ran.status, ran.out], [130, '']);
  for (const id of ids) assert.equal((await client.jobs.get(id)).status, 'cancelled');
});
