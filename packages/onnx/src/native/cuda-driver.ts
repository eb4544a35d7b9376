import { readFileSync } from 'node:fs';
import koffi, { type LibraryHandle } from 'koffi';

/** The driver's library. */
export const DRIVER = 'libcuda.so.1';
const NAME_BYTES = 128;

/** What the driver tells. */
export interface DriverFacts {
  /** Version of CUDA that it speaks, as 13.0; null where there is no driver. */
  readonly driver: string | null;
  /** Cards that it gives this process. */
  readonly cards: readonly { readonly name: string; readonly memoryMiB: number }[];
}

/** The driver's own version, as 580.65.06, where the kernel tells it. */
export function driverVersion(): string | null {
  try {
    return (
      /Kernel Module(?: for \S+)?\s+(\d+[.\d]+)/.exec(readFileSync('/proc/driver/nvidia/version', 'utf8'))?.[1] ?? null
    );
  } catch {
    return null;
  }
}

/** By the driver's own interface: functions of libcuda that have been there since CUDA 3.2. */
export function askDriver(): DriverFacts {
  let library: LibraryHandle;
  try {
    library = koffi.load(DRIVER);
  } catch {
    return { driver: null, cards: [] };
  }
  const call = (name: string, ...kinds: string[]) =>
    library.func(name, 'int', kinds) as (...given: unknown[]) => number;
  const number = new Int32Array(1);
  call('cuDriverGetVersion', 'void *')(number);
  const version = number[0] ?? 0;
  const driver = `${String(Math.floor(version / 1_000))}.${String(Math.floor((version % 1_000) / 10))}`;
  const count =
    call('cuInit', 'uint')(0) === 0 && call('cuDeviceGetCount', 'void *')(number) === 0 ? (number[0] ?? 0) : 0;
  const cards = Array.from({ length: count }, (_, at) => {
    const name = Buffer.alloc(NAME_BYTES);
    const bytes = new BigUint64Array(1);
    call('cuDeviceGet', 'void *', 'int')(number, at);
    call('cuDeviceGetName', 'void *', 'int', 'int')(name, NAME_BYTES, number[0] ?? 0);
    call('cuDeviceTotalMem_v2', 'void *', 'int')(bytes, number[0] ?? 0);
    return { name: name.toString('latin1', 0, name.indexOf(0)), memoryMiB: Number((bytes[0] ?? 0n) >> 20n) };
  });
  return { driver, cards };
}
