export { availableDevices, openSession } from './open-session.js';
export { inspectCuda, type CudaFacts } from './native/cuda-inspection.js';
export { shippedLibrary } from './native/native-library.js';
export { liveHandles } from './native/owned-handle.js';
export { runningMs, workMs } from './clocks.js';
export { RowPicker } from './row-picker.js';
export { engineFolder } from './native/tensorrt-provider.js';
export type {
  Binding,
  Device,
  DimensionRange,
  GpuOptions,
  OnnxSession,
  RunOptions,
  SessionOptions,
  TensorSpec,
} from './session.js';
export {
  boolTensor,
  float16Tensor,
  float32Tensor,
  int32Tensor,
  int64Tensor,
  zerosTensor,
  type ElementType,
  type OnnxTensor,
} from './tensor.js';
export { isOutOfMemory, OnnxError, type OnnxErrorCode } from './onnx-error.js';
export {
  parseModel,
  serializeModel,
  onnxNode,
  valueInfo,
  dimensionsOf,
  elementTypeOf,
  freeDimension,
  type OnnxModel,
  type OnnxGraph,
  type OnnxNode,
  type ValueInfo,
} from './model-file/onnx-graph.js';
export {
  byteInitializer,
  byteValues,
  externalInitializer,
  float32Initializer,
  float32Values,
  initializerDims,
  initializerTensor,
  isExternal,
  rawInitializer,
  uint8Initializer,
} from './model-file/initializer.js';
export { ExitGate, guardExit, limitExitWait } from './exit-gate.js';
export { intField, readFields, stringField, type WireField } from './model-file/wire-format.js';
