import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PlannedChunk, Recognition } from '@murmuration/contracts';
import { toRecordingTime } from './recording-time.js';
import { segment } from './testing.js';

/** Two utterances packed: chunk 0–1000 is recording 5000–6000, chunk 1000–1500 is recording 8000–8500. */
const packed: PlannedChunk = {
  index: 0,
  channel: 1,
  samples: 24_000,
  overlapMs: 0,
  speech: [],
  spans: [
    { chunkMs: 0, startMs: 5_000, durationMs: 1_000 },
    { chunkMs: 1_000, startMs: 8_000, durationMs: 500 },
  ],
};
const said = (segments: Recognition['segments'], filtered: Recognition['filtered'] = []): Recognition => ({
  segments,
  filtered,
  language: 'en',
  languageProbability: 1,
});
const times = (recognition: Recognition): [number, number][] =>
  recognition.segments.map((one) => [one.startMs, one.endMs]);

describe('toRecordingTime', () => {
  test('A segment inside one span moves with it, and gets the channel of the chunk', () => {
    const moved = toRecordingTime(packed, said([segment('a', 100, 900), segment('b', 1_100, 1_400)]));
    assert.deepEqual(times(moved), [
      [5_100, 5_900],
      [8_100, 8_400],
    ]);
    assert.deepEqual(
      moved.segments.map((one) => one.channel),
      [1, 1],
    );
  });

  test('A segment that crosses spans keeps its outer ends', () => {
    assert.deepEqual(times(toRecordingTime(packed, said([segment('a', 0, 1_500)]))), [[5_000, 8_500]]);
  });

  test('On the border of two spans a segment ends in the first and begins in the second', () => {
    assert.deepEqual(times(toRecordingTime(packed, said([segment('a', 0, 1_000), segment('b', 1_000, 1_200)]))), [
      [5_000, 6_000],
      [8_000, 8_200],
    ]);
  });

  test('A word that crosses the border stays in the span that holds most of it', () => {
    const words = [
      { word: 'late', startMs: 950, endMs: 1_200, probability: 1 },
      { word: 'early', startMs: 700, endMs: 1_040, probability: 1 },
    ];
    const moved = toRecordingTime(packed, said([segment('late early', 700, 1_200, { words })]));
    assert.deepEqual(
      moved.segments[0]?.words?.map((word) => [word.startMs, word.endMs]),
      [
        [8_000, 8_200],
        [5_700, 6_000],
      ],
    );
  });

  test('Times outside the chunk go to its nearest end', () => {
    assert.deepEqual(times(toRecordingTime(packed, said([segment('a', -50, 99_000)]))), [[5_000, 8_500]]);
  });

  test('Filtered text is moved too', () => {
    const moved = toRecordingTime(packed, said([], [{ startMs: 1_100, endMs: 1_200, text: 'x', reason: 'silence' }]));
    assert.deepEqual(moved.filtered, [{ startMs: 8_100, endMs: 8_200, text: 'x', reason: 'silence' }]);
  });
});
