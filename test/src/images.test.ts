import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { freePort, startRedis, type TestRedis } from '@murmuration/store/testing';
import { GrpcClient, type Message } from '@murmuration/stream-relay/testing';
import { transcribe, until } from './harness/api-requests.js';
import { WITHOUT_FFMPEG, encoded } from './harness/encode.js';
import { listenToEnd, submitSurely } from './harness/jobs-client.js';
import { LiveConnection } from './harness/live-client.js';
import { RATE_HZ, joined, samples, wavFile } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';

/** Command that runs a container on the host's network, and the tag of the images; set by `npm run check:images`. */
const RUN = process.env['CONTAINER_RUN'] ?? '';
const TAG = process.env['IMAGES_TAG'] ?? '';
const skip =
  RUN === '' || TAG === '' ? 'npm run check:images builds the images and sets CONTAINER_RUN and IMAGES_TAG' : false;

/** What the chart and compose give a container, and nothing more. */
const RESTRICTED = ['--read-only', '--user', '1000:1000', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];
const ROOMS = ['--tmpfs', '/tmp', '--volume', '/spool'];

/** A service in a container of its own. */
class Container {
  readonly metricsPort: number;
  readonly #child: ChildProcess;
  readonly exited: Promise<number | null>;
  log = '';

  private constructor(image: string, environment: Readonly<Record<string, string>>, metricsPort: number) {
    this.metricsPort = metricsPort;
    const [command = '', ...args] = RUN.split(' ');
    const variables = Object.entries({ ...environment, METRICS_PORT: String(metricsPort) }).flatMap(([name, value]) => [
      '--env',
      `${name}=${value}`,
    ]);
    this.#child = spawn(command, [...args, '--rm', ...RESTRICTED, ...ROOMS, ...variables, image], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.log += text;
      });
    this.exited = new Promise((resolve) => {
      this.#child.once('exit', resolve);
    });
  }

  static async start(image: string, environment: Readonly<Record<string, string>>): Promise<Container> {
    return new Container(`${image}:${TAG}`, environment, await freePort());
  }

  async ready(): Promise<void> {
    await until(
      'the container is ready',
      async () => {
        if (this.#child.exitCode !== null) throw new Error(this.log);
        return (await fetch(`http://127.0.0.1:${String(this.metricsPort)}/readyz`).catch(() => null))?.ok === true;
      },
      180_000,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.log}`);
    });
  }

  /** Sends SIGTERM; returns the exit status. */
  async end(): Promise<number | null> {
    if (this.#child.exitCode === null) this.#child.kill('SIGTERM');
    return this.exited;
  }
}

/** Standard output of a shell command in a fresh container of an image. */
function inside(image: string, script: string): string {
  const [command = '', ...args] = RUN.split(' ');
  const result = spawnSync(
    command,
    [...args, '--rm', ...RESTRICTED, ...ROOMS, '--entrypoint', 'sh', `${image}:${TAG}`, '-c', script],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(result.status, 0, result.stderr);
  return result.stdout;
}

let redis: TestRedis;
let audioRedis: TestRedis;
let containers: { readonly api: Container; readonly relay: Container; readonly worker: Container };
let url: string;
let socketUrl: string;
let grpcPort: number;
let pcm: Int16Array;
let said: string[];

before(async () => {
  if (skip !== false) return;
  const clips = await samples();
  pcm = joined(
    clips.map((clip) => clip.pcm),
    900,
  );
  said = words(clips.map((clip) => clip.said).join(' '));
  [redis, audioRedis] = await Promise.all([startRedis(), startRedis()]);
  const common = {
    REDIS_URL: redis.url,
    AUDIO_STORE: 'redis',
    AUDIO_REDIS_URL: audioRedis.url,
    METRICS_HOST: '127.0.0.1',
  };
  const [apiPort, relayPort] = [await freePort(), await freePort()];
  grpcPort = await freePort();
  url = `http://127.0.0.1:${String(apiPort)}`;
  socketUrl = `ws://127.0.0.1:${String(apiPort)}/ws/transcribe`;
  containers = {
    api: await Container.start('murmuration-api', {
      ...common,
      API_PORT: String(apiPort),
      RELAY_URL: `http://127.0.0.1:${String(relayPort)}`,
    }),
    relay: await Container.start('murmuration-stream-relay', {
      ...common,
      WS_PORT: String(relayPort),
      GRPC_PORT: String(grpcPort),
    }),
    worker: await Container.start('murmuration-worker', common),
  };
  await Promise.all(Object.values(containers).map((container) => container.ready()));
});

after(async () => {
  if (skip !== false) return;
  await Promise.all(Object.values(containers).map((container) => container.end()));
  await Promise.all([redis.close(), audioRedis.close()]);
});

function assertSaid(text: string): void {
  const errors = wordErrors(said, words(text));
  assert.ok(
    errors <= Math.ceil(said.length / 6),
    `${String(errors)} of ${String(said.length)} words are wrong: ${text}`,
  );
}

test(
  'the images run without root, capabilities, a package manager or a compiler, and cannot write their root',
  { skip },
  () => {
    for (const image of ['murmuration-api', 'murmuration-stream-relay', 'murmuration-worker']) {
      const told = inside(
        image,
        'id -u; grep CapEff /proc/self/status; touch /app/x 2>/dev/null && echo wrote; for tool in npm npx gcc cc make python3 curl; do command -v $tool; done; true',
      );
      assert.match(told, /^1000\nCapEff:\s+0+\n$/, image);
    }
  },
);

/** Run inside an image: prints what the program imports, from file to file, that is not there. */
const MISSING_IMPORTS = `
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
const seen = new Set();
const look = (url, from) => {
  if (seen.has(url) || !url.startsWith('file:') || url.includes('/node_modules/')) return;
  seen.add(url);
  let text = '';
  try {
    text = readFileSync(new URL(url), 'utf8');
  } catch {
    console.log(url + ' of ' + from);
  }
  const named = /(from|import|import\\(|new URL\\()\\s*'([^']+)'/g;
  for (const [, by, name] of url.endsWith('js') ? text.matchAll(named) : []) {
    const isFile = /^\\.{1,2}\\/.*\\.m?js$/.test(name);
    // Packages of scripts/setup prepare a checkout; no image does.
    const isPackage = /^[@a-z]/.test(name) && !name.startsWith('node:') && by !== 'new URL(' && !url.includes('/scripts/');
    if (!isFile && !isPackage) continue;
    try {
      look(import.meta.resolve(name, url), url);
    } catch {
      console.log(name + ' of ' + url);
    }
  }
};
for (const program of process.argv.slice(1)) look(pathToFileURL(program).href, 'the image');
console.log(seen.size > 20 ? 'looked' : 'nothing was found to look at');
`;

test('everything that the programs of the images import is in them', { skip }, () => {
  for (const [image, programs] of [
    ['murmuration-api', 'services/api/dist/main.js'],
    ['murmuration-stream-relay', 'services/stream-relay/dist/main.js'],
    ['murmuration-worker', 'services/worker/dist/main.js cli/dist/main.js'],
  ] as const) {
    const told = inside(
      image,
      `node --experimental-import-meta-resolve --input-type=module --eval "$(cat <<'END'\n${MISSING_IMPORTS}\nEND\n)" ${programs}`,
    );
    assert.equal(told, 'looked\n', image);
  }
});

test(
  "the worker's image fetches models by murmur, as Compose and the chart have it do before a worker starts",
  { skip },
  async () => {
    const asked: string[] = [];
    const hub = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(404, { 'x-error-code': 'RepoNotFound' }).end();
    });
    await once(hub.listen(0, '127.0.0.1'), 'listening');
    const [command = '', ...args] = RUN.split(' ');
    const endpoint = `http://127.0.0.1:${String((hub.address() as AddressInfo).port)}`;
    const pull = spawn(
      command,
      [...args, '--rm', ...RESTRICTED, ...ROOMS]
        .concat('--env', `HF_ENDPOINT=${endpoint}`, '--env', 'MODEL_CACHE=/tmp/models', `murmuration-worker:${TAG}`)
        .concat('node', 'cli/bin/murmur.mjs', 'models', 'pull', 'base'),
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let told = '';
    pull.stderr.setEncoding('utf8').on('data', (text: string) => {
      told += text;
    });
    const [status] = (await once(pull, 'close')) as [number | null];
    hub.close();
    assert.match(asked[0] ?? '', /^\/api\/models\/onnx-community\/whisper-base/, told);
    assert.equal(status, 1);
    assert.match(told, /whisper-base/);
  },
);

test('a clip is transcribed through HTTP, OpenAI, a job, a live WebSocket and gRPC', { skip }, async () => {
  assertSaid((await transcribe(url, wavFile(pcm))).text);

  const form = new FormData();
  form.set('file', new Blob([new Uint8Array(wavFile(pcm))]), 'speech.wav');
  form.set('model', 'whisper-1');
  const openai = await fetch(`${url}/v1/audio/transcriptions`, { method: 'POST', body: form });
  assertSaid(((await openai.json()) as { text: string }).text);

  const job = await submitSurely(url, wavFile(pcm));
  assert.equal((await listenToEnd([url], job.id)).at(-1)?.name, 'done');
  assertSaid(await (await fetch(`${url}/v1/jobs/${job.id}/transcript.txt`)).text());

  const live = await LiveConnection.open(socketUrl);
  live.send({ type: 'start', encoding: 'pcm_s16le', sample_rate: RATE_HZ });
  await live.next('ready', (message) => message.type === 'ready');
  for (let at = 0; at < pcm.length; at += RATE_HZ / 5) live.audio(pcm.subarray(at, at + RATE_HZ / 5));
  live.send({ type: 'finish' });
  await live.next('closed', (message) => message.type === 'closed', 120_000);
  assertSaid(
    live.messages
      .filter((message) => message.type === 'final')
      .map((message) => message.text ?? '')
      .join(' '),
  );

  const client = new GrpcClient(`127.0.0.1:${String(grpcPort)}`);
  try {
    const { messages, ending } = await client.call('Transcription/Transcribe', { audio: wavFile(pcm) });
    assert.equal(ending.status, 'OK', ending.message);
    assertSaid((messages[0]?.['transcript'] as Message)['text'] as string);
  } finally {
    client.close();
  }
});

test(
  'what only ffmpeg reads is read by the one of the image, which knows no network and no video',
  { skip: skip || WITHOUT_FFMPEG },
  async () => {
    for (const [extension, parameters] of [
      ['mp3', []],
      ['m4a', []],
      ['webm', ['-c:a', 'libopus']],
      ['wma', ['-c:a', 'wmav2']],
      ['avi', ['-f', 'lavfi', '-i', 'testsrc=size=64x64:rate=5', '-shortest', '-c:v', 'mpeg4', '-c:a', 'ac3']],
      ['mpg', ['-f', 'lavfi', '-i', 'testsrc=size=64x64:rate=25', '-shortest', '-c:a', 'mp2']],
      ['caf', ['-c:a', 'alac']],
    ] as const)
      assertSaid(
        (
          await transcribe(url, encoded(wavFile(pcm), extension, parameters)).catch((error: unknown) => {
            throw new Error(`${extension}: ${String(error)}\n${containers.api.log.slice(-4_000)}`);
          })
        ).text,
      );
    assert.match(
      inside('murmuration-api', 'ffmpeg -hide_banner -protocols'),
      /Input:\s+file\s+pipe\s+Output:\s+file\s+pipe\s*$/,
    );
    assert.doesNotMatch(inside('murmuration-api', 'ffmpeg -hide_banner -decoders'), /^ V\S+ +[a-z0-9]/m);
  },
);

test("the image's health check follows readiness", { skip }, () => {
  const port = String(containers.api.metricsPort);
  assert.equal(inside('murmuration-api', `METRICS_PORT=${port} node /app/healthcheck.mjs; echo $?`).trim(), '0');
  assert.equal(inside('murmuration-api', `METRICS_PORT=1 node /app/healthcheck.mjs; echo $?`).trim(), '1');
});

test(
  'SIGTERM ends every container in order with status 0, and a request in progress is answered',
  { skip },
  async () => {
    const request = transcribe(url, wavFile(pcm));
    await until('the request is in progress', async () => {
      const { sessions } = (await (await fetch(`${url}/sessions`)).json()) as { sessions: unknown[] };
      return sessions.length > 0;
    });
    assert.equal(await containers.api.end(), 0, containers.api.log);
    assertSaid((await request).text);
    assert.deepEqual(await Promise.all([containers.relay.end(), containers.worker.end()]), [0, 0]);
  },
);
