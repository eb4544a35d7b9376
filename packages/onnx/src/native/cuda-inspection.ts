import koffi, { type LibraryHandle } from 'koffi';
import { missingLibraries, DRIVER, providerFolder } from './cuda-provider.js';

/** What a machine has for CUDA. */
export interface CudaFacts {
  /** Folder of the provider; null where there is none. */
  readonly provider: string | null;
  /** NVIDIA's libraries that cannot be loaded. */
  readonly missing: readonly string[];
  /** Version of CUDA that the driver speaks, as 13.0; null where there is no driver. */
  readonly driver: string | null;
  /** Cards that the driver gives this process. */
  readonly cards: readonly { readonly name: string; readonly memoryMiB: number }[];
}

const NAME_BYTES = 128;

/**
 * Looks for provider, libraries, driver and cards, and changes nothing. Loads what it finds: do it in a process that ends soon.
 * @param folder that of `GpuOptions`
 */
export function inspectCuda(folder: string | undefined): CudaFacts {
  const provider = providerFolder(folder);
  const { driver, cards } = askDriver();
  return { provider, missing: provider === null ? [] : missingLibraries(provider), driver, cards };
}

/** By the driver's own interface: functions of libcuda that have been there since CUDA 3.2. */
function askDriver(): Pick<CudaFacts, 'driver' | 'cards'> {
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
