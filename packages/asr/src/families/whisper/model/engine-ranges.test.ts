import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encoderRanges, nextStepRanges } from './open-decoder.js';

const most = (range: { readonly least: number; readonly most: number }): readonly number[] => [range.least, range.most];

test('An encoder is built for every number of rows and for whole windows', () => {
  const range = encoderRanges();
  assert.deepEqual(range('input_features', 0), { least: 1, usual: 16, most: 32 });
  assert.deepEqual(most(range('input_features', 2)), [3_000, 3_000]);
});

test("A decoder's further steps are built for one token a row, every length of text, and whole windows", () => {
  const range = nextStepRanges(1);
  assert.deepEqual(range('input_ids', 0), { least: 1, usual: 1, most: 1 });
  assert.deepEqual(most(range('input_ids', 1)), [1, 1]);
  assert.deepEqual(most(range('past_key_values.3.decoder.key', 2)), [1, 448]);
  assert.deepEqual(most(range('past_key_values.3.encoder.key', 3)), [1_500, 1_500]);
  assert.deepEqual(most(range('past_key_values.3.encoder.value', 2)), [1_500, 1_500]);
});
