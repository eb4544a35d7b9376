import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { platform, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { factsOf, visibleGpus, type GpuFacts, type GraphicsController } from './gpu.js';

const card = (more: Partial<GraphicsController>): GraphicsController => ({
  vendor: 'NVIDIA Corporation',
  model: 'GA102',
  bus: 'PCI',
  vram: null,
  vramDynamic: false,
  ...more,
});
const gpu = (name: string): GpuFacts => ({
  name,
  memoryMiB: 1,
  memoryUsedMiB: null,
  utilizationPercent: null,
  temperatureC: null,
  powerW: null,
});

test('Of what the machine has, the cards that their driver tells of count, idle ones as idle', () => {
  const busy = card({
    name: 'NVIDIA H200',
    driverVersion: '570.1',
    memoryTotal: 143_771,
    memoryUsed: 1_024,
    utilizationGpu: 37,
    temperatureGpu: 41,
    powerDraw: 312.5,
  });
  const idle = card({ name: 'NVIDIA H200', driverVersion: '570.1', memoryTotal: 143_771, temperatureGpu: 30 });
  assert.deepEqual(factsOf([card({ vendor: 'Intel', model: 'UHD' }), busy, idle, card({})]), [
    {
      name: 'NVIDIA H200',
      memoryMiB: 143_771,
      memoryUsedMiB: 1_024,
      utilizationPercent: 37,
      temperatureC: 41,
      powerW: 312.5,
    },
    {
      name: 'NVIDIA H200',
      memoryMiB: 143_771,
      memoryUsedMiB: 0,
      utilizationPercent: 0,
      temperatureC: 30,
      powerW: null,
    },
  ]);
});

test('A card without its driver is told by name, without figures', () => {
  assert.deepEqual(factsOf([card({})]), [
    { name: 'GA102', memoryMiB: null, memoryUsedMiB: null, utilizationPercent: null, temperatureC: null, powerW: null },
  ]);
});

test('CUDA_VISIBLE_DEVICES picks and orders as CUDA does', () => {
  const all = ['a', 'b', 'c'].map(gpu);
  const names = (visible: string | undefined): string =>
    visibleGpus(all, visible)
      .map(({ name }) => name)
      .join('');
  assert.deepEqual(
    [names(undefined), names('1'), names('2, 0'), names('0,7,1'), names(''), names('-1'), names('GPU-8932f937')],
    ['abc', 'b', 'ca', 'a', '', '', 'abc'],
  );
});

const WITHOUT_BUS = platform() === 'linux' ? false : 'only Linux is asked by lspci';

test('What lspci and nvidia-smi say becomes facts', { skip: WITHOUT_BUS }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'murmuration-gpu-'));
  try {
    const program = async (name: string, text: string): Promise<void> => {
      await writeFile(join(folder, name), `#!/bin/sh\ncat <<'END'\n${text}\nEND\n`);
      await chmod(join(folder, name), 0o755);
    };
    await program(
      'lspci',
      '01:00.0 3D controller: NVIDIA Corporation GH100 [H100 PCIe] (rev a1) (prog-if 00 [Normal decode])\n\tSubsystem: NVIDIA Corporation Device 1626\n\tMemory at 38000000 (64-bit, prefetchable) [size=16M]\n',
    );
    await program(
      'nvidia-smi',
      '550.54, 0x162610DE, NVIDIA H100 PCIe, 00000000:01:00.0, [N/A], 81559, 4096, 77463, 63, 12, 55, 50, 200.1, 350.0, 1755, 1593',
    );
    const script = join(folder, 'ask.mjs');
    await writeFile(
      script,
      `import { gpuFacts } from ${JSON.stringify(new URL('./gpu.js', import.meta.url).href)};\nprocess.stdout.write(JSON.stringify(await gpuFacts()));\n`,
    );
    const { stdout, stderr } = spawnSync(process.execPath, [script], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}` },
    });
    assert.deepEqual(
      JSON.parse(stdout),
      [
        {
          name: 'NVIDIA H100 PCIe',
          memoryMiB: 81_559,
          memoryUsedMiB: 4_096,
          utilizationPercent: 63,
          temperatureC: 55,
          powerW: 200.1,
        },
      ],
      stderr,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
