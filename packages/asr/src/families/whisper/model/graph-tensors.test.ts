import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { floatToHalf, halfToFloat } from './graph-tensors.js';

describe('half-precision floats', () => {
  test('Every pattern that is a number survives the way to float32 and back', () => {
    const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i).filter(
      (pattern) => (pattern & 0x7c00) !== 0x7c00 || (pattern & 0x3ff) === 0,
    );
    assert.deepEqual(floatToHalf(halfToFloat(bits)), bits);
  });

  test('Values between two halves go to the nearest, ties to the even one, too large ones to infinity', () => {
    const values = Float32Array.of(
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      1 + 2 ** -11 + 2 ** -20,
      65_519,
      65_520,
      -1e9,
      2 ** -25,
      1.5 * 2 ** -24,
      NaN,
    );
    assert.deepEqual(Array.from(halfToFloat(floatToHalf(values))), [
      1,
      1 + 2 ** -9,
      1 + 2 ** -10,
      65_504,
      Infinity,
      -Infinity,
      0,
      2 ** -23,
      NaN,
    ]);
  });
});
