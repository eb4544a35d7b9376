export { openSession, OnnxSession, type Device, type ElementType, type OnnxTensor, type SessionOptions, type TensorSpec } from './session.js';
export { boolTensor, float16Tensor, float32Tensor, int64Tensor, zerosTensor } from './tensors.js';
