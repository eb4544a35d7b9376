import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { ROOT } from '../../harness/service-process.js';
import { fasterWhisperForms, workerSettings } from './peer-device.js';
import { PeerPool } from './peer-pool.js';

const NO_PYTHON = spawnSync('python3', ['--version']).status === 0 ? false : 'there is no python3';

/** In place of faster-whisper: what is said is what was asked for. */
const ECHO = `
import json, os
__version__ = "0.0"
class Segment:
    def __init__(self, **said):
        self.text = json.dumps(said, sort_keys=True)
class WhisperModel:
    def __init__(self, model, **settings):
        if model == "refused":
            raise RuntimeError("CUDA driver version is insufficient")
        self.settings = {"model": model, "libraries": os.environ.get("LD_LIBRARY_PATH"), **settings}
    def transcribe(self, path, **asked):
        return [Segment(settings=self.settings, asked=asked, batched=False)], None
class BatchedInferencePipeline:
    def __init__(self, model):
        self.model = model
    def transcribe(self, path, **asked):
        return [Segment(settings=self.model.settings, asked=asked, batched=True)], None
`;

describe("faster-whisper's script", { skip: NO_PYTHON }, () => {
  let folder = '';
  const pythonPath = process.env['PYTHONPATH'];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peer-device-'));
    await writeFile(join(folder, 'faster_whisper.py'), ECHO);
    process.env['PYTHONPATH'] = folder;
  });
  after(async () => {
    if (pythonPath === undefined) delete process.env['PYTHONPATH'];
    else process.env['PYTHONPATH'] = pythonPath;
    await rm(folder, { recursive: true });
  });

  test('gets device, type and batch of each form', async () => {
    for (const device of ['cpu', 'cuda'] as const)
      for (const { settings } of fasterWhisperForms(device, 4)) {
        const whisper = { script: 'faster_whisper_peer.py', model: 'large-v3-turbo', ...settings };
        const pool = await PeerPool.start('python3', 1, whisper, '/libraries');
        const heard = async (detect: boolean): Promise<unknown> =>
          JSON.parse((await pool.transcribe(['one.wav'], detect))[0] ?? '') as unknown;
        const { batch, beam, threads } = settings;
        const libraries = ['/libraries', process.env['LD_LIBRARY_PATH'] ?? ''].filter(Boolean).join(delimiter);
        const set = {
          model: 'large-v3-turbo',
          device,
          compute_type: device === 'cpu' ? 'int8' : 'float16',
          cpu_threads: threads,
          libraries,
        };
        const asked = { beam_size: beam, language: 'en' };
        assert.deepEqual(await heard(false), { settings: set, asked: { ...asked, vad_filter: false }, batched: false });
        assert.deepEqual(await heard(true), {
          settings: set,
          asked: batch > 1 ? { ...asked, batch_size: batch } : { ...asked, vad_filter: true },
          batched: batch > 1,
        });
        await pool.close();
      }
  });

  test('says why it does not start', async () => {
    const refused = { script: 'faster_whisper_peer.py', model: 'refused', threads: 1, batch: 1, beam: 1 };
    await assert.rejects(
      PeerPool.start('python3', 2, { ...refused, device: 'cuda', compute: 'float16' }),
      /the peer's process ended: .*\n[^]*CUDA driver version is insufficient/,
    );
  });
});

test('On a card faster-whisper runs as it comes and in batches of 8, 16 and 32, in one process and in several', () => {
  assert.deepEqual(
    fasterWhisperForms('cuda', 16).map(({ processes, settings: { batch, beam } }) => [processes, batch, beam]),
    [
      [1, 1, 5],
      [1, 8, 1],
      [1, 16, 1],
      [1, 32, 1],
      [4, 16, 1],
    ],
  );
});

test("The product's worker computes in FP16 on the cards that whoever measures lets it see", () => {
  assert.deepEqual(workerSettings('base', 'cpu', {}), { MODEL_PATH: 'base', MODEL_DTYPE: 'int8' });
  assert.deepEqual(workerSettings('base', 'cuda', { CUDA_VISIBLE_DEVICES: '1', PATH: '/bin' }), {
    MODEL_PATH: 'base',
    MODEL_DTYPE: 'fp16',
    DEVICE: 'cuda',
    GPU_LIBRARIES: join(ROOT, '.murmuration', 'gpu'),
    CUDA_VISIBLE_DEVICES: '1',
  });
  assert.equal(workerSettings('base', 'cuda', { GPU_LIBRARIES: '/gpu' })['GPU_LIBRARIES'], '/gpu');
});

test('Without a card the measurement ends at once with what is missing', async () => {
  const measurement = promisify(execFile)(
    process.execPath,
    [join(ROOT, 'test', 'dist', 'bench', 'peers.js'), '--device', 'cuda'],
    { env: { ...process.env, CUDA_VISIBLE_DEVICES: '' } },
  );
  await assert.rejects(measurement, (error: Error & { readonly code?: number; readonly stderr?: string }) => {
    assert.equal(error.code, 1);
    assert.match(error.stderr ?? '', /--device cuda needs an NVIDIA card[^]*(?:driver|gpu) {2}/);
    return true;
  });
});
