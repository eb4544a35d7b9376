import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** Why the GPU's libraries cannot be installed; the message says what to do. */
export class GpuFault extends Error {
  override readonly name = 'GpuFault';
}

/** A wheel that holds libraries of the GPU. */
export interface Wheel {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
}

/** What the image `worker-cuda` is made of, too. */
const LIST = fileURLToPath(new URL('../../../deploy/images/cuda-requirements.txt', import.meta.url));

/** The wheels with the CUDA provider of the runtime's version and NVIDIA's libraries, as pip's requirements name them. */
export async function gpuWheels(path = LIST): Promise<Wheel[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').map((line) => line.trim());
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, version, sha256] = /^([\w.-]+)==(\S+) --hash=sha256:([0-9a-f]{64})$/.exec(line) ?? [];
      if (name === undefined || version === undefined || sha256 === undefined)
        throw new GpuFault(`${path} has a line that is no pinned wheel: ${line}`);
      return { name, version, sha256 };
    });
}

/** Where the members of a wheel go in the folder of libraries; null for those that are not wanted. */
export function placeInFolder(wheel: Wheel, member: string): string | null {
  const base = member.slice(member.lastIndexOf('/') + 1);
  if (/\.dist-info\/(?:.*\/)?(?:licen[cs]e|notice|third)/i.test(member) && base !== '')
    return `licences/${wheel.name}/${base}`;
  if (/^onnxruntime\/capi\/libonnxruntime_providers_(?:cuda|shared|tensorrt)\.so$/.test(member)) return base;
  return /^nvidia\/.*\.so(?:\.\d+)*$/.test(member) ? base : null;
}
