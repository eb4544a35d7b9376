import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { OnnxError } from '../onnx-error.js';
import { availableDevices, openSession } from '../open-session.js';
import { float32Tensor } from '../tensor.js';
import { doubling } from '../testing/tiny-models.js';
import { shippedLibrary } from './native-library.js';

const CUDA = { device: 'cuda', threads: 1, binding: 'native' } as const;
const noLinux = process.platform === 'linux' && process.arch === 'x64' ? false : 'CUDA is for Linux on x64';
const shippedHasIt = existsSync(join(shippedLibrary(), '../libonnxruntime_providers_cuda.so'));
const withoutProvider = noLinux !== false ? noLinux : shippedHasIt ? 'the provider lies beside the runtime' : false;
const installed = fileURLToPath(new URL('../../../../.murmuration/gpu', import.meta.url));
const driver = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib/wsl/lib'].some((folder) =>
  existsSync(join(folder, 'libcuda.so.1')),
);

async function fault(options: Parameters<typeof openSession>[1]): Promise<OnnxError> {
  const error: unknown = await openSession(doubling(), options).then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof OnnxError, String(error));
  return error;
}

test(
  'Without its provider CUDA is no device, and a session is refused in one sentence',
  { skip: withoutProvider },
  async () => {
    assert.deepEqual(await availableDevices('native', { folder: '/nowhere' }), ['cpu']);
    const { code, message } = await fault({ ...CUDA, gpu: { folder: '/nowhere' } });
    assert.equal(code, 'provider_missing');
    assert.match(message, /the CUDA provider \S+ of version 1\.30\.0 is not in \/nowhere: run murmur gpu install$/);
    assert.match((await fault(CUDA)).message, /is not there: run murmur gpu install$/);
  },
);

test(
  'With the provider and no driver a session is refused in one sentence',
  {
    skip: noLinux !== false ? noLinux : driver ? 'there is a driver' : false,
  },
  async () => {
    // The provider itself is not reached: whether it is one does not matter.
    const folder = await mkdtemp(join(tmpdir(), 'murmuration-gpu-'));
    try {
      await symlink(shippedLibrary(), join(folder, 'libonnxruntime.so.1'));
      for (const name of ['shared', 'cuda']) await writeFile(join(folder, `libonnxruntime_providers_${name}.so`), '');
      assert.deepEqual(await availableDevices('native', { folder }), ['cpu', 'cuda']);
      const { code, message } = await fault({ ...CUDA, gpu: { folder } });
      assert.equal(code, 'driver_missing');
      assert.match(message, /there is no NVIDIA driver \(libcuda\.so\.1 cannot be loaded\): install the driver/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);

test(
  'On a card a session computes, and what it keeps stays there',
  {
    skip:
      noLinux !== false
        ? noLinux
        : !driver
          ? 'there is no NVIDIA driver'
          : !existsSync(installed)
            ? 'run murmur gpu install first'
            : false,
  },
  async () => {
    const gpu = { folder: installed };
    const keeping = await openSession(doubling(), { ...CUDA, gpu, keep: /^y$/ });
    const reading = await openSession(doubling(), { ...CUDA, gpu });
    const { y } = await keeping.run({ x: float32Tensor(Float32Array.of(1, 2, 3), [1, 3]) });
    assert.ok(y !== undefined);
    assert.deepEqual([y.place, y.keepsRows], ['device', false]);
    const doubled = await reading.run({ x: y });
    assert.deepEqual([...(doubled['y']?.data ?? [])], [4, 8, 12]);
    y.dispose();
    await keeping.close();
    await reading.close();
  },
);
