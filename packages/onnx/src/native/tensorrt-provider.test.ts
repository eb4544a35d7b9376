import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { onnxNode, valueInfo } from '../model-file/onnx-graph.js';
import { OnnxError } from '../onnx-error.js';
import { availableDevices, openSession } from '../open-session.js';
import { doubling, tinyModel } from '../testing/tiny-models.js';
import { shippedLibrary } from './native-library.js';
import { engineNames, tensorRtOptions } from './tensorrt-provider.js';

const TENSORRT = { device: 'tensorrt', threads: 1 } as const;
const notHere = process.platform === 'linux' && process.arch === 'x64' ? false : 'TensorRT is for Linux on x64';
const installed = fileURLToPath(new URL('../../../../.murmuration/gpu', import.meta.url));

async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'murmuration-tensorrt-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

/** A folder with files of the names that providers have. */
async function fakeFolder(t: TestContext, providers: readonly string[]): Promise<string> {
  const folder = await emptyFolder(t);
  await symlink(shippedLibrary(), join(folder, 'libonnxruntime.so.1'));
  for (const name of providers) await writeFile(join(folder, `libonnxruntime_providers_${name}.so`), '');
  return folder;
}

test('Engines are built for the lengths that free dimensions have, and kept by content', async (t) => {
  const engines = await emptyFolder(t);
  const model = (weight: string): Uint8Array =>
    tinyModel({
      nodes: [onnxNode('Add', ['x', 'x'], [weight]), onnxNode('Identity', [weight], ['y'])],
      inputs: [valueInfo('x', 'float32', ['rows', 3, 'tokens']), valueInfo('fixed', 'int64', [2])],
      outputs: [valueInfo('y', 'float32', ['rows', 3, 'tokens'])],
    });
  const options = {
    ...TENSORRT,
    gpu: { engines },
    range: (_input: string, axis: number) => ({ least: 1, usual: axis === 0 ? 16 : 96, most: axis === 0 ? 32 : 448 }),
  };
  const given = tensorRtOptions(options, model('a'));
  assert.equal(given['trt_profile_min_shapes'], 'x:1x3x1');
  assert.equal(given['trt_profile_opt_shapes'], 'x:16x3x96');
  assert.equal(given['trt_profile_max_shapes'], 'x:32x3x448');
  assert.equal(given['trt_fp16_enable'], '1');
  assert.equal(given['trt_timing_cache_path'], given['trt_engine_cache_path']);
  assert.deepEqual(readdirSync(engines).length, 1);
  assert.deepEqual(tensorRtOptions(options, model('a')), given);
  assert.notEqual(tensorRtOptions(options, model('b'))['trt_engine_cache_path'], given['trt_engine_cache_path']);
  assert.equal(tensorRtOptions(TENSORRT, doubling())['trt_engine_cache_enable'], undefined);
});

test('Engines of another card, driver or version lie in another folder', () => {
  assert.deepEqual(engineNames({ card: 'NVIDIA A10G (24 GB)', driver: '580.65.06', tensorRt: '10.14.1' }), [
    'NVIDIA-A10G-24-GB',
    'driver-580.65.06',
    'onnxruntime-1.30.0-tensorrt-10.14.1',
  ]);
});

test(
  'Without its provider TensorRT is no device, and a session is refused in one sentence',
  { skip: notHere },
  async (t) => {
    const folder = await fakeFolder(t, ['shared', 'cuda']);
    assert.deepEqual(await availableDevices('native', { folder }), ['cpu', 'cuda']);
    await assert.rejects(
      openSession(doubling(), { ...TENSORRT, gpu: { folder } }),
      (error: unknown) =>
        error instanceof OnnxError &&
        error.code === 'provider_missing' &&
        /the TensorRT provider \S+ of version 1\.30\.0 is not in \S+: run murmur gpu install$/.test(error.message),
    );
  },
);

test(
  'With the provider and no driver a session on TensorRT is refused in one sentence',
  {
    skip:
      notHere !== false
        ? notHere
        : ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib/wsl/lib'].some((one) =>
              existsSync(join(one, 'libcuda.so.1')),
            )
          ? 'there is a driver'
          : false,
  },
  async (t) => {
    const folder = await fakeFolder(t, ['shared', 'cuda', 'tensorrt']);
    assert.deepEqual(await availableDevices('native', { folder }), ['cpu', 'cuda', 'tensorrt']);
    await assert.rejects(
      openSession(doubling(), { ...TENSORRT, gpu: { folder } }),
      (error: unknown) => error instanceof OnnxError && error.code === 'driver_missing',
    );
  },
);

/** C of libraries that do nothing: as much of a driver and of TensorRT as it takes to load the provider. */
const NOTHING: Readonly<Record<string, readonly string[]>> = {
  'libcuda.so.1': ['cuInit', 'cuTensorMapEncodeTiled'],
  'libnvinfer.so.10': [
    'getInferLibVersion',
    'getPluginRegistry',
    'createInferBuilder_INTERNAL',
    'createInferRefitter_INTERNAL',
    'createInferRuntime_INTERNAL',
  ],
  'libnvonnxparser.so.10': ['createNvOnnxParser_INTERNAL', 'createNvOnnxParserRefitter_INTERNAL'],
};

test(
  "TensorRT's provider takes every option that it is given, and knows no other; without libraries it is refused",
  {
    skip:
      notHere !== false
        ? notHere
        : !existsSync(join(installed, 'libonnxruntime_providers_tensorrt.so'))
          ? 'run murmur gpu install first'
          : spawnSync('cc', ['--version']).status === 0
            ? false
            : 'there is no C compiler',
  },
  async (t) => {
    const stubs = await emptyFolder(t);
    const build = async (name: string): Promise<void> => {
      const source = join(stubs, `${name}.c`);
      await writeFile(source, (NOTHING[name] ?? []).map((one) => `int ${one}(void) { return 0; }\n`).join(''));
      execFileSync('cc', ['-shared', '-fPIC', `-Wl,-soname,${name}`, '-o', join(stubs, name), source]);
    };
    const ask = (): { stdout: string; stderr: string } =>
      spawnSync(
        process.execPath,
        [fileURLToPath(new URL('../testing/tensorrt-options-process.js', import.meta.url)), installed, stubs],
        { env: { ...process.env, LD_LIBRARY_PATH: stubs }, encoding: 'utf8' },
      );
    await build('libcuda.so.1');
    assert.match(
      ask().stderr,
      /the TensorRT provider in \S+ lacks libnvinfer\.so\.10, libnvonnxparser\.so\.10: put TensorRT 10 for CUDA 13 .* or set DEVICE=cuda/,
    );
    await build('libnvinfer.so.10');
    await build('libnvonnxparser.so.10');
    const { ours, unknown } = JSON.parse(ask().stdout) as { readonly ours: string; readonly unknown: string };
    assert.equal(ours, 'taken');
    assert.match(unknown, /Unknown provider option: "trt_unknown"/);
  },
);
