import { loadNativeLibrary } from '../native/native-library.js';
import { OwnedHandle } from '../native/owned-handle.js';
import { demandTensorRt, tensorRtOptions } from '../native/tensorrt-provider.js';
import { doubling } from './tiny-models.js';

// Hands our options to TensorRT's provider, without the card's number, for which it would ask the driver; and one that it does not know.

const [folder = '', engines = ''] = process.argv.slice(2);
const gpu = { folder, engines };
demandTensorRt(gpu);
const { api } = loadNativeLibrary(`${folder}/libonnxruntime.so.1`);
const options = Object.entries(
  tensorRtOptions({ device: 'tensorrt', threads: 1, gpu, range: () => ({ least: 1, usual: 2, most: 4 }) }, doubling()),
).filter(([name]) => name !== 'device_id');

function taken(given: readonly (readonly [string, string])[]): string {
  const word = new BigUint64Array(1);
  api.CreateTensorRTProviderOptions(word);
  const handle = new OwnedHandle(word[0] ?? 0n, api.ReleaseTensorRTProviderOptions);
  try {
    api.UpdateTensorRTProviderOptions(
      handle.handle,
      given.map(([name]) => name),
      given.map(([, value]) => value),
      given.length,
    );
    return 'taken';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    handle.release();
  }
}

process.stdout.write(JSON.stringify({ ours: taken(options), unknown: taken([...options, ['trt_unknown', '1']]) }));
