import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { platform, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { factsOf, visibleGpus, type GpuFacts, GpuWatch, type GraphicsController } from './gpu.js';
import { Metrics } from './metrics.js';

const card = (more: Partial<GraphicsController>): GraphicsController => ({
  vendor: 'NVIDIA Corporation',
  model: 'GA102',
  bus: 'PCI',
  vram: null,
  vramDynamic: false,
  ...more,
});
const gpu = (name: string, uuid: string | null = null): GpuFacts => ({
  name,
  uuid,
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
      uuid: null,
      memoryMiB: 143_771,
      memoryUsedMiB: 1_024,
      utilizationPercent: 37,
      temperatureC: 41,
      powerW: 312.5,
    },
    {
      name: 'NVIDIA H200',
      uuid: null,
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
    {
      name: 'GA102',
      uuid: null,
      memoryMiB: null,
      memoryUsedMiB: null,
      utilizationPercent: null,
      temperatureC: null,
      powerW: null,
    },
  ]);
});

const A100 = card({ name: 'NVIDIA A100-SXM4-40GB', driverVersion: '580.1', memoryTotal: 40_960, powerDraw: 61 });

test('A card that is cut into MIG slices counts as its slices, each with its profile; what they use is not known', () => {
  const list = [
    'GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-aaaa)',
    'GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-bbbb)',
    '  MIG 3g.20gb     Device  0: (UUID: MIG-cccc)',
    '  MIG 1g.5gb      Device  1: (UUID: MIG-dddd)',
    '',
  ].join('\n');
  assert.deepEqual(
    factsOf([A100, A100], list).map(({ name, uuid, memoryMiB, utilizationPercent }) => [
      name,
      uuid,
      memoryMiB,
      utilizationPercent,
    ]),
    [
      ['NVIDIA A100-SXM4-40GB', 'GPU-aaaa', 40_960, 0],
      ['NVIDIA A100-SXM4-40GB MIG 3g.20gb', 'MIG-cccc', 20_480, null],
      ['NVIDIA A100-SXM4-40GB MIG 1g.5gb', 'MIG-dddd', 5_120, null],
    ],
  );
});

test('A list of other cards than those on the bus is passed over', () => {
  const list = 'GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-aaaa)\n';
  assert.deepEqual(
    factsOf([A100, A100], list).map(({ uuid }) => uuid),
    [null, null],
  );
});

test('CUDA_VISIBLE_DEVICES names cards and slices by UUID, cut short or whole', () => {
  const all = [gpu('a', 'GPU-aaaa'), gpu('b', 'MIG-bbbb'), gpu('c', 'MIG-cccc')];
  const names = (visible: string): string =>
    visibleGpus(all, visible)
      .map(({ name }) => name)
      .join('');
  assert.deepEqual(
    [names('MIG-cccc'), names('mig-b,GPU-aa'), names('MIG-dddd'), names('0,MIG-x,1')],
    ['c', 'ba', '', 'a'],
  );
});

test('CUDA_VISIBLE_DEVICES picks and orders as CUDA does', () => {
  const all = ['a', 'b', 'c'].map((name) => gpu(name));
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
    const program = async (name: string, text: string, listed = text): Promise<void> => {
      await writeFile(
        join(folder, name),
        `#!/bin/sh\n[ "$1" = -L ] && cat <<'END' && exit\n${listed}\nEND\ncat <<'END'\n${text}\nEND\n`,
      );
      await chmod(join(folder, name), 0o755);
    };
    await program(
      'lspci',
      '01:00.0 3D controller: NVIDIA Corporation GH100 [H100 PCIe] (rev a1) (prog-if 00 [Normal decode])\n\tSubsystem: NVIDIA Corporation Device 1626\n\tMemory at 38000000 (64-bit, prefetchable) [size=16M]\n',
    );
    await program(
      'nvidia-smi',
      '550.54, 0x162610DE, NVIDIA H100 PCIe, 00000000:01:00.0, [N/A], 81559, 4096, 77463, 63, 12, 55, 50, 200.1, 350.0, 1755, 1593',
      'GPU 0: NVIDIA H100 PCIe (UUID: GPU-8932f937)',
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
          uuid: 'GPU-8932f937',
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

const H100: GpuFacts = {
  name: 'NVIDIA H100',
  uuid: null,
  memoryMiB: 81_920,
  memoryUsedMiB: 1_024,
  utilizationPercent: 63,
  temperatureC: null,
  powerW: null,
};

test('Without a GPU there are no metrics of one', async () => {
  assert.doesNotMatch(await new Metrics().registry.metrics(), /asr_gpu/);
});

test('Figures are read when metrics are asked for, at most every ten seconds; what is not known is not shown', async () => {
  const metrics = new Metrics();
  let nowMs = 0;
  const readings: (readonly GpuFacts[] | Error)[] = [
    [H100, { ...H100, utilizationPercent: 0 }],
    [{ ...H100, utilizationPercent: 5, temperatureC: 70 }],
    new Error('the driver is gone'),
  ];
  let read = 0;
  new GpuWatch(
    metrics.gpuGauges(),
    () => {
      const reading = readings[read++] ?? [];
      return reading instanceof Error ? Promise.reject(reading) : Promise.resolve(reading);
    },
    () => nowMs,
  );
  const lines = async (): Promise<string[]> =>
    (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith('asr_gpu_'));
  const first = await lines();
  assert.deepEqual(first, [
    'asr_gpu_memory_bytes{gpu="0",name="NVIDIA H100"} 85899345920',
    'asr_gpu_memory_bytes{gpu="1",name="NVIDIA H100"} 85899345920',
    'asr_gpu_memory_used_bytes{gpu="0",name="NVIDIA H100"} 1073741824',
    'asr_gpu_memory_used_bytes{gpu="1",name="NVIDIA H100"} 1073741824',
    'asr_gpu_utilization_ratio{gpu="0",name="NVIDIA H100"} 0.63',
    'asr_gpu_utilization_ratio{gpu="1",name="NVIDIA H100"} 0',
  ]);
  nowMs = 9_999;
  assert.deepEqual([await lines(), read], [first, 1]);
  nowMs = 10_000;
  const second = await lines();
  assert.ok(second.includes('asr_gpu_temperature_celsius{gpu="0",name="NVIDIA H100"} 70') && second.length === 4);
  nowMs = 20_000;
  assert.deepEqual([await lines(), read], [[], 3]);
});
