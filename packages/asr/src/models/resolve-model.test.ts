import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { CACHE_DIR, NO_MOONSHINE } from '../testing/material.js';
import { ModelFileFault } from './model-files.js';
import { resolveModel } from './resolve-model.js';

suite('A model by name or folder', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'murmuration-models-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const refused = (model: string, message: RegExp): Promise<void> =>
    assert.rejects(
      resolveModel(model, { cacheDir: folder }),
      (error) => error instanceof ModelFileFault && message.test(error.message),
    );

  test('moonshine-tiny is found in the cache, its files whole', { skip: NO_MOONSHINE }, async () => {
    assert.deepEqual(await resolveModel('moonshine-tiny', { cacheDir: CACHE_DIR }), {
      id: 'moonshine-tiny',
      slug: 'moonshine-tiny',
      family: 'moonshine',
      folder: join(CACHE_DIR, 'moonshine-tiny'),
    });
  });

  test('A missing file is named, with what was expected', async () => {
    await refused('moonshine-tiny', /encoder_model\.onnx is missing: expected 7937661 bytes.*found none/);
  });

  test('A file that was cut short is named, with both sizes', { skip: NO_MOONSHINE }, async () => {
    await copyModel(folder);
    await truncate(join(folder, 'moonshine-tiny', 'decoder_model_merged.onnx'), 1_000);
    await refused('moonshine-tiny', /decoder_model_merged\.onnx .*expected 20243286 bytes, found 1000/);
  });

  test('One altered byte is found, and the file named with both checksums', { skip: NO_MOONSHINE }, async () => {
    await copyModel(folder);
    const file = await open(join(folder, 'moonshine-tiny', 'encoder_model.onnx'), 'r+');
    await file.write(Uint8Array.of(0x55), 0, 1, 4_000_000);
    await file.close();
    await refused(
      'moonshine-tiny',
      /encoder_model\.onnx is damaged: expected SHA-256 c6fc4b7b[0-9a-f]+, found [0-9a-f]{64}/,
    );
  });

  test('A folder with a config of Whisper is of that family, named for the folder', async () => {
    const place = join(folder, 'My Whisper.en');
    await mkdir(place);
    await writeFile(join(place, 'config.json'), JSON.stringify({ model_type: 'whisper' }));
    assert.deepEqual(await resolveModel(place, { cacheDir: folder }), {
      id: 'My Whisper.en',
      slug: 'my-whisper-en',
      family: 'whisper',
      folder: place,
    });
  });

  test('A folder with the graphs of Moonshine is of that family', async () => {
    const place = join(folder, 'mine');
    await mkdir(place);
    await writeFile(join(place, 'encoder_model.onnx'), 'graph');
    await refused(place, /decoder_model_merged\.onnx is missing in the folder mine/);
    await writeFile(join(place, 'decoder_model_merged.onnx'), '');
    await refused(place, /decoder_model_merged\.onnx in the folder mine is empty/);
    await writeFile(join(place, 'decoder_model_merged.onnx'), 'graph');
    assert.equal((await resolveModel(place, { cacheDir: folder })).family, 'moonshine');
  });

  test('A config that cannot be read or is of another model is refused', async () => {
    await writeFile(join(folder, 'config.json'), '{"model_type": "whis');
    await refused(folder, /config\.json is no JSON: .*found 20 characters/);
    await writeFile(join(folder, 'config.json'), '{"model_type": "wav2vec2"}');
    await refused(folder, /states the model type wav2vec2: expected whisper or moonshine/);
    await writeFile(join(folder, 'config.json'), '[]');
    await refused(folder, /states no model_type/);
  });

  test('Unknown names and folders that are not there are told what there is', async () => {
    await refused('no-such-model', /no-such-model is unknown: use one of moonshine-tiny, tiny, .*an id of the hub/);
    await refused('toString', /toString is unknown/);
    await refused('./no-such-folder', /there is no folder \.\/no-such-folder/);
    await refused(join(folder, 'nothing'), /there is no folder/);
  });
});

async function copyModel(cacheDir: string): Promise<void> {
  await mkdir(join(cacheDir, 'moonshine-tiny'));
  for (const name of ['encoder_model.onnx', 'decoder_model_merged.onnx'])
    await copyFile(join(CACHE_DIR, 'moonshine-tiny', name), join(cacheDir, 'moonshine-tiny', name));
}
