import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfig } from '../config.js';
import { bindingFor, chooseDevice, gpuOptions } from './choose-device.js';

function asked(environment: Record<string, string>) {
  return readConfig({ GPU_LIBRARIES: '/gpu', ...environment });
}

const silent = { warn: () => undefined };

test('auto takes CUDA where there are a GPU and a provider, else the CPU', () => {
  const auto = asked({});
  assert.equal(chooseDevice(auto, true, ['cpu', 'cuda'], silent), 'cuda');
  assert.equal(chooseDevice(auto, true, ['cpu'], silent), 'cpu');
  assert.equal(chooseDevice(auto, false, ['cpu', 'cuda'], silent), 'cpu');
});

test('A device that was asked for is refused with what it lacks and what to do', () => {
  const cuda = asked({ DEVICE: 'cuda' });
  assert.throws(
    () => chooseDevice(cuda, false, ['cpu', 'cuda'], silent),
    /^Error: DEVICE=cuda cannot be had: no GPU was found/,
  );
  assert.throws(
    () => chooseDevice(cuda, true, ['cpu'], silent),
    /the CUDA provider is not in GPU_LIBRARIES \(\/gpu\); murmur gpu install puts it there/,
  );
  assert.throws(
    () => chooseDevice(asked({ DEVICE: 'cuda', ONNX_BINDING: 'node' }), true, ['cpu'], silent),
    /ONNX_BINDING=node has no CUDA/,
  );
});

test('TensorRT is refused with what it lacks', () => {
  const tensorRt = asked({ DEVICE: 'tensorrt' });
  assert.equal(chooseDevice(tensorRt, true, ['cpu', 'cuda', 'tensorrt'], silent), 'tensorrt');
  assert.throws(
    () => chooseDevice(tensorRt, true, ['cpu', 'cuda'], silent),
    /DEVICE=tensorrt cannot be had: the TensorRT provider is not in GPU_LIBRARIES \(\/gpu\)/,
  );
  assert.throws(
    () => chooseDevice(asked({ DEVICE: 'tensorrt', ONNX_BINDING: 'node' }), true, ['cpu'], silent),
    /ONNX_BINDING=node has no TensorRT/,
  );
});

test('The CPU stands in where it may, and a warning says why', () => {
  const warned: unknown[] = [];
  const device = chooseDevice(asked({ DEVICE: 'cuda', ALLOW_CPU_FALLBACK: 'true' }), false, ['cpu'], {
    warn: (facts: unknown) => {
      warned.push(facts);
    },
  });
  assert.equal(device, 'cpu');
  assert.equal(warned.length, 1);
});

test('CUDA and TensorRT go by the native binding, WebGPU by that of Node', () => {
  assert.equal(bindingFor('cuda', asked({})), 'native');
  assert.equal(bindingFor('tensorrt', asked({})), 'native');
  assert.equal(bindingFor('webgpu', asked({})), 'node');
  assert.equal(bindingFor('cpu', asked({ ONNX_BINDING: 'native' })), 'native');
});

test('Variables become options of the card', () => {
  assert.deepEqual(gpuOptions(asked({ GPU_MEMORY_MIB: '4096', NVIDIA_TF32_OVERRIDE: '0' })), {
    folder: '/gpu',
    memoryLimitBytes: 4_294_967_296,
    tf32: false,
  });
  assert.equal(gpuOptions(asked({})).tf32, true);
});
