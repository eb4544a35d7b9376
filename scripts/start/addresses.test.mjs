import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bracketed, describeAddresses, reachableHost } from './addresses.mjs';

test('A server that listens everywhere is reached on loopback', () => {
  assert.equal(reachableHost('0.0.0.0'), '127.0.0.1');
  assert.equal(bracketed(reachableHost('::')), '[::1]');
  assert.equal(bracketed(reachableHost('localhost')), 'localhost');
});

test('The address of a Redis that is not our own is not printed', () => {
  const lines = describeAddresses('http://127.0.0.1:8000', { apiMetrics: 9100, workerMetrics: [9102] }, 'redis://user:secret@host', false).join('\n');
  assert.ok(!lines.includes('secret'));
  assert.ok(lines.includes('http://127.0.0.1:8000/v1'));
});
