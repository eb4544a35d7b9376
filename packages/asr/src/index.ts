export type { Recognizer, RecognizerInput, RowCancelled } from './recognizer.js';
export { isOutOfMemory } from '@murmuration/onnx';
export { resolveModel, type ResolveOptions } from './models/resolve-model.js';
export { ModelFileFault, type ModelProgress, type OnModelProgress, type Dtype } from './models/model-files.js';
export {
  listModels,
  pullModel,
  verifyModels,
  type CachedFiles,
  type ListedModel,
  type PullOptions,
  type PulledModel,
  type VerifiedModel,
} from './models/model-cache.js';
export { HubFault, type HubSettings } from './models/hub/hub-settings.js';
export { loadRecognizer } from './families/registry.js';
export type { LoadOptions, ResolvedModel, SimulatedCost } from './families/model-family.js';
export { RecognizerPool, type PoolOptions, type PoolResult, type PoolRow } from './pool/recognizer-pool.js';
export type { PoolProgress } from './pool/warm-up.js';
export { benchMoonshineShape, isMoonshineShape } from './bench/bench-moonshine-shape.js';
export { benchShape, type BenchShapeOptions, type ShapeFigure, type WhisperShapeFigure } from './bench/bench-shape.js';
export { benchModel, type BenchClip, type BenchModelOptions, type ModelFigure } from './bench/bench-model.js';
export { measureBatchIndependence, type BatchIndependence } from './bench/bench-model.js';
export { normalizeWords, wordErrorRate, wordErrors, type WordErrors } from './bench/word-error-rate.js';
