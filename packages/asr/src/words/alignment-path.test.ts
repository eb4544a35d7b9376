import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { firstColumns } from './alignment-path.js';
import { attentionMatrix, medianFilter } from '../families/whisper/words/align-words.js';

describe('firstColumns', () => {
  test('The path follows the cheap cells and returns where each row begins', () => {
    const cost = Float32Array.from([0, 0, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0]);
    assert.deepEqual(Array.from(firstColumns(cost, 3, 6)), [0, 2, 3]);
  });

  test('More rows than columns share columns, in order', () => {
    const columns = Array.from(firstColumns(new Float32Array(8), 4, 2));
    assert.equal(columns.length, 4);
    assert.deepEqual(
      columns,
      columns.toSorted((a, b) => a - b),
    );
    assert.ok(columns.every((column) => column >= 0 && column < 2));
  });
});

describe('medianFilter', () => {
  test('A spike goes, an edge stays, and the ends are mirrored', () => {
    assert.deepEqual(
      Array.from(medianFilter(Float32Array.of(0, 0, 9, 0, 0, 5, 5, 5, 5), 3)),
      [0, 0, 0, 0, 0, 5, 5, 5, 5],
    );
    assert.deepEqual(Array.from(medianFilter(Float32Array.of(1, 9), 7)), [1, 9]);
  });
});

describe('attentionMatrix', () => {
  test('A head that looks at one place for each token gives its best fit there, whatever lies past the audio', () => {
    const head = new Float32Array(3 * 8);
    [1, 3, 5].forEach((place, token) => {
      head.fill(0.01, token * 8, token * 8 + 8);
      head[token * 8 + place] = 0.5;
      head[token * 8 + 7] = 0.4;
    });
    const matrix = attentionMatrix([head], 3, 8, 6, 1, 3, 1);
    assert.equal(matrix.length, 2 * 6);
    assert.equal(matrix.indexOf(Math.max(...matrix.subarray(0, 6))), 3);
    assert.equal(matrix.subarray(6).indexOf(Math.max(...matrix.subarray(6))), 5);
  });
});
