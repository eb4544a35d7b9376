import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../../scripts/setup/command.mjs';
import { findExecutable } from '../../../scripts/setup/executables.mjs';
import type { Environment } from '../config.js';

/** Numbers of the NVIDIA GPUs of this machine as a list, empty where there are none. */
export async function nvidiaGpus(): Promise<readonly string[]> {
  const program = findExecutable(['nvidia-smi']);
  if (program === null) return [];
  const { code, stdout } = await runCommand(program, ['--query-gpu=index', '--format=csv,noheader'], {
    timeoutMs: 10_000,
  });
  return code === 0
    ? stdout
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => /^\d+$/.test(line))
    : [];
}

/**
 * What several workers of one machine must not share, as variables for worker `index` of `count`: each takes a GPU of its own as
 * far as there are GPUs, and its part of the cores. What the person set is kept, but for a list of GPUs, which is dealt out.
 */
export function workerEnvironment(
  index: number,
  count: number,
  {
    environment,
    gpus,
    cores = availableParallelism(),
  }: {
    readonly environment: Environment;
    readonly gpus: readonly string[];
    readonly cores?: number;
  },
): Environment {
  if (count === 1) return {};
  const given = environment.CUDA_VISIBLE_DEVICES;
  const list =
    given === undefined
      ? gpus
      : given
          .split(',')
          .map((gpu) => gpu.trim())
          .filter((gpu) => gpu !== '');
  return {
    ...(list.length > 1 ? { CUDA_VISIBLE_DEVICES: list[index % list.length] } : {}),
    ...((environment.OMP_NUM_THREADS ?? '') === ''
      ? { OMP_NUM_THREADS: String(Math.max(1, Math.floor(cores / count))) }
      : {}),
  };
}

/** Where audio lies when nobody says otherwise: one folder for all services, whatever folder they run in. */
export function audioFolder(environment: Environment, folder: string): Environment {
  return (environment.AUDIO_STORE_DIR ?? '') === '' ? { AUDIO_STORE_DIR: join(folder, 'audio') } : {};
}
