export type { Recognizer, RecognizerInput, RowCancelled } from './recognizer.js';
export { isOutOfMemory } from '@murmuration/onnx';
export { resolveModel, type ResolveOptions, type ResolvedModel } from './models/resolve-model.js';
export { ModelFileFault } from './models/model-file-fault.js';
export { KNOWN_MODELS, WHISPER_NAMES, type KnownModel, type PinnedFile } from './models/known-models.js';
export { loadRecognizer, type Dtype, type LoadOptions } from './load-recognizer.js';
export type { SimulatedCost } from './simulated/simulated-recognizer.js';
export { RecognizerPool, type PoolOptions, type PoolProgress, type PoolResult, type PoolRow } from './pool/recognizer-pool.js';
