import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { platform, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Cluster } from './harness/cluster.js';

const GPU = {
  name: 'NVIDIA H100 PCIe',
  memory_mib: 81_559,
  memory_used_mib: 4_096,
  utilization_percent: 63,
  temperature_c: 55,
  power_w: 200.1,
};

describe(
  'GPUs of a machine, as its programs tell of them',
  { skip: platform() === 'linux' ? false : 'only Linux is asked by lspci' },
  () => {
    let folder: string;
    let cluster: Cluster;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'murmuration-gpu-'));
      const program = async (name: string, text: string): Promise<void> => {
        await writeFile(join(folder, name), `#!/bin/sh\ncat <<'END'\n${text}\nEND\n`);
        await chmod(join(folder, name), 0o755);
      };
      const cards = ['01', '02'].map(
        (bus) =>
          `${bus}:00.0 3D controller: NVIDIA Corporation GH100 [H100 PCIe] (rev a1) (prog-if 00 [Normal decode])\n\tSubsystem: NVIDIA Corporation Device 1626\n\tMemory at 38000000 (64-bit, prefetchable) [size=16M]\n`,
      );
      await program('lspci', cards.join('\n'));
      await program(
        'nvidia-smi',
        ['01', '02']
          .map(
            (bus, i) =>
              `550.54, 0x162610DE, NVIDIA H100 PCIe, 00000000:${bus}:00.0, [N/A], 81559, ${String(4_096 * (1 - i))}, 77463, ${String(63 * (1 - i))}, 12, 55, 50, 200.1, 350.0, 1755, 1593`,
          )
          .join('\n'),
      );
      const PATH = `${folder}${delimiter}${process.env['PATH'] ?? ''}`;
      cluster = await Cluster.start({ api: { PATH }, worker: { PATH, DEVICE: 'simulated' } });
    });
    after(async () => {
      await cluster.close();
      await rm(folder, { recursive: true });
    });

    test('GET /capabilities lists them with memory, use, temperature and power', async () => {
      const { gpus } = (await (await fetch(`${cluster.url}/capabilities`)).json()) as { gpus: unknown[] };
      assert.deepEqual(gpus, [GPU, { ...GPU, memory_used_mib: 0, utilization_percent: 0 }]);
    });

    test("A worker's metrics have a gauge a GPU; with CUDA_VISIBLE_DEVICES only those that it names", async () => {
      const gauges = (text: string | undefined): string[] =>
        (text ?? '').split('\n').filter((line) => line.startsWith('asr_gpu_'));
      assert.equal(gauges(await cluster.workers[0]?.metrics()).length, 10);
      const second = await cluster.addWorker({ CUDA_VISIBLE_DEVICES: '1' });
      assert.deepEqual(gauges(await second.metrics()), [
        'asr_gpu_memory_bytes{gpu="0",name="NVIDIA H100 PCIe"} 85520809984',
        'asr_gpu_memory_used_bytes{gpu="0",name="NVIDIA H100 PCIe"} 0',
        'asr_gpu_utilization_ratio{gpu="0",name="NVIDIA H100 PCIe"} 0',
        'asr_gpu_temperature_celsius{gpu="0",name="NVIDIA H100 PCIe"} 55',
        'asr_gpu_power_watts{gpu="0",name="NVIDIA H100 PCIe"} 200.1',
      ]);
    });
  },
);
