import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { placeWords, type WordedSegment } from './place-words.js';
import { joinPieces, type TokenWord } from './token-words.js';

const aligned = (...words: [string, number, number][]) =>
  words.map(([word, startMs, endMs]) => ({ word, tokens: [1], startMs, endMs, probability: 0.9 }));
const segment = (startMs: number, endMs: number): WordedSegment => ({ startMs, endMs, words: [] });

describe('placeWords', () => {
  test("Words go to their segments with the window's offset, and segments take the times of their words", () => {
    const segments = [segment(5_000, 6_000), segment(6_000, 7_000)];
    placeWords(
      [aligned([' one', 40, 400], [' two', 400, 900]), aligned([' three', 1_100, 1_500], ['.', 1_500, 1_600])],
      segments,
      'en',
      5_000,
      0,
    );
    assert.deepEqual(
      segments.map(({ startMs, endMs, words }) => [startMs, endMs, words.map((word) => word.word).join('|')]),
      [
        [5_040, 5_900, ' one| two'],
        [6_100, 6_500, ' three.'],
      ],
    );
  });

  test('A word after a long pause lasts at most twice the median', () => {
    const segments = [segment(0, 9_000)];
    placeWords([aligned([' so', 0, 5_000], [' it', 5_000, 5_300], [' is', 5_300, 5_600])], segments, 'en', 0, 0);
    assert.deepEqual(
      segments.map((one) => [one.startMs, one.words[0]?.startMs]),
      [[4_400, 4_400]],
    );
  });

  test("A last word that strays past its segment's own end goes half a second beyond it at most", () => {
    const segments = [segment(0, 1_000)];
    placeWords([aligned([' you', 200, 600], [' see', 600, 4_000])], segments, 'en', 0, 0);
    assert.equal(segments[0]?.words[1]?.endMs, 1_500);
  });
});

describe('joinPieces', () => {
  const joined = (language: string, ...pieces: string[]): string[] => {
    const words = pieces.map((word): TokenWord => ({ word, tokens: [word.length] }));
    return joinPieces(words, language, (into, from, before) => ({
      word: before ? from.word + into.word : into.word + from.word,
      tokens: [...into.tokens, ...from.tokens],
    })).map((one) => one.word);
  };

  test('Opening marks join the word after, closing marks the word before', () => {
    assert.deepEqual(joined('en', ' he', ' said', ' “', 'yes', '”', ',', ' then', '!'), [
      ' he',
      ' said',
      ' “yes”,',
      ' then!',
    ]);
  });

  test('Runs of marks are no words, of whatever script and with spaces or without', () => {
    assert.deepEqual(joined('en', ' The', ' child', ' almost', '...'), [' The', ' child', ' almost...']);
    assert.deepEqual(joined('en', ' your', ' country', '."'), [' your', ' country."']);
    assert.deepEqual(joined('en', ' Really', '?!', ' ...', ' "', 'No', '.")'), [' Really?! ...', ' "No.")']);
    assert.deepEqual(joined('es', ' ¿', 'Qué', '?', ' ¡¡', 'No', '!!'), [' ¿Qué?', ' ¡¡No!!']);
    assert.deepEqual(joined('fr', ' Il', ' dit', ' :', ' «', ' oui', ' »', '.', ' –', ' Bon'), [
      ' Il',
      ' dit :',
      ' « oui ». –',
      ' Bon',
    ]);
    assert.deepEqual(joined('ja', '彼', 'は', '「', 'は', 'い', '。」', 'と', '……'), [
      '彼',
      'は',
      '「は',
      'い。」',
      'と……',
    ]);
    assert.deepEqual(joined('zh', '《', '书', '》', '，', '好', '！'), ['《书》，', '好！']);
    assert.deepEqual(joined('hi', ' हाँ', '।', ' ॥'), [' हाँ। ॥']);
    assert.deepEqual(joined('ar', ' نعم', '؟', ' لا', '،'), [' نعم؟', ' لا،']);
  });

  test('Marks inside a word do not part it, and signs that are spoken are words', () => {
    assert.deepEqual(joined('en', ' 3', '.', '5', ' %', ' well', '-', 'known', ' &', ' $', '5'), [
      ' 3.5',
      ' %',
      ' well-known',
      ' &',
      ' $5',
    ]);
  });

  test('Marks at the beginning, at the end and alone go to the only neighbour there is', () => {
    assert.deepEqual(joined('en', ' ...', ' and'), [' ... and']);
    assert.deepEqual(joined('en', ' and', ' («'), [' and («']);
    assert.deepEqual(joined('en', ' ...', ' ♪'), [' ... ♪']);
    assert.deepEqual(joined('en'), []);
  });
});
