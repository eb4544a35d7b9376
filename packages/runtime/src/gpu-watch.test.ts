import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GpuFacts } from './gpu.js';
import { GpuWatch } from './gpu-watch.js';
import { Metrics } from './metrics.js';

const gpu: GpuFacts = {
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
    [gpu, { ...gpu, utilizationPercent: 0 }],
    [{ ...gpu, utilizationPercent: 5, temperatureC: 70 }],
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
