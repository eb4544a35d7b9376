export { availableDevices, type Device } from './devices.js';
export { openSession, OnnxSession, type ElementType, type OnnxTensor, type SessionOptions, type TensorSpec } from './session.js';
export { boolTensor, float16Tensor, float32Tensor, int64Tensor, zerosTensor } from './tensors.js';
export { isOutOfMemory } from './out-of-memory.js';
export { parseModel, serializeModel, type OnnxModel } from './model-file/onnx-model.js';
export { onnxNode, valueInfo, type OnnxGraph, type OnnxNode, type ValueInfo } from './model-file/onnx-graph.js';
export { byteInitializer, byteValues, float32Initializer, float32Values, initializerDims, isExternal, uint8Initializer } from './model-file/initializer.js';
export { ExitGate, guardExit } from './exit-gate.js';
export { readFields, type WireField } from './model-file/wire-format.js';
