import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureAudio } from '../filters/audio-facts.js';
import { approximateWords } from './approximate-words.js';

const silence = measureAudio(new Float32Array(9_600));

test('Longer words take longer; where nothing is loud they fill the time without gaps', () => {
  assert.deepEqual(approximateWords('a bbb  cc', silence, 0.5), [
    { word: 'a', startMs: 0, endMs: 100, probability: 0.5, approximate: true },
    { word: 'bbb', startMs: 100, endMs: 400, probability: 0.5, approximate: true },
    { word: 'cc', startMs: 400, endMs: 600, probability: 0.5, approximate: true },
  ]);
});

test('No text has no words', () => {
  assert.deepEqual(approximateWords('', silence, 1), []);
});

test('Silence between sentences belongs to no word', () => {
  const audio = measureAudio(Float32Array.from({ length: 48_000 }, (_, i) => (i < 8_000 || (i >= 16_000 && i < 32_000) ? 0 : 0.1 * Math.sin(i / 2))));
  assert.deepEqual(approximateWords('ab cdef', audio, 1).map(({ startMs, endMs }) => [startMs, endMs]), [[500, 1_000], [2_000, 3_000]]);
});

test('Marks that stand alone are no words', () => {
  assert.deepEqual(approximateWords('- So ... « yes » .', silence, 1).map(({ word }) => word), ['- So ...', '« yes » .']);
});
