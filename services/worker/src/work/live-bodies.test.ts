import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stableText } from './live-bodies.js';

/** The stable beginnings of a row of hypotheses, and the texts. */
function followed(hypotheses: readonly string[]): { readonly texts: string[]; readonly stable: string[] } {
  let before = { text: '', stableChars: 0 };
  const texts: string[] = [];
  const stable: string[] = [];
  for (const hypothesis of hypotheses) {
    before = stableText(hypothesis, before.text, before.text.slice(0, before.stableChars));
    texts.push(before.text);
    stable.push(before.text.slice(0, before.stableChars));
  }
  return { texts, stable };
}

test('What two partials in a row begin with is stable, but for the last word', () => {
  assert.deepEqual(followed(['and so', 'and so my', 'and so my fellow']).stable, ['', 'and', 'and so']);
});

test('A stable beginning neither changes nor shrinks, whatever the model says later', () => {
  const { texts, stable } = followed([
    'ask not what',
    'ask not what your',
    'As not what your country',
    'what your country can',
    'ask',
  ]);
  assert.deepEqual(stable.slice(0, 3), ['', 'ask not', 'ask not what']);
  for (const [at, text] of texts.entries()) {
    for (const earlier of stable.slice(0, at + 1)) assert.ok(text.startsWith(earlier));
  }
});

test('A hypothesis that lost words of the stable beginning goes on after the place where they end', () => {
  assert.deepEqual(
    stableText('quick brown fox jumps', 'the quick brown fox', 'the quick brown').text,
    'the quick brown fox jumps',
  );
});

test('The first partial is stable nowhere, and nothing said is nothing', () => {
  assert.deepEqual(stableText('hello there', '', ''), { text: 'hello there', stableChars: 0 });
  assert.deepEqual(stableText(' ', 'hello', ''), { text: '', stableChars: 0 });
});

test('In a script without spaces the beginning settles character by character', () => {
  const { texts, stable } = followed(['今日は', '今日はいい天', '今日はいい天気です。', '今日は良い天気です。明日']);
  assert.deepEqual(stable, ['', '今日', '今日はいい', '今日はいい天気で']);
  assert.deepEqual(texts.slice(0, 3), ['今日は', '今日はいい天', '今日はいい天気です。']);
  assert.deepEqual(followed(['Teamsを使う', 'Teamsを使う人 が']).texts, ['Teamsを使う', 'Teamsを使う人 が']);
});
