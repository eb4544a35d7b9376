import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { scoresOf, tokenMask, withinLimits } from '../model/token-scores.js';
import { seededRandom, TokenChooser } from './token-chooser.js';

// A vocabulary of ten texts (0-9), end of text 10, no-timestamps 11 and eight times (12-19).
const rules = {
  endOfText: 10,
  noTimestamps: 11,
  firstTimestamp: 12,
  vocabularySize: 20,
  suppress: [3],
  beginSuppress: [4, 10],
  maxInitialTimestamp: 2,
};
const chooser = new TokenChooser(rules);
const random = seededRandom(1);

/** Logits that are 0 but for those given. */
const logits = (given: Readonly<Record<number, number>>): Float32Array =>
  Float32Array.from({ length: 20 }, (_, i) => given[i] ?? 0);
/** The choice after what is written, with these scores. */
const chosen = (
  values: Float32Array,
  written: readonly number[],
  timestamps = true,
  temperature = 0,
  source = random,
) => {
  const mask = tokenMask(rules.endOfText, rules.suppress, rules.beginSuppress);
  const allowed = chooser.allowedAfter(written, timestamps);
  const begin = written.length === 0;
  const scores = withinLimits(scoresOf(values, mask, begin, true), allowed, mask, begin);
  return chooser.choose(scores, allowed, temperature, source);
};
const choose = (given: Readonly<Record<number, number>>, written: readonly number[], timestamps = true): number =>
  chosen(logits(given), written, timestamps).token;

describe('TokenChooser without timestamps', () => {
  test('The likeliest token is taken unless it is suppressed, always or at the beginning', () => {
    assert.equal(choose({ 3: 9, 5: 8 }, [1], false), 5);
    assert.equal(choose({ 4: 9, 5: 8 }, [], false), 5);
    assert.equal(choose({ 4: 9, 5: 8 }, [1], false), 4);
  });

  test('The log-probability is that before suppression, and the logits are as they were', () => {
    const values = logits({ 3: 2, 5: 1 });
    const before = Float32Array.from(values);
    const { logprob } = chosen(values, [1], false);
    assert.ok(Math.abs(logprob - (1 - Math.log(Math.exp(2) + Math.exp(1) + 18))) < 1e-4);
    assert.deepEqual(values, before);
  });
});

describe('TokenChooser with timestamps', () => {
  test('The first token is a time, and not later than the limit', () => {
    assert.equal(choose({ 5: 9, 17: 8, 14: 1 }, []), 14);
  });

  test('After the first time comes text, for a pair is complete only with text between', () => {
    assert.equal(choose({ 5: 1, 15: 9 }, [12]), 5);
  });

  test('After a closing time comes a time that is not earlier, or the end', () => {
    assert.equal(choose({ 5: 9, 13: 8, 15: 7 }, [12, 5, 14]), 15);
    assert.equal(choose({ 5: 9, 14: 8, 15: 7 }, [12, 5, 14]), 14);
    assert.equal(choose({ 5: 9, 10: 8 }, [12, 5, 14]), 10);
  });

  test('Times never decrease, nor stay where text lies between', () => {
    assert.equal(choose({ 14: 9, 15: 8 }, [12, 5, 14, 14, 6]), 15);
  });

  test('A time is taken when all times together are likelier than any one text', () => {
    assert.equal(choose({ 5: 3, 13: 2.5, 14: 2.4, 15: 2.3 }, [12, 6]), 13);
    assert.equal(choose({ 5: 5, 13: 2.5, 14: 2.4, 15: 2.3 }, [12, 6]), 5);
  });

  test('The token that says "no timestamps" is never written', () => {
    assert.equal(choose({ 11: 9, 5: 4 }, [12, 6]), 5);
  });
});

describe('TokenChooser at a temperature', () => {
  test('Draws follow the probabilities, keep to the rules and repeat with the seed', () => {
    const draw = (seed: number): number[] => {
      const source = seededRandom(seed);
      return Array.from({ length: 300 }, () => chosen(logits({ 3: 9, 5: 4, 6: 4 }), [1], false, 1, source).token);
    };
    const drawn = draw(7);
    assert.deepEqual(drawn, draw(7));
    assert.notDeepEqual(drawn, draw(8));
    assert.ok(!drawn.includes(3));
    const fives = drawn.filter((token) => token === 5).length;
    assert.ok(fives > 90 && fives < 170, `${String(fives)} of 300`);
  });
});
