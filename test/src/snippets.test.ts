import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Cluster } from './harness/cluster.js';
import { WITHOUT_FFMPEG, encoded } from './harness/encode.js';
import { ROOT } from './harness/service-process.js';
import { pagesOf, snippetsOf, type Snippet } from './harness/snippets.js';

/** Pages whose snippets run against a cluster; of the others, and of those below, the syntax is checked. */
const RUN = ['README.md', ...pagesOf('docs/guides')];
const CHECKED = ['docs/dialects.md', 'docs/integrations.md', 'docs/client.md', 'docs/keys.md'];
/** What a snippet holds that cannot run here, and why. */
const NOT_HERE: Readonly<Record<string, string>> = {
  'npm start': 'starts a cluster of its own, as start.test.ts does',
  'npx murmur live\n': 'needs a microphone',
  'microphone.onPcm': 'is a part of a program',
  'helm install': 'needs a cluster of Kubernetes',
};
const LIMIT_MS = 60_000;

let cluster: Cluster;
let folder: string;

before(async () => {
  const scratch = join(ROOT, '.murmuration', 'scratch');
  await mkdir(scratch, { recursive: true });
  // Inside of the checkout, so that programs find its packages.
  folder = await mkdtemp(join(scratch, 'snippets-'));
  const wav = await readFile(join(ROOT, 'samples', 'much-in-his-power.wav'));
  await writeFile(join(folder, 'talk.wav'), wav);
  if (WITHOUT_FFMPEG === false) await writeFile(join(folder, 'talk.mp3'), encoded(wav, 'mp3'));
  cluster = await Cluster.start({ relays: 1 });
});

after(async () => {
  await cluster.close();
  await rm(folder, { recursive: true, force: true });
});

interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

function started(program: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const environment = { ...process.env, MURMUR_URL: cluster.url };
    execFile(program, args, { cwd: folder, timeout: LIMIT_MS, env: environment }, (error, out, err) => {
      resolve({ status: error === null ? 0 : Number(error.code ?? -1), out, err });
    });
  });
}

const hasPython = spawnSync('python3', ['--version']).status === 0;
const hasOpenAi = hasPython && spawnSync('python3', ['-c', 'import openai']).status === 0;

async function checkSyntax({ language, text }: Snippet): Promise<Outcome> {
  switch (language) {
    case 'shell':
      return started('bash', ['-n', '-c', text]);
    case 'js': {
      const path = join(folder, 'snippet.mjs');
      await writeFile(path, text);
      return started(process.execPath, ['--check', path]);
    }
    case 'python':
      return hasPython
        ? started('python3', ['-c', `compile(${JSON.stringify(text)}, 'snippet', 'exec')`])
        : { status: 0, out: '', err: '' };
  }
}

async function execute(snippet: Snippet): Promise<Outcome> {
  const text = snippet.text.replaceAll('http://127.0.0.1:8000', cluster.url);
  switch (snippet.language) {
    case 'shell': {
      const murmur = `node '${join(ROOT, 'cli', 'bin', 'murmur.mjs')}'`;
      return started('bash', [
        '-eo',
        'pipefail',
        '-c',
        `curl() { command curl -fsS "$@"; }\n${text.replaceAll('npx murmur', murmur)}`,
      ]);
    }
    case 'js': {
      const path = join(folder, 'snippet.mjs');
      await writeFile(path, text);
      return started(process.execPath, [path]);
    }
    case 'python':
      return hasOpenAi ? started('python3', ['-c', text]) : checkSyntax(snippet);
  }
}

/** What it prints holds the words of the recording; a job's answer and a list do not. */
function saysText({ text, language }: Snippet): boolean {
  if (language === 'python') return hasOpenAi;
  return language === 'js' || /\/transcribe|audio\/transcriptions|murmur live -/.test(text);
}

describe('Snippets of the pages', () => {
  test('are found', () => {
    const all = RUN.flatMap(snippetsOf);
    for (const language of ['shell', 'js', 'python'] as const)
      assert.ok(all.filter((snippet) => snippet.language === language).length >= 2, language);
  });

  for (const snippet of RUN.flatMap(snippetsOf)) {
    const [, reason] = Object.entries(NOT_HERE).find(([part]) => `${snippet.text}\n`.includes(part)) ?? [];
    const title = `${snippet.place} ${reason === undefined ? 'does what it says' : `can be read (it ${reason})`}`;
    test(title, { skip: WITHOUT_FFMPEG }, async () => {
      const { status, out, err } = await (reason === undefined ? execute(snippet) : checkSyntax(snippet));
      assert.equal(status, 0, `${snippet.text}\n${out}\n${err}`);
      if (reason === undefined && saysText(snippet)) assert.match(out, /dashwood/i, `${snippet.text}\n${err}`);
    });
  }

  for (const snippet of CHECKED.flatMap(snippetsOf))
    test(`${snippet.place} can be read`, async () => {
      const { status, err } = await checkSyntax(snippet);
      assert.equal(status, 0, `${snippet.text}\n${err}`);
    });
});
