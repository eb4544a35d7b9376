import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { crc32, deflateRawSync } from 'node:zlib';
import { run } from '../run.js';
import { TestTerminal } from '../testing/test-terminal.js';
import { cudaFindings } from './gpu-command.js';
import { gpuWheels, unpackWheel, type Wheel } from './gpu-wheels.js';
import { installGpu } from './install-gpu.js';

const notHere = process.platform === 'linux' && process.arch === 'x64' ? false : 'CUDA is for Linux on x64';

/** A zip archive of these files, every other one packed. */
function zip(files: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  Object.entries(files).forEach(([name, text], place) => {
    const packed = place % 2 === 0 ? deflateRawSync(text) : Buffer.from(text);
    const facts = Buffer.alloc(26);
    facts.writeUInt16LE(place % 2 === 0 ? 8 : 0, 4);
    facts.writeUInt32LE(crc32(text), 10);
    facts.writeUInt32LE(packed.length, 14);
    facts.writeUInt32LE(Buffer.byteLength(text), 18);
    facts.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), facts, Buffer.from(name), packed]);
    const entry = Buffer.alloc(14);
    entry.writeUInt32LE(at, 10);
    directory.push(Buffer.concat([Buffer.from('PK\u0001\u0002\u0014\u0000'), facts, entry, Buffer.from(name)]));
    parts.push(local);
    at += local.length;
  });
  const end = Buffer.alloc(22);
  end.write('PK\u0005\u0006');
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

const RUNTIME_WHEEL = zip({
  'onnxruntime/capi/libonnxruntime_providers_cuda.so': 'provider',
  'onnxruntime/capi/libonnxruntime_providers_shared.so': 'shared',
  'onnxruntime/capi/libonnxruntime_providers_tensorrt.so': 'tensorrt',
  'onnxruntime/__init__.py': 'unwanted',
  'onnxruntime_gpu-1.30.0.dist-info/licenses/LICENSE': 'licence',
});
const NVIDIA_WHEEL = zip({ 'nvidia/cu13/lib/libcublas.so.13': 'cublas', 'nvidia/cu13/include/cublas.h': 'unwanted' });

function wheel(name: string, bytes: Buffer): Wheel {
  return { name, version: '1.0', sha256: createHash('sha256').update(bytes).digest('hex') };
}
const WHEELS = [wheel('onnxruntime-gpu', RUNTIME_WHEEL), wheel('nvidia-cublas', NVIDIA_WHEEL)];

/** An index that lists the first wheel as JSON and the second as HTML, as old mirrors do. */
async function index(t: TestContext, files = [RUNTIME_WHEEL, NVIDIA_WHEEL]): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const [first, second] = WHEELS;
    if (path === '/simple/onnxruntime-gpu/')
      response
        .setHeader('content-type', 'application/vnd.pypi.simple.v1+json')
        .end(JSON.stringify({ files: [{ url: '../../files/0', hashes: { sha256: first?.sha256 } }] }));
    else if (path === '/simple/nvidia-cublas/')
      response.setHeader('content-type', 'text/html').end(`<a href="/files/1#sha256=${second?.sha256 ?? ''}">it</a>`);
    else {
      const file = files[Number(path.slice('/files/'.length))];
      if (file === undefined) response.writeHead(404).end();
      else response.end(file);
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/simple`, asked };
}

async function emptyFolder(t: TestContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'murmur-gpu-'));
  t.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

describe('murmur gpu', () => {
  test('installs provider, runtime, libraries and licences once, checked', { skip: notHere }, async (t) => {
    const { url, asked } = await index(t);
    const folder = join(await emptyFolder(t), 'gpu');
    const given = {
      index: url,
      folder,
      wheels: WHEELS,
      signal: new AbortController().signal,
      onBytes: () => undefined,
    };
    assert.equal(await installGpu(given), true);
    assert.deepEqual((await readdir(folder, { recursive: true })).map(String).sort(), [
      'libcublas.so.13',
      'libonnxruntime.so.1',
      'libonnxruntime_providers_cuda.so',
      'libonnxruntime_providers_shared.so',
      'libonnxruntime_providers_tensorrt.so',
      'licences',
      'licences/onnxruntime-gpu',
      'licences/onnxruntime-gpu/LICENSE',
      'wheels.json',
    ]);
    assert.equal(await readFile(join(folder, 'libonnxruntime_providers_cuda.so'), 'utf8'), 'provider');
    assert.equal(await readFile(join(folder, 'libcublas.so.13'), 'utf8'), 'cublas');
    const before = asked.length;
    assert.equal(await installGpu(given), false);
    assert.equal(asked.length, before);
  });

  test('refuses a wheel with other bytes, and leaves what was there', { skip: notHere }, async (t) => {
    const { url } = await index(t, [RUNTIME_WHEEL, RUNTIME_WHEEL]);
    const folder = join(await emptyFolder(t), 'gpu');
    const installing = installGpu({
      index: url,
      folder,
      wheels: WHEELS,
      signal: new AbortController().signal,
      onBytes: () => undefined,
    });
    await assert.rejects(installing, /nvidia-cublas 1\.0 from the index has another SHA-256 than the list/);
    await assert.rejects(readdir(folder), /ENOENT/);
  });

  test('says where a wheel could not be had, and what to do', { skip: notHere }, async (t) => {
    const { url } = await index(t);
    const folder = join(await emptyFolder(t), 'gpu');
    const terminal = new TestTerminal();
    const status = await run(['gpu', 'install', '--index', `${url}/nothing`, '--folder', folder], {}, terminal);
    assert.equal(status, 1);
    assert.match(terminal.said.err, /the index answers 404 for onnxruntime-gpu: set PIP_INDEX_URL, or --index/);
    const unreachable = new TestTerminal();
    await run(['gpu', 'install', '--index', 'http://127.0.0.1:9', '--folder', folder], {}, unreachable);
    assert.match(unreachable.said.err, /the index cannot be reached for onnxruntime-gpu/);
    const other = new TestTerminal();
    await run(['gpu', 'install', '--folder', folder], { PIP_INDEX_URL: url }, other);
    assert.match(other.said.err, /the index has no onnxruntime-gpu 1\.30\.0 with the SHA-256 of the list/);
  });

  test('names a file that is no wheel', async (t) => {
    const path = join(await emptyFolder(t), 'a.whl');
    await writeFile(path, 'no archive');
    await assert.rejects(
      unpackWheel(path, () => path),
      /a\.whl is no wheel/,
    );
  });

  test("fetches the provider of the runtime's version to the patch", async () => {
    const { dependencies } = JSON.parse(
      await readFile(new URL('../../../packages/onnx/package.json', import.meta.url), 'utf8'),
    ) as { readonly dependencies: Readonly<Record<string, string>> };
    const wheels = await gpuWheels();
    const [runtime] = Object.entries(dependencies).filter(([name]) => name.startsWith('onnxruntime'));
    assert.equal(wheels.find(({ name }) => name === 'onnxruntime-gpu')?.version, runtime?.[1]);
  });

  test('checks a machine without the provider, and says what to do', async (t) => {
    const terminal = new TestTerminal();
    const status = await run(['gpu', 'check', '--json', '--folder', await emptyFolder(t)], {}, terminal);
    const { findings } = JSON.parse(terminal.said.out) as { readonly findings: unknown };
    assert.ok(Array.isArray(findings) && findings.length >= 2);
    assert.ok(status === 0 || status === 1);
  });

  test('has a sentence for each thing that is there or missing', () => {
    const nothing = cudaFindings(
      { provider: null, missing: [], missingTensorRt: null, driver: null, cards: [] },
      '/gpu',
    );
    assert.deepEqual(
      nothing.map(({ name, state }) => [name, state]),
      [
        ['provider', 'bad'],
        ['driver', 'bad'],
      ],
    );
    assert.match(nothing[0]?.text ?? '', /not in \/gpu\. Run murmur gpu install\./);
    const half = cudaFindings(
      { provider: '/gpu', missing: ['libcudnn.so.9'], missingTensorRt: null, driver: '12.4', cards: [] },
      '/gpu',
    );
    assert.deepEqual(
      half.map(({ state }) => state),
      ['ok', 'bad', 'bad', 'bad'],
    );
    assert.match(half[1]?.text ?? '', /libcudnn\.so\.9 cannot be loaded/);
    assert.match(half[2]?.text ?? '', /speaks CUDA 12\.4, and 13 is needed/);
    const all = cudaFindings(
      {
        provider: '/gpu',
        missing: [],
        missingTensorRt: [],
        driver: '13.0',
        cards: [{ name: 'A card', memoryMiB: 24_576 }],
      },
      '/gpu',
    );
    assert.deepEqual(
      all.map(({ state }) => state),
      ['ok', 'ok', 'ok', 'ok', 'ok'],
    );
    assert.equal(all[4]?.text, 'A card, 24576 MiB');
    const without = cudaFindings(
      { provider: '/gpu', missing: [], missingTensorRt: ['libnvinfer.so.10'], driver: '13.0', cards: [] },
      '/gpu',
    );
    assert.deepEqual(
      without.find(({ name }) => name === 'tensorrt'),
      {
        name: 'tensorrt',
        state: 'note',
        text: 'libnvinfer.so.10 cannot be loaded, which DEVICE=tensorrt alone needs. Install TensorRT 10 for CUDA 13 from NVIDIA (libnvinfer10, libnvonnxparsers10).',
      },
    );
  });
});
