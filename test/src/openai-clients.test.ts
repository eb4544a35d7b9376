import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import OpenAI, { toFile } from 'openai';
import { Cluster } from './harness/cluster.js';
import { ROOT } from './harness/service-process.js';
import { joined, samples, wavFile } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';

const PYTHON = join(ROOT, '.murmuration', 'test-python', 'bin', 'python');
const MISSING = join(ROOT, '.murmuration', 'test-python', 'missing.txt');
const WITHOUT_PYTHON = existsSync(PYTHON)
  ? false
  : `the Python client is not installed: ${existsSync(MISSING) ? readFileSync(MISSING, 'utf8').trim() : 'run npm test, which does it'}`;

let cluster: Cluster;
let openai: OpenAI;
let file: Buffer;
let said: string[];

before(async () => {
  const clips = await samples();
  said = words(clips.map((clip) => clip.said).join(' '));
  file = wavFile(
    joined(
      clips.map((clip) => clip.pcm),
      3_000,
    ),
  );
  cluster = await Cluster.start();
  openai = new OpenAI({ baseURL: `${cluster.url}/v1`, apiKey: 'unused', maxRetries: 0 });
});

after(async () => {
  await cluster.close();
});

function check(text: string): void {
  const errors = wordErrors(said, words(text.replace(/\d\d:\d\d:\d\d[.,]\d{3} --> .*|^\d+$|^WEBVTT/gm, ' ')));
  assert.ok(errors <= said.length * 0.15, text);
}

async function upload(): ReturnType<typeof toFile> {
  return toFile(file, 'speech.wav');
}

test('The Node client gets json, text, srt, vtt and verbose_json', async () => {
  check((await openai.audio.transcriptions.create({ file: await upload(), model: 'whisper-1' })).text);
  for (const format of ['text', 'srt', 'vtt'] as const) {
    check(
      await openai.audio.transcriptions.create({ file: await upload(), model: 'whisper-1', response_format: format }),
    );
  }
  const verbose = await openai.audio.transcriptions.create({
    file: await upload(),
    model: 'gpt-4o-transcribe',
    response_format: 'verbose_json',
    timestamp_granularities: ['word', 'segment'],
    language: 'en',
  });
  check(verbose.text);
  check((verbose.words ?? []).map((word) => word.word).join(' '));
  assert.ok((verbose.segments ?? []).length > 0);
  assert.ok(Math.abs(verbose.duration - (file.length - 44) / 32_000) < 0.01);
  const times = (verbose.words ?? []).flatMap((word) => [word.start, word.end]);
  assert.deepEqual(
    times,
    [...times].sort((a, b) => a - b),
    'word times go forward',
  );
});

test('The Node client streams increments whose sum is the text', async () => {
  const stream = await openai.audio.transcriptions.create({
    file: await upload(),
    model: 'gpt-4o-mini-transcribe',
    stream: true,
  });
  let text = '';
  let done: string | null = null;
  let deltas = 0;
  for await (const event of stream) {
    if (event.type === 'transcript.text.delta') {
      text += event.delta;
      deltas++;
    }
    if (event.type === 'transcript.text.done') done = event.text;
  }
  assert.ok(deltas > 1);
  assert.equal(text, done);
  check(text);
});

test('The Node client lists the model, and is told in OpenAI’s shape what the model cannot do', async () => {
  const { data } = await openai.models.list();
  assert.deepEqual(
    data.map((model) => model.id),
    ['moonshine-tiny'],
  );
  assert.equal((await openai.models.retrieve('moonshine-tiny')).id, 'moonshine-tiny');
  await assert.rejects(
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- clients still call it, and must be told
    openai.audio.translations.create({ file: await upload(), model: 'whisper-1' }),
    (error: unknown) => error instanceof OpenAI.BadRequestError && error.code === 'unsupported_task',
  );
  await assert.rejects(
    openai.audio.transcriptions.create({ file: await upload(), model: 'whisper-1', language: 'de' }),
    (error: unknown) =>
      error instanceof OpenAI.BadRequestError && error.code === 'unsupported_language' && error.param === 'language',
  );
  await assert.rejects(
    openai.audio.transcriptions.create({
      file: await toFile(Buffer.from('this is no audio'), 'speech.wav'),
      model: 'whisper-1',
    }),
    (error: unknown) => error instanceof OpenAI.UnprocessableEntityError && error.code === 'unprocessable_audio',
  );
});

const SCRIPT = `
import json, sys
from openai import OpenAI, BadRequestError
client = OpenAI(base_url=sys.argv[1], api_key="unused", max_retries=0)
path = sys.argv[2]
def ask(**more):
    with open(path, "rb") as f:
        return client.audio.transcriptions.create(file=f, model="whisper-1", **more)
answer = {"json": ask().text, "text": ask(response_format="text"), "srt": ask(response_format="srt"), "vtt": ask(response_format="vtt")}
verbose = ask(response_format="verbose_json", timestamp_granularities=["word"])
answer["words"] = " ".join(w.word for w in verbose.words)
with open(path, "rb") as f:
    answer["stream"] = "".join(e.delta for e in client.audio.transcriptions.create(file=f, model="gpt-4o-transcribe", stream=True) if e.type == "transcript.text.delta")
answer["models"] = [m.id for m in client.models.list()]
try:
    with open(path, "rb") as f:
        client.audio.translations.create(file=f, model="whisper-1")
    answer["refused"] = None
except BadRequestError as e:
    answer["refused"] = e.code
print(json.dumps(answer))
`;

test('The Python client gets the same', { skip: WITHOUT_PYTHON }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'murmuration-python-'));
  try {
    const [script, audio] = [join(folder, 'ask.py'), join(folder, 'speech.wav')];
    await writeFile(script, SCRIPT);
    await writeFile(audio, file);
    const { stdout } = await promisify(execFile)(PYTHON, [script, `${cluster.url}/v1`, audio], { timeout: 120_000 });
    const answer = JSON.parse(stdout) as Record<'json' | 'text' | 'srt' | 'vtt' | 'words' | 'stream', string> & {
      models: string[];
      refused: string | null;
    };
    for (const kind of ['json', 'text', 'srt', 'vtt', 'words', 'stream'] as const) check(answer[kind]);
    assert.deepEqual(answer.models, ['moonshine-tiny']);
    assert.equal(answer.refused, 'unsupported_task');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
