import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { COMMIT, TestHub, sha256, whisperRepository } from '../../testing/hub-server.js';
import { ModelFileFault } from '../model-files.js';
import { resolveModel, type ResolveOptions } from '../resolve-model.js';
import { pullModel } from '../model-cache.js';
import { HubFault, type HubSettings } from './hub-settings.js';

const ID = 'onnx-community/whisper-mini_timestamped';

suite('A model of the hub that cannot be had as it should', () => {
  let cacheDir = '';
  let hub: TestHub;
  let files: Map<string, Buffer>;
  let settings: HubSettings;
  beforeEach(async () => {
    cacheDir = await mkdtemp(join(tmpdir(), 'murmuration-hub-'));
    hub = await TestHub.start();
    files = whisperRepository();
    hub.add(ID, files);
    settings = { endpoint: hub.endpoint, token: null, offline: false, pauseMs: () => 0 };
  });
  afterEach(async () => {
    await hub.close();
    await rm(cacheDir, { recursive: true });
  });
  const resolve = (options: Partial<ResolveOptions> = {}, model = ID): ReturnType<typeof resolveModel> =>
    resolveModel(model, { cacheDir, hub: settings, ...options });
  const faulty =
    (message: RegExp) =>
    (error: unknown): boolean =>
      error instanceof ModelFileFault && message.test(error.message);
  const folder = (commit = COMMIT): string => join(cacheDir, 'hub', ID, commit);

  test('Wrong bytes get no name: once they are fetched again, twice they are a fault with both checksums', async () => {
    const name = 'onnx/encoder_model_quantized.onnx';
    const wrong = Buffer.from(files.get(name) ?? '');
    wrong[1_234] = (wrong[1_234] ?? 0) ^ 1;
    hub.wrong.tampered.set(name, wrong);
    await assert.rejects(
      resolve(),
      faulty(
        new RegExp(
          `onnx/encoder_model_quantized\\.onnx of .* comes damaged .* expected SHA-256 ${sha256(files.get(name) ?? wrong)}, found ${sha256(wrong)}`,
        ),
      ),
    );
    assert.ok(!existsSync(join(folder(), name)));
    hub.wrong.tampered.set('tokenizer.json', Buffer.from(JSON.stringify({ version: '1.0', seed: 7 })));
    await rm(folder(), { recursive: true });
    await assert.rejects(resolve(), faulty(/tokenizer\.json .* expected git blob [0-9a-f]{40}, found [0-9a-f]{40}/));
  });

  test('A file there that is longer or shorter than listed is refused after a second look', async () => {
    const name = 'onnx/encoder_model_quantized.onnx';
    hub.wrong.tampered.set(name, Buffer.alloc(400_000));
    await assert.rejects(
      resolve(),
      faulty(/onnx\/encoder_model_quantized\.onnx of .* comes damaged.*expected 300000 bytes, found more/),
    );
    hub.wrong.tampered.set(name, Buffer.alloc(200_000));
    await assert.rejects(resolve(), faulty(/comes damaged.*shorter/));
    assert.equal(hub.filesAsked.filter((asked) => asked === name).length, 2 + 4);
  });

  test('A damaged beginning, left by an earlier start, is found and thrown away', async () => {
    const name = 'onnx/encoder_model_quantized.onnx';
    await mkdir(join(folder(), 'onnx'), { recursive: true });
    await writeFile(join(folder(), `${name}.part`), Buffer.alloc(200_000, 'damage'));
    await resolve();
    assert.ok((await readFile(join(folder(), name))).equals(files.get(name) ?? Buffer.alloc(0)));
    assert.equal(hub.storageBytes, 100_000 + 600_000);
  });

  test('Cached files that were cut short, altered or lost stop the start by name, and a pull mends just these', async () => {
    await resolve();
    const [encoder, decoder] = ['onnx/encoder_model_quantized.onnx', 'onnx/decoder_model_merged_quantized.onnx'];
    await truncate(join(folder(), encoder), 5);
    await assert.rejects(
      resolve(),
      faulty(
        /onnx\/encoder_model_quantized\.onnx is of another size: expected 300000 bytes, found 5.*murmur models pull/,
      ),
    );
    await pullModel(ID, { cacheDir, dtype: 'auto', device: 'cpu', hub: settings });
    const file = await open(join(folder(), decoder), 'r+');
    await file.write(Buffer.from('!'), 0, 1, 77);
    await file.close();
    await assert.rejects(
      resolve(),
      faulty(
        /onnx\/decoder_model_merged_quantized\.onnx is damaged: expected SHA-256 [0-9a-f]{64}, found [0-9a-f]{64}/,
      ),
    );
    hub.requests.length = 0;
    await pullModel(ID, { cacheDir, dtype: 'auto', device: 'cpu', hub: settings });
    assert.deepEqual(hub.filesAsked, [decoder]);
    await rm(join(folder(), 'tokenizer.json'));
    await assert.rejects(resolve(), faulty(/tokenizer\.json is missing: expected \d+ bytes, found none/));
  });

  test('Two processes that start at once fetch every file once', async () => {
    const script = fileURLToPath(new URL('../../testing/resolve-model-process.js', import.meta.url));
    const run = promisify(execFile);
    const both = await Promise.all([1, 2].map(() => run(process.execPath, [script, cacheDir, hub.endpoint, ID])));
    assert.deepEqual(
      both.map(({ stdout }) => (JSON.parse(stdout) as { folder: string }).folder),
      [folder(), folder()],
    );
    assert.equal(new Set(hub.filesAsked).size, hub.filesAsked.length);
    assert.equal(hub.storageBytes, 600_000);
  });

  test('The token reaches the hub, not the storage that it redirects to, and a private model without it is told', async () => {
    hub.wrong.token = 'hf_secret';
    await assert.rejects(
      resolve(),
      faulty(
        /does not have the model .*whisper-mini_timestamped.*check the name; a private or gated one needs HF_TOKEN/,
      ),
    );
    await resolve({ hub: { ...settings, token: 'hf_secret' } });
    const seen = (server: string): Set<string | null> =>
      new Set(
        hub.requests
          .filter((request) => request.server === server)
          .slice(server === 'hub' ? 1 : 0)
          .map(({ authorization }) => authorization),
      );
    assert.deepEqual([...seen('hub')], ['Bearer hf_secret']);
    assert.deepEqual([...seen('storage')], [null]);
    hub.wrong.token = 'hf_other';
    await assert.rejects(
      resolve({ dtype: 'fp16', hub: { ...settings, token: 'hf_secret' } }),
      (error) =>
        error instanceof ModelFileFault &&
        /HF_TOKEN may not read it/.test(error.message) &&
        !error.message.includes('hf_secret'),
    );
  });

  test('A hub that is busy for a while is asked again; one that stays so is given up with what it said', async () => {
    hub.wrong.statuses = [503, 500, 429];
    const reasons: string[] = [];
    await resolve({
      onProgress: ({ step, reason }) => {
        if (step === 'pausing') reasons.push(reason);
      },
    });
    assert.deepEqual(
      reasons.map((reason) => reason.slice(-3)),
      ['503', '500', '429'],
    );
    hub.wrong.statuses = Array.from({ length: 100 }, () => 503);
    await assert.rejects(
      resolve({ dtype: 'fp16' }),
      (error) =>
        error instanceof HubFault &&
        /failed after 6 tries, last because 127\.0\.0\.1:\d+ answers 503/.test(error.message),
    );
  });

  test('A hub that cannot be reached is a fault that names it', async () => {
    const { endpoint } = hub;
    await hub.close();
    hub = await TestHub.start();
    await assert.rejects(
      resolve({ hub: { ...settings, endpoint } }),
      (error) => error instanceof HubFault && error.message.includes(new URL(endpoint).host),
    );
  });

  test('A dtype that the repository lacks is refused with those that it has, before anything is fetched', async () => {
    for (const name of ['onnx/encoder_model_fp16.onnx', 'onnx/encoder_model.onnx']) files.delete(name);
    await assert.rejects(
      resolve({ dtype: 'fp16' }),
      faulty(/whisper-mini_timestamped: the model has no fp16: set MODEL_DTYPE to int8; found /),
    );
    assert.deepEqual(hub.filesAsked, []);
  });

  test('A repository that is no speech recognition model is refused after its config, whatever the size of the rest', async () => {
    files.set('config.json', Buffer.from('{"model_type":"bert"}'));
    await assert.rejects(resolve(), faulty(/no speech recognition model.*model type bert, expected whisper/));
    assert.deepEqual(hub.filesAsked, ['config.json']);
    files.delete('tokenizer.json');
    await assert.rejects(resolve(), faulty(/found no tokenizer\.json/));
  });

  test('Unknown repositories and revisions are told apart', async () => {
    await assert.rejects(
      resolve({}, 'nobody/nothing'),
      faulty(/does not have the model nobody\/nothing.*check the name/),
    );
    await assert.rejects(
      resolve({}, `${ID}@v9`),
      faulty(/no such revision of the model onnx-community\/whisper-mini_timestamped: name another with @revision/),
    );
  });

  test('A file without a checksum, or with two that differ, is not taken', async () => {
    hub.wrong.noChecksums = true;
    await assert.rejects(resolve(), faulty(/names no checksum of config\.json/));
    hub.wrong.noChecksums = false;
    hub.wrong.contradicts = true;
    await assert.rejects(resolve(), faulty(/contradicts itself about onnx\//));
  });

  test('Names in a listing that lead out of the folder are left alone', async () => {
    files.set('onnx/../../../escape.onnx', Buffer.from('x')).set('../encoder_model_quantized.onnx', Buffer.from('x'));
    await resolve();
    assert.ok(hub.filesAsked.every((name) => !name.includes('..')));
  });
});
