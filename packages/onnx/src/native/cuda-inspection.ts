import { askDriver, type DriverFacts, missingLibraries, providerFolder } from './cuda-provider.js';
import { missingTensorRt, tensorRtFolder } from './tensorrt-provider.js';

/** What a machine has for CUDA. */
export interface CudaFacts extends DriverFacts {
  /** Folder of the provider; null where there is none. */
  readonly provider: string | null;
  /** NVIDIA's libraries that cannot be loaded. */
  readonly missing: readonly string[];
  /** TensorRT's libraries that cannot be loaded; null where there is no provider for it. */
  readonly missingTensorRt: readonly string[] | null;
}

/**
 * Looks for provider, libraries, driver and cards, and changes nothing. Loads what it finds: do it in a process that ends soon.
 * @param folder that of `GpuOptions`
 */
export function inspectCuda(folder: string | undefined): CudaFacts {
  const provider = providerFolder(folder);
  const { driver, cards } = askDriver();
  const missing = provider === null ? [] : missingLibraries(provider);
  const ofTensorRt = tensorRtFolder(folder);
  return {
    provider,
    missing,
    missingTensorRt: ofTensorRt === null ? null : missingTensorRt(ofTensorRt),
    driver,
    cards,
  };
}
