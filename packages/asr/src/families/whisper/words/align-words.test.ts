import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepToSegments } from './align-words.js';
import { firstColumns } from '../../../words/word-times.js';

// What precedes the first segment belongs to it.
test('Words stay in their segments though these are few, short and far apart', () => {
  const steps = 1_000;
  const texts = [
    { tokens: [1, 2, 3], startStep: 100, endStep: 200, logprobs: null },
    { tokens: [4, 5, 6], startStep: 600, endStep: 700, logprobs: null },
    { tokens: [7, 8], startStep: 900, endStep: 980, logprobs: null },
  ];
  const fit = new Float32Array(9 * steps);
  keepToSegments(fit, texts, steps);
  const columns = firstColumns(
    fit.map((one) => -one),
    9,
    steps,
  );
  texts
    .flatMap(({ tokens, startStep, endStep }) =>
      tokens.map(() => [startStep === 100 ? 0 : startStep - 25, endStep + 25] as const),
    )
    .forEach(([from, to], i) => {
      const column = columns[i] ?? -1;
      assert.ok(
        column >= from && column <= to,
        `token ${String(i)} at step ${String(column)}, not from ${String(from)} to ${String(to)}`,
      );
    });
});
