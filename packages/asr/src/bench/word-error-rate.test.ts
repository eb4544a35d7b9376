import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalizeWords, wordErrorRate, wordErrors } from './word-error-rate.js';

test('Case, punctuation, hyphens and written forms do not count', () => {
  assert.deepEqual(normalizeWords("  'Mr. Dashwood’s ill-disposed,' OK?"), [
    'mister',
    "dashwood's",
    'ill',
    'disposed',
    'okay',
  ]);
  assert.deepEqual(wordErrors('mister smith', 'Mr. Smith.'), { errors: 0, words: 2 });
});

test('Substituted, missing and invented words count one each', () => {
  assert.deepEqual(wordErrors('a b c d', 'a x c d'), { errors: 1, words: 4 });
  assert.deepEqual(wordErrors('a b c d', 'a d'), { errors: 2, words: 4 });
  assert.deepEqual(wordErrors('a b', 'z a b y'), { errors: 2, words: 2 });
  assert.deepEqual(wordErrors('', 'a b'), { errors: 2, words: 0 });
  assert.deepEqual(wordErrors('a b', ''), { errors: 2, words: 2 });
});

test('The rate is over all words, not the mean of rates', () => {
  assert.equal(
    wordErrorRate([
      { errors: 1, words: 1 },
      { errors: 0, words: 9 },
    ]),
    0.1,
  );
  assert.equal(wordErrorRate([]), 0);
});
