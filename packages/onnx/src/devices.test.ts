import assert from 'node:assert/strict';
import { test } from 'node:test';
import { availableDevices } from './devices.js';

test('The CPU is always among the devices, and first', () => {
  assert.equal(availableDevices()[0], 'cpu');
});

test('Only devices that this project knows are listed', () => {
  for (const device of availableDevices()) assert.ok(['cpu', 'cuda', 'webgpu'].includes(device));
});
