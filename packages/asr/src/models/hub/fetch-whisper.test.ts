import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadRecognizer } from '../../families/registry.js';
import { DECODE, plainWords, recording, toFloats } from '../../testing/material.js';
import { TestHub } from '../../testing/hub-server.js';
import { HUB_MODELS } from '../known-models.js';
import { ModelFileFault } from '../model-files.js';
import { resolveModel } from '../resolve-model.js';

const FOLDER = fileURLToPath(new URL('../../../../../../shared/models/whisper-tiny.en', import.meta.url));

suite(
  'Whisper by name, from a hub that serves the real files',
  { skip: existsSync(FOLDER) ? false : 'the evaluation models are not beside the checkout' },
  () => {
    let cacheDir = '';
    let hub: TestHub;
    before(async () => {
      cacheDir = await mkdtemp(join(tmpdir(), 'murmuration-whisper-'));
      hub = await TestHub.start();
      const names = readdirSync(FOLDER, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
      const { repository, revision } = HUB_MODELS['tiny.en'] ?? assert.fail();
      hub.add(
        repository,
        new Map(
          names.map((path) => [
            path
              .slice(FOLDER.length + 1)
              .split(sep)
              .join('/'),
            readFileSync(path),
          ]),
        ),
        revision,
      );
    });
    after(async () => {
      await hub.close();
      await rm(cacheDir, { recursive: true });
    });
    const find = (): ReturnType<typeof resolveModel> =>
      resolveModel('tiny.en', {
        cacheDir,
        hub: { endpoint: hub.endpoint, token: null, offline: false, pauseMs: () => 0 },
      });

    test('Over cut connections it comes whole and hears what was said', async () => {
      hub.wrong.cutAfterBytes = [2_000_000, 3_000_000, 7_000_000, 11_000_000];
      const model = await find();
      assert.equal(model.id, 'tiny.en');
      assert.ok(!hub.filesAsked.some((name) => name.includes('fp16') || name.includes('reference')));
      const recognizer = await loadRecognizer({ model, dtype: 'auto', device: 'cpu', threads: 1 });
      try {
        const [row] = await recognizer.recognize(
          [{ pcm: toFloats(recording('jfk.wav')), options: DECODE }],
          () => false,
        );
        assert.match(
          plainWords(row?.segments.map(({ text }) => text).join(' ') ?? ''),
          /ask not what your country can do for you/,
        );
      } finally {
        await recognizer.close();
      }
    });

    test('One flipped bit in the cache stops the next start', async () => {
      const { folder } = await find();
      const file = await open(join(folder, 'onnx', 'encoder_model_quantized.onnx'), 'r+');
      const byte = Buffer.alloc(1);
      await file.read(byte, 0, 1, 5_000_000);
      await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, 5_000_000);
      await file.close();
      await assert.rejects(
        find(),
        (error) =>
          error instanceof ModelFileFault &&
          /onnx\/encoder_model_quantized\.onnx is damaged: expected SHA-256 9bc0084f[0-9a-f]{56}, found [0-9a-f]{64}/.test(
            error.message,
          ),
      );
    });
  },
);
