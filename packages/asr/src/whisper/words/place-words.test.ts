import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { placeWords, type WordedSegment } from './place-words.js';
import { mergePunctuation, type TokenWord } from './token-words.js';

const aligned = (...words: [string, number, number][]) => words.map(([word, startMs, endMs]) => ({ word, tokens: [1], startMs, endMs, probability: 0.9 }));
const segment = (startMs: number, endMs: number, textTokens: number): WordedSegment => ({ startMs, endMs, textTokens, words: [] });

describe('placeWords', () => {
  test('Words go to their segments with the window\'s offset, and segments take the times of their words.', () => {
    const segments = [segment(5_000, 6_000, 2), segment(6_000, 7_000, 2)];
    placeWords(aligned([' one', 40, 400], [' two', 400, 900], [' three', 1_100, 1_500], ['.', 1_500, 1_600]), segments, 5_000, 0);
    assert.deepEqual(segments.map(({ startMs, endMs, words }) => [startMs, endMs, words.map((word) => word.word).join('|')]), [[5_040, 5_900, ' one| two'], [6_100, 6_500, ' three.']]);
  });

  test('A word after a long pause lasts at most twice the median.', () => {
    const segments = [segment(0, 9_000, 3)];
    placeWords(aligned([' so', 0, 5_000], [' it', 5_000, 5_300], [' is', 5_300, 5_600]), segments, 0, 0);
    assert.deepEqual(segments.map((one) => [one.startMs, one.words[0]?.startMs]), [[4_400, 4_400]]);
  });

  test('A last word that strays past its segment\'s own end goes half a second beyond it at most.', () => {
    const segments = [segment(0, 1_000, 2)];
    placeWords(aligned([' you', 200, 600], [' see', 600, 4_000]), segments, 0, 0);
    assert.equal(segments[0]?.words[1]?.endMs, 1_500);
  });
});

describe('mergePunctuation', () => {
  test('Opening marks join the word after, closing marks the word before.', () => {
    const words = [' he', ' said', ' “', 'yes', '”', ',', ' then', '!'].map((word): TokenWord => ({ word, tokens: [word.length] }));
    const merged = mergePunctuation(words, (into, from, before) => ({ word: before ? from.word + into.word : into.word + from.word, tokens: [...into.tokens, ...from.tokens] }));
    assert.deepEqual(merged.map((word) => word.word), [' he', ' said', ' “yes”,', ' then!']);
  });
});
