import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Segment } from '@murmuration/contracts';
import { joinText } from './assemble.js';
import { SegmentJoiner, type JoinedChunk } from './segment-joiner.js';
import { segment } from './testing.js';

const chunk = (text: string, startMs: number, endMs: number, overlapMs = 0, channel = 0): JoinedChunk => ({
  channel,
  overlapMs,
  audioMs: endMs - startMs,
  segments: [segment(text, startMs, endMs, { channel })],
});

function textOf(chunks: readonly JoinedChunk[], holdFromMs = 0): string {
  const joiner = new SegmentJoiner(holdFromMs);
  return joinText([...chunks.flatMap((one) => joiner.push(one)), ...joiner.finish()]);
}

const twoChunks = (before: string, after: string): string =>
  textOf([chunk(before, 0, 10_000), chunk(after, 9_000, 18_000, 1_000)]);

describe('SegmentJoiner', () => {
  test('A chunk that does not overlap is left as it is, also when it repeats a word', () => {
    assert.equal(textOf([chunk('no no', 0, 1_000), chunk('no', 2_000, 3_000)]), 'no no no');
  });

  test('Words said twice around a forced cut stand once, whatever their case and punctuation', () => {
    assert.equal(
      twoChunks('We saw the quick, brown fox.', 'Brown fox jumps over the dog.'),
      'We saw the quick, brown fox jumps over the dog.',
    );
  });

  test('Halves of words heard at the cut fall away on both sides', () => {
    assert.equal(twoChunks('we saw the quick brown fo', 'ick brown fox jumps'), 'we saw the quick brown fox jumps');
  });

  test('A word heard in half on one side only is kept whole', () => {
    assert.equal(twoChunks('say hello wor', 'world today'), 'say hello world today');
    assert.equal(twoChunks('say hello world', 'orld today'), 'say hello world today');
  });

  test('A small difference in hearing does not hide the overlap', () => {
    assert.equal(
      twoChunks('and their colour is red now', 'color is red now and then'),
      'and their colour is red now and then',
    );
    assert.equal(twoChunks('one two three four', 'two tree four five'), 'one two three four five');
  });

  test('A common word far from both ends is not taken for the overlap', () => {
    assert.equal(
      twoChunks('the one thing that nobody ever said', 'again and yet the cat sat down'),
      'the one thing that nobody ever said again and yet the cat sat down',
    );
  });

  test('Two different texts are joined without loss', () => {
    assert.equal(twoChunks('this is one', 'something else'), 'this is one something else');
  });

  test('A script without spaces is joined by its characters', () => {
    assert.equal(twoChunks('今天天气很好', '很好我们出去'), '今天天气很好我们出去');
  });

  test('The second chunk may lie in the first wholly', () => {
    assert.equal(
      twoChunks('ask what you can do for your country', 'your country'),
      'ask what you can do for your country',
    );
  });

  test('Channels are joined each by itself', () => {
    const chunks = [
      chunk('left one two', 0, 10_000),
      chunk('right one two', 0, 10_000, 0, 1),
      chunk('one two three', 9_000, 15_000, 1_000),
      chunk('one two four', 9_000, 15_000, 1_000, 1),
    ];
    const joiner = new SegmentJoiner(0);
    const all = [...chunks.flatMap((one) => joiner.push(one)), ...joiner.finish()];
    const of = (channel: number): string => joinText(all.filter((one) => one.channel === channel));
    assert.equal(of(0), 'left one two three');
    assert.equal(of(1), 'right one two four');
  });

  test('A short chunk is final at once; one that may have been cut waits for the next', () => {
    const joiner = new SegmentJoiner(9_000);
    assert.deepEqual(texts(joiner.push(chunk('short', 0, 2_000))), ['short']);
    assert.deepEqual(texts(joiner.push(chunk('a long one tw', 2_000, 12_000))), []);
    assert.deepEqual(texts(joiner.push(chunk('two three', 11_000, 13_000, 1_000))), ['a long one', 'two three']);
    assert.deepEqual(texts(joiner.finish()), []);
  });

  test('Without a length to hold from, nothing waits, and the chunk after a cut gives way', () => {
    const joiner = new SegmentJoiner();
    assert.deepEqual(texts(joiner.push(chunk('one two', 0, 10_000))), ['one two']);
    assert.deepEqual(texts(joiner.push(chunk('two three', 9_000, 19_000, 1_000))), ['three']);
  });

  test('What is held at the end of the recording is given out', () => {
    const joiner = new SegmentJoiner(0);
    assert.deepEqual(texts(joiner.push(chunk('last words', 0, 10_000))), []);
    assert.deepEqual(texts(joiner.finish()), ['last words']);
  });

  test('Segments do not overlap in time after the join, and word times follow the words', () => {
    const words = (list: string[], startMs: number): Segment['words'] =>
      list.map((word, index) => ({
        word,
        startMs: startMs + index * 300,
        endMs: startMs + index * 300 + 250,
        probability: 1,
      }));
    const joiner = new SegmentJoiner(0);
    joiner.push({
      channel: 0,
      overlapMs: 0,
      audioMs: 10_000,
      segments: [segment('one two three fo', 8_800, 10_000, { words: words(['one', 'two', 'three', 'fo'], 8_800) })],
    });
    const [before] = joiner.push({
      channel: 0,
      overlapMs: 1_000,
      audioMs: 5_000,
      segments: [
        segment('two three four five', 9_000, 11_000, { words: words(['two', 'three', 'four', 'five'], 9_100) }),
      ],
    });
    const [after] = joiner.finish();
    assert.ok(before);
    assert.deepEqual(
      before.words?.map((word) => word.word),
      ['one', 'two', 'three'],
    );
    assert.equal(before.endMs, 9_650);
    assert.ok(after);
    assert.deepEqual(
      after.words?.map((word) => word.word),
      ['four', 'five'],
    );
    assert.equal(after.startMs, 9_700);
  });

  test('An overlap that reaches over several short segments is removed from all of them', () => {
    const joiner = new SegmentJoiner(0);
    const first = joiner.push({
      channel: 0,
      overlapMs: 0,
      audioMs: 10_000,
      segments: [segment('early', 0, 5_000), segment('one two', 9_000, 9_500), segment('thr', 9_500, 10_000)],
    });
    assert.deepEqual(texts(first), ['early']);
    const rest = joiner.push({
      channel: 0,
      overlapMs: 1_000,
      audioMs: 2_000,
      segments: [segment('two three', 9_300, 10_000), segment('four', 10_000, 11_000)],
    });
    assert.equal(joinText([...first, ...rest, ...joiner.finish()]), 'early one two three four');
  });
});

function texts(segments: readonly Segment[]): string[] {
  return segments.map((one) => one.text);
}
