import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../../harness/service-process.js';
import type { PeerSettings } from './peer-pool.js';

/** Where product and peers compute: on a card both in FP16, on a CPU in 8 bits. */
export type PeerDevice = 'cpu' | 'cuda';

/** Variables of whoever measures that a worker on a card is to have, too. */
const OF_THE_CARD = ['CUDA_VISIBLE_DEVICES', 'CUDA_DEVICE_ORDER', 'LD_LIBRARY_PATH'] as const;

/** What the product's worker is set to. */
export function workerSettings(
  modelPath: string,
  device: PeerDevice,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  if (device === 'cpu') return { MODEL_PATH: modelPath, MODEL_DTYPE: 'int8' };
  return {
    MODEL_PATH: modelPath,
    MODEL_DTYPE: 'fp16',
    DEVICE: 'cuda',
    GPU_LIBRARIES: environment['GPU_LIBRARIES'] ?? join(ROOT, '.murmuration', 'gpu'),
    ...Object.fromEntries(
      OF_THE_CARD.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])),
    ),
  };
}

/** One way to run faster-whisper. */
interface FasterWhisperForm {
  readonly asItComes: boolean;
  readonly processes: number;
  readonly settings: Pick<PeerSettings, 'threads' | 'batch'> & {
    readonly beam: number;
    readonly device: PeerDevice;
    readonly compute: 'int8' | 'float16';
  };
}

/** faster-whisper as it comes, and in the forms that are best for it: by its batched pipeline on a card, where one process fills it or several do. */
export function fasterWhisperForms(device: PeerDevice, cores: number): readonly FasterWhisperForm[] {
  const compute = device === 'cpu' ? 'int8' : 'float16';
  const form = (processes: number, threads: number, batch: number): FasterWhisperForm => ({
    asItComes: false,
    processes,
    settings: { threads, batch, beam: 1, device, compute },
  });
  // Its own defaults but for the type: beam 5, its own choice of threads, one window after the other.
  const asItComes: FasterWhisperForm = {
    asItComes: true,
    processes: 1,
    settings: { threads: 0, batch: 1, beam: 5, device, compute },
  };
  return device === 'cpu'
    ? [asItComes, form(cores, 1, 1), form(cores, 1, 8), form(1, cores, 8)]
    : [
        asItComes,
        ...[8, 16, 32].map((batch) => form(1, cores, batch)),
        form(4, Math.max(1, Math.floor(cores / 4)), 16),
      ];
}

/**
 * Why nothing can be measured on a card here, or null. Asked of `murmur gpu check` in a process of its own, which loads libraries and driver to find out.
 */
export function missingForCard(): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(ROOT, 'cli', 'dist', 'main.js'), 'gpu', 'check'], (error, stdout, stderr) => {
      resolve(
        error === null
          ? null
          : `--device cuda needs an NVIDIA card with its driver and libraries; murmur gpu check says:\n${stdout}${stderr}`,
      );
    });
  });
}
