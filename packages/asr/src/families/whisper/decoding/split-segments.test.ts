import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { splitSegments } from './split-segments.js';

/** Times from 100 on: 100 is 0 ms, 150 one second. */
const split = (...tokens: number[]): unknown => {
  const { segments, nextStep } = splitSegments(tokens, 100, 1_500);
  return {
    segments: segments.map(({ startStep, endStep, tokens: own, firstToken }) => [
      startStep,
      endStep,
      own.join(' '),
      firstToken,
    ]),
    nextStep,
  };
};

describe('splitSegments', () => {
  test('Pairs of times part segments, and a closing time ends the window', () => {
    assert.deepEqual(split(100, 1, 2, 150, 160, 3, 200), {
      segments: [
        [0, 50, '100 1 2 150', 0],
        [60, 100, '160 3 200', 4],
      ],
      nextStep: 1_500,
    });
  });

  test('Text after the last pair without a closing time is dropped, and the next window begins at that pair', () => {
    assert.deepEqual(split(100, 1, 150, 150, 2, 3), { segments: [[0, 50, '100 1 150 150', 0]], nextStep: 50 });
    assert.deepEqual(split(100, 1, 150, 160), { segments: [[0, 50, '100 1 150 160', 0]], nextStep: 50 });
  });

  test("Without a pair all is one segment, to its last time or to the window's end", () => {
    assert.deepEqual(split(100, 1, 2, 180), { segments: [[0, 80, '100 1 2 180', 0]], nextStep: 1_500 });
    assert.deepEqual(split(100, 1, 2), { segments: [[0, 1_500, '100 1 2', 0]], nextStep: 1_500 });
    assert.deepEqual(split(), { segments: [], nextStep: 1_500 });
  });
});
