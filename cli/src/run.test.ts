import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, truncate } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from './run.js';
import { TestTerminal } from './testing/test-terminal.js';

const COMMIT = 'aeaa13760958b03fac5062f457d317d3319c3168';
const FILES: Readonly<Record<string, string>> = {
  'config.json': '{"model_type":"whisper"}',
  'tokenizer.json': '{}',
  'onnx/encoder_model_quantized.onnx': 'an encoder',
  'onnx/decoder_model_merged_quantized.onnx': 'a decoder',
};

/** The least of a hub: one model, whatever its name. */
function startHub(): Promise<Server> {
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    const name = Object.keys(FILES).find((file) => path.endsWith(`/resolve/${COMMIT}/${file}`));
    if (name !== undefined) return void response.end(FILES[name]);
    if (!path.startsWith('/api/models/onnx-community/whisper-tiny.en_timestamped/'))
      return void response.writeHead(404, { 'x-error-code': 'RepoNotFound' }).end();
    const siblings = Object.entries(FILES).map(([rfilename, content]) => ({
      rfilename,
      size: content.length,
      blobId: createHash('sha1')
        .update(`blob ${String(content.length)}\0${content}`)
        .digest('hex'),
    }));
    response.end(JSON.stringify({ sha: COMMIT, siblings }));
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve(server);
    });
  });
}

suite('murmur models', () => {
  let hub: Server;
  let cache = '';
  let endpoint = '';
  before(async () => {
    hub = await startHub();
    endpoint = `http://127.0.0.1:${String((hub.address() as AddressInfo).port)}`;
  });
  after(() => {
    hub.close();
  });
  beforeEach(async () => {
    cache = await mkdtemp(join(tmpdir(), 'murmuration-cli-'));
  });
  afterEach(() => rm(cache, { recursive: true }));

  async function murmur(
    command: string,
    environment: Record<string, string> = {},
  ): Promise<{ status: number; out: string; err: string }> {
    const terminal = new TestTerminal();
    const status = await run(
      command.split(' ').filter((word) => word !== ''),
      { MODEL_CACHE: cache, HF_ENDPOINT: endpoint, ...environment },
      terminal,
    );
    return { status, out: terminal.said.out, err: terminal.said.err };
  }

  test('A model is pulled, listed and verified; a file that changed is found, and a pull mends it', async () => {
    const pulled = await murmur('models pull tiny.en');
    assert.equal(pulled.status, 0, pulled.err);
    assert.match(pulled.out, /^tiny\.en \(int8, 45 B\) lies in .*, verified\.\n$/);
    assert.match(
      (await murmur('models list')).out,
      /^tiny\.en +yes +int8, 45 B +onnx-community\/whisper-tiny\.en_timestamped@aeaa13760958$/m,
    );
    assert.match(
      (await murmur('models verify')).out,
      /^tiny\.en@aeaa13760958: 4 files, 45 B, all as they should be\n$/,
    );
    await truncate(
      join(cache, 'hub/onnx-community/whisper-tiny.en_timestamped', COMMIT, 'onnx/encoder_model_quantized.onnx'),
      3,
    );
    const verified = await murmur('models verify tiny.en');
    assert.equal(verified.status, 1);
    assert.match(verified.out, /onnx\/encoder_model_quantized\.onnx is of another size: expected 10 bytes, found 3/);
    assert.equal((await murmur('models pull tiny.en')).status, 0);
    assert.equal((await murmur('models verify tiny.en')).status, 0);
  });

  test('With --json standard output is one document', async () => {
    const pulled = JSON.parse((await murmur('models pull tiny.en --json --dtype int8')).out) as Record<string, unknown>;
    assert.deepEqual(
      [pulled['name'], pulled['dtype'], pulled['commit'], pulled['bytes']],
      ['tiny.en', 'int8', COMMIT, 45],
    );
    const listed = JSON.parse((await murmur('models list --json')).out) as {
      models: { name: string; cached: { dtypes: string[] }[] }[];
    };
    assert.deepEqual(listed.models.find(({ name }) => name === 'tiny.en')?.cached[0]?.dtypes, ['int8']);
    const verified = JSON.parse((await murmur('models verify --json')).out) as { ok: boolean; models: unknown[] };
    assert.deepEqual([verified.ok, verified.models.length], [true, 1]);
  });

  test('What cannot be done is one sentence and status 1', async () => {
    const lacking = await murmur('models pull tiny.en --dtype fp16');
    assert.deepEqual([lacking.status, lacking.out], [1, '']);
    assert.match(
      lacking.err,
      /^onnx-community\/whisper-tiny\.en_timestamped: the model has no fp16: set MODEL_DTYPE to int8; found .*\n$/,
    );
    assert.match(
      (await murmur('models pull nobody/nothing')).err,
      /does not have the model nobody\/nothing \(HTTP 404\): check the name/,
    );
    assert.equal((await murmur('models pull nobody/nothing')).status, 1);
    assert.match((await murmur('models pull tiny.en', { HF_HUB_OFFLINE: '1' })).err, /HF_HUB_OFFLINE/);
    assert.match(
      (await murmur('models pull no-such-model')).err,
      /no-such-model is no model of the hub: use one of tiny,/,
    );
    assert.deepEqual(
      [
        (await murmur('models verify base')).status,
        (await murmur('models verify base')).err.startsWith('base does not lie in'),
      ],
      [1, true],
    );
    const badVariable = await murmur('models list', { HF_ENDPOINT: 'ftp://somewhere' });
    assert.deepEqual(
      [badVariable.status, /HF_ENDPOINT: must be an http\(s\) address/.test(badVariable.err)],
      [1, true],
    );
  });

  test('A command line that means nothing is told which part of it, and status 2', async () => {
    for (const [command, words] of [
      ['', /Usage: murmur/],
      ['frob', /unknown command 'frob'/],
      ['models', /Usage: murmur models/],
      ['models frob', /unknown command 'frob'/],
      ['models pull', /missing required argument 'NAME'/],
      ['models pull a b', /unexpected argument 'b'/],
      ['models list --dtype fp16', /unknown option '--dtype'/],
      ['models pull a --dtype q4', /--dtype .*Allowed choices are auto, fp32, fp16, int8/],
      ['models list --frob', /--frob/],
    ] as const) {
      const { status, err, out } = await murmur(command);
      assert.deepEqual([status, out], [2, ''], command);
      assert.match(err, words);
    }
  });

  test('Help is no error', async () => {
    for (const [command, words] of [
      ['--help', /models verify NAME/],
      ['help', /jobs watch ID/],
      ['models --help', /models verify NAME/],
      ['models pull -h', /Usage: murmur models pull \[options\] <NAME>/],
    ] as const) {
      const { status, out, err } = await murmur(command);
      assert.deepEqual([status, err], [0, ''], command);
      assert.match(out, words);
    }
  });

  test('The program that npm links runs', () => {
    const program = fileURLToPath(new URL('../bin/murmur.mjs', import.meta.url));
    const { status, stdout } = spawnSync(process.execPath, [program, 'models', 'list', '--json'], {
      encoding: 'utf8',
      env: { ...process.env, MODEL_CACHE: cache },
    });
    assert.equal(status, 0);
    assert.equal((JSON.parse(stdout) as { cache: string }).cache, cache);
  });
});
