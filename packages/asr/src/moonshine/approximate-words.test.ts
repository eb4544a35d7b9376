import assert from 'node:assert/strict';
import { test } from 'node:test';
import { approximateWords } from './approximate-words.js';

test('Longer words take longer, without gaps, from the first millisecond to the last', () => {
  assert.deepEqual(approximateWords('a bbb  cc', 600, 0.5), [
    { word: 'a', startMs: 0, endMs: 100, probability: 0.5, approximate: true },
    { word: 'bbb', startMs: 100, endMs: 400, probability: 0.5, approximate: true },
    { word: 'cc', startMs: 400, endMs: 600, probability: 0.5, approximate: true },
  ]);
});

test('No text has no words', () => {
  assert.deepEqual(approximateWords('', 600, 1), []);
});
