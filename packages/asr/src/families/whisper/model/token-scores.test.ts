import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { indexOfLargest, logSumExp } from './token-scores.js';
import { seededRandom } from '../decoding/token-chooser.js';

describe('logSumExp', () => {
  test('Over a vocabulary it is within 1e-4 of the sum taken term by term', () => {
    const random = seededRandom(5);
    const values = Float32Array.from({ length: 51_864 }, () => 40 * random() - 20);
    const largest = values[indexOfLargest(values, 0, values.length)] ?? 0;
    const exact = largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
    assert.ok(Math.abs(logSumExp(values, 0, values.length, largest) - exact) < 1e-4);
  });

  test('Suppressed values add nothing, and a range without any other gives minus infinity', () => {
    const values = Float32Array.of(-Infinity, 3, -Infinity);
    assert.ok(Math.abs(logSumExp(values, 0, 3, 3) - 3) < 1e-4);
    assert.equal(logSumExp(values, 2, 3, -Infinity), -Infinity);
  });
});

describe('indexOfLargest', () => {
  test('The first of equals wins, also when all are minus infinity, and an empty range has none', () => {
    assert.equal(indexOfLargest(Float32Array.of(1, 5, 5, 2), 0, 4), 1);
    assert.equal(indexOfLargest(Float32Array.of(-Infinity, -Infinity), 0, 2), 0);
    assert.equal(indexOfLargest(Float32Array.of(1), 1, 1), -1);
  });
});
