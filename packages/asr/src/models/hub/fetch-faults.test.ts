import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { TestHub, sha256 } from '../../testing/hub-server.js';
import { ID, eachWithHub, faulty } from '../../testing/hub-cache.js';
import { ModelFileFault } from '../model-files.js';
import { pullModel } from '../model-cache.js';
import { HubFault } from './hub-settings.js';

suite('A model of the hub that cannot be had as it should', () => {
  const on = eachWithHub();
  const { resolve, folder } = on;

  test('Wrong bytes get no name: once they are fetched again, twice they are a fault with both checksums', async () => {
    const name = 'onnx/encoder_model_quantized.onnx';
    const wrong = Buffer.from(on.files.get(name) ?? '');
    wrong[1_234] = (wrong[1_234] ?? 0) ^ 1;
    on.hub.wrong.tampered.set(name, wrong);
    await assert.rejects(
      resolve(),
      faulty(
        new RegExp(
          `onnx/encoder_model_quantized\\.onnx of .* comes damaged .* expected SHA-256 ${sha256(on.files.get(name) ?? wrong)}, found ${sha256(wrong)}`,
        ),
      ),
    );
    assert.ok(!existsSync(join(folder(), name)));
    on.hub.wrong.tampered.set('tokenizer.json', Buffer.from(JSON.stringify({ version: '1.0', seed: 7 })));
    await rm(folder(), { recursive: true });
    await assert.rejects(resolve(), faulty(/tokenizer\.json .* expected git blob [0-9a-f]{40}, found [0-9a-f]{40}/));
  });

  test('A file there that is longer or shorter than listed is refused after a second look', async () => {
    const name = 'onnx/encoder_model_quantized.onnx';
    on.hub.wrong.tampered.set(name, Buffer.alloc(400_000));
    await assert.rejects(
      resolve(),
      faulty(/onnx\/encoder_model_quantized\.onnx of .* comes damaged.*expected 300000 bytes, found more/),
    );
    on.hub.wrong.tampered.set(name, Buffer.alloc(200_000));
    await assert.rejects(resolve(), faulty(/comes damaged.*shorter/));
    assert.equal(on.hub.filesAsked.filter((asked) => asked === name).length, 2 + 4);
  });

  test('A damaged beginning, left by an earlier start, is found and thrown away', async () => {
    const name = 'onnx/encoder_model_quantized.onnx';
    await mkdir(join(folder(), 'onnx'), { recursive: true });
    await writeFile(join(folder(), `${name}.part`), Buffer.alloc(200_000, 'damage'));
    await resolve();
    assert.ok((await readFile(join(folder(), name))).equals(on.files.get(name) ?? Buffer.alloc(0)));
    assert.equal(on.hub.storageBytes, 100_000 + 600_000);
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
    await pullModel(ID, { cacheDir: on.cacheDir, dtype: 'auto', device: 'cpu', hub: on.settings });
    const file = await open(join(folder(), decoder), 'r+');
    await file.write(Buffer.from('!'), 0, 1, 77);
    await file.close();
    await assert.rejects(
      resolve(),
      faulty(
        /onnx\/decoder_model_merged_quantized\.onnx is damaged: expected SHA-256 [0-9a-f]{64}, found [0-9a-f]{64}/,
      ),
    );
    on.hub.requests.length = 0;
    await pullModel(ID, { cacheDir: on.cacheDir, dtype: 'auto', device: 'cpu', hub: on.settings });
    assert.deepEqual(on.hub.filesAsked, [decoder]);
    await rm(join(folder(), 'tokenizer.json'));
    await assert.rejects(resolve(), faulty(/tokenizer\.json is missing: expected \d+ bytes, found none/));
  });

  test('Two processes that start at once fetch every file once', async () => {
    const script = fileURLToPath(new URL('../../testing/resolve-model-process.js', import.meta.url));
    const run = promisify(execFile);
    const both = await Promise.all([1, 2].map(() => run(process.execPath, [script, on.cacheDir, on.hub.endpoint, ID])));
    assert.deepEqual(
      both.map(({ stdout }) => (JSON.parse(stdout) as { folder: string }).folder),
      [folder(), folder()],
    );
    assert.equal(new Set(on.hub.filesAsked).size, on.hub.filesAsked.length);
    assert.equal(on.hub.storageBytes, 600_000);
  });

  test('The token reaches the hub, not the storage that it redirects to, and a private model without it is told', async () => {
    on.hub.wrong.token = 'hf_secret';
    await assert.rejects(
      resolve(),
      faulty(
        /does not have the model .*whisper-mini_timestamped.*check the name; a private or gated one needs HF_TOKEN/,
      ),
    );
    await resolve({ hub: { ...on.settings, token: 'hf_secret' } });
    const seen = (server: string): Set<string | null> =>
      new Set(
        on.hub.requests
          .filter((request) => request.server === server)
          .slice(server === 'hub' ? 1 : 0)
          .map(({ authorization }) => authorization),
      );
    assert.deepEqual([...seen('hub')], ['Bearer hf_secret']);
    assert.deepEqual([...seen('storage')], [null]);
    on.hub.wrong.token = 'hf_other';
    await assert.rejects(
      resolve({ dtype: 'fp16', hub: { ...on.settings, token: 'hf_secret' } }),
      (error) =>
        error instanceof ModelFileFault &&
        /HF_TOKEN may not read it/.test(error.message) &&
        !error.message.includes('hf_secret'),
    );
  });

  test('A hub that is busy for a while is asked again; one that stays so is given up with what it said', async () => {
    on.hub.wrong.statuses = [503, 500, 429];
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
    on.hub.wrong.statuses = Array.from({ length: 100 }, () => 503);
    await assert.rejects(
      resolve({ dtype: 'fp16' }),
      (error) =>
        error instanceof HubFault &&
        /failed after 6 tries, last because 127\.0\.0\.1:\d+ answers 503/.test(error.message),
    );
  });

  test('A hub that cannot be reached is a fault that names it', async () => {
    const { endpoint } = on.hub;
    await on.hub.close();
    on.hub = await TestHub.start();
    await assert.rejects(
      resolve({ hub: { ...on.settings, endpoint } }),
      (error) => error instanceof HubFault && error.message.includes(new URL(endpoint).host),
    );
  });

  test('A dtype that the repository lacks is refused with those that it has, before anything is fetched', async () => {
    for (const name of ['onnx/encoder_model_fp16.onnx', 'onnx/encoder_model.onnx']) on.files.delete(name);
    await assert.rejects(
      resolve({ dtype: 'fp16' }),
      faulty(/whisper-mini_timestamped: the model has no fp16: set MODEL_DTYPE to int8; found /),
    );
    assert.deepEqual(on.hub.filesAsked, []);
  });

  test('A repository that is no speech recognition model is refused after its config, whatever the size of the rest', async () => {
    on.files.set('config.json', Buffer.from('{"model_type":"bert"}'));
    await assert.rejects(resolve(), faulty(/no speech recognition model.*model type bert, expected whisper/));
    assert.deepEqual(on.hub.filesAsked, ['config.json']);
    on.files.delete('tokenizer.json');
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
    on.hub.wrong.noChecksums = true;
    await assert.rejects(resolve(), faulty(/names no checksum of config\.json/));
    on.hub.wrong.noChecksums = false;
    on.hub.wrong.contradicts = true;
    await assert.rejects(resolve(), faulty(/contradicts itself about onnx\//));
  });

  test('Names in a listing that lead out of the folder are left alone', async () => {
    on.files
      .set('onnx/../../../escape.onnx', Buffer.from('x'))
      .set('../encoder_model_quantized.onnx', Buffer.from('x'));
    await resolve();
    assert.ok(on.hub.filesAsked.every((name) => !name.includes('..')));
  });
});
