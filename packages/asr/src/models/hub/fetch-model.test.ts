import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { COMMIT, whisperRepository } from '../../testing/hub-server.js';
import { ID, eachWithHub, faulty } from '../../testing/hub-cache.js';
import type { ModelProgress } from '../model-files.js';
import { resolveModel } from '../resolve-model.js';
import { pullModel } from '../model-cache.js';

const NEXT = 'decade00decade00decade00decade00decade00';

suite('A model of the hub', () => {
  const on = eachWithHub();
  const { resolve, folder } = on;

  test('The files of the dtype that suits the device are fetched, byte by byte as the hub has them, and no others', async () => {
    const model = await resolve();
    assert.deepEqual(model, {
      id: ID,
      slug: 'onnx-community-whisper-mini-timestamped',
      family: 'whisper',
      folder: folder(),
    });
    const lying = (await readdir(folder(), { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile() && entry.name !== '.manifest.json')
      .map((entry) => entry.name)
      .sort();
    assert.deepEqual(lying, [
      'config.json',
      'decoder_model_merged_quantized.onnx',
      'encoder_model_quantized.onnx',
      'generation_config.json',
      'merges.txt',
      'tokenizer.json',
    ]);
    for (const name of ['config.json', 'merges.txt', 'onnx/encoder_model_quantized.onnx'])
      assert.ok((await readFile(join(folder(), name))).equals(on.files.get(name) ?? Buffer.from('?')), name);
    assert.equal(on.hub.filesAsked[0], 'config.json');
  });

  test('Another dtype of the same model adds its files, weights beside the graph included', async () => {
    await resolve({ device: 'cuda' });
    assert.ok(existsSync(join(folder(), 'onnx/encoder_model_fp16.onnx')));
    on.hub.requests.length = 0;
    await resolve({ dtype: 'fp32' });
    assert.deepEqual([...on.hub.filesAsked].sort(), [
      'onnx/decoder_model_merged.onnx',
      'onnx/encoder_model.onnx',
      'onnx/encoder_model.onnx_data',
      'onnx/encoder_model.onnx_data_1',
    ]);
  });

  test('What was fetched once is verified and used without asking the hub, offline too', async () => {
    await resolve();
    on.hub.requests.length = 0;
    const steps = new Set<string>();
    await resolve({
      onProgress: ({ step }) => {
        steps.add(step);
      },
    });
    await resolve({ hub: { ...on.settings, offline: true } });
    assert.deepEqual(on.hub.requests, []);
    assert.deepEqual([...steps], ['verifying']);
  });

  test('Offline and not cached is told, with what to do, and nothing is asked', async () => {
    await assert.rejects(
      resolve({ hub: { ...on.settings, offline: true } }),
      faulty(/not in the model cache.*HF_HUB_OFFLINE.*murmur models pull onnx-community\/whisper-mini_timestamped/),
    );
    await assert.rejects(
      resolveModel('base', { cacheDir: on.cacheDir }),
      faulty(/the model base \(onnx-community\/whisper-base_timestamped\) is not in the model cache/),
    );
    assert.deepEqual(on.hub.requests, []);
  });

  test('A branch is recorded as the commit that it meant; later starts keep to that, and a pull follows the branch', async () => {
    await resolve();
    on.hub.repositories.set(ID, {
      refs: { main: NEXT },
      commits: { [COMMIT]: on.files, [NEXT]: whisperRepository(2) },
    });
    assert.equal((await resolve()).folder, folder());
    const pulled = await pullModel(ID, { cacheDir: on.cacheDir, dtype: 'auto', device: 'cpu', hub: on.settings });
    assert.equal(pulled.commit, NEXT);
    assert.equal((await resolve()).folder, folder(NEXT));
    assert.equal((await resolve({}, `${ID}@${COMMIT}`)).folder, folder());
  });

  test('Known names take the commit that is written down for them', async () => {
    const pinned = '608c49e61301901684bc36cac8f74b95ff6b5a8e';
    on.hub.add('onnx-community/whisper-base_timestamped', on.files, pinned);
    const model = await resolve({}, 'base');
    assert.deepEqual([model.id, model.slug], ['base', 'base']);
    assert.ok(model.folder.endsWith(join('onnx-community', 'whisper-base_timestamped', pinned)));
    assert.ok(
      on.hub.requests[0]?.path.startsWith(`/api/models/onnx-community/whisper-base_timestamped/revision/${pinned}`),
    );
  });

  test('Over cut connections the files come whole all the same, and the progress never goes back', async () => {
    on.hub.wrong.cutAfterBytes = [100_000, 50_000, 1, 120_000, 90_000];
    const seen: ModelProgress[] = [];
    await resolve({
      onProgress: (progress) => {
        seen.push(progress);
      },
    });
    for (const name of ['onnx/encoder_model_quantized.onnx', 'onnx/decoder_model_merged_quantized.onnx'])
      assert.ok((await readFile(join(folder(), name))).equals(on.files.get(name) ?? Buffer.alloc(0)));
    const done = seen.filter(({ step }) => step === 'downloading').map(({ doneBytes }) => doneBytes);
    assert.deepEqual(
      done,
      [...done].sort((a, b) => a - b),
    );
    assert.deepEqual([seen.at(-1)?.doneBytes, seen.at(-1)?.step], [seen.at(-1)?.totalBytes, 'downloading']);
  });

  test('What a start before this one left is gone on with', async () => {
    const name = 'onnx/encoder_model_quantized.onnx';
    await mkdir(join(folder(), 'onnx'), { recursive: true });
    await writeFile(join(folder(), `${name}.part`), on.files.get(name)?.subarray(0, 200_000) ?? '');
    await resolve();
    assert.equal(on.hub.storageBytes, 400_000);
  });

  test('Without ranges a file is begun again', async () => {
    on.hub.wrong.noRanges = true;
    on.hub.wrong.cutAfterBytes = [200_000];
    await resolve();
    assert.equal(on.hub.storageBytes, 200_000 + 600_000);
  });

  test('A connection on which nothing comes is given up and gone on with', async () => {
    on.hub.wrong.stallAfterBytes = [150_000];
    await resolve({ hub: { ...on.settings, stallMs: 500 } });
    assert.ok(on.hub.requests.some(({ server, range }) => server === 'storage' && range !== null));
  });

  test('A folder that was copied out of the cache is verified by the manifest that came along', async () => {
    const { folder: copied } = await resolve();
    await writeFile(join(copied, 'config.json'), '{"model_type":"whisper", "a":1}');
    await assert.rejects(resolveModel(copied, { cacheDir: on.cacheDir }), faulty(/config\.json is of another size/));
  });
});
