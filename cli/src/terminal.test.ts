import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockTime } from './terminal.js';

test('Seconds are written as people read them, and never as sixty of anything', () => {
  assert.deepEqual(
    [0, 9.99, 59.999, 60, 3_599, 3_661].map((seconds) => clockTime(seconds)),
    ['0:00', '0:09', '0:59', '1:00', '59:59', '1:01:01'],
  );
  assert.deepEqual(
    [0, 0.3, 59.95, 60.1, 3_600.04].map((seconds) => clockTime(seconds, true)),
    ['0:00.0', '0:00.3', '0:59.9', '1:00.1', '1:00:00.0'],
  );
});
