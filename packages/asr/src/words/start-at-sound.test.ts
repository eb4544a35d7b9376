import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { measureAudio } from '../filters/audio-facts.js';
import { startAtSound, type SaidStretch } from './start-at-sound.js';

/** One second of silence, one of sound, one of silence, one of sound, 400 ms of silence. */
const audio = measureAudio(
  Float32Array.from({ length: 70_400 }, (_, i) =>
    (i >= 16_000 && i < 32_000) || (i >= 48_000 && i < 64_000) ? 0.1 * Math.sin(i / 2) : 0,
  ),
);

const timed = (
  times: readonly (readonly [startMs: number, endMs: number])[],
  words: readonly (string | null)[],
): (readonly [number, number])[] => {
  const said = times.map(([startMs, endMs], i): SaidStretch => ({
    startMs,
    endMs,
    ...(typeof words[i] === 'string' ? { word: words[i] } : {}),
  }));
  startAtSound(said, audio);
  return said.map(({ startMs, endMs }) => [startMs, endMs]);
};
/** Segments. */
const mended = (...times: (readonly [startMs: number, endMs: number])[]): (readonly [number, number])[] =>
  timed(times, []);

describe('startAtSound', () => {
  test('Times that fit the sound stay', () => {
    assert.deepEqual(mended([900, 1_400], [1_400, 2_000], [2_950, 3_500], [3_500, 4_000]), [
      [900, 1_400],
      [1_400, 2_000],
      [2_950, 3_500],
      [3_500, 4_000],
    ]);
  });

  test('What begins in the silence before its sound begins 0.2 s before it', () => {
    assert.deepEqual(mended([0, 1_500], [1_500, 2_000], [2_300, 3_500]), [
      [800, 1_500],
      [1_500, 2_000],
      [2_800, 3_500],
    ]);
  });

  test('What begins late after a sound that nothing else claims begins with it; a second late it stays', () => {
    assert.deepEqual(mended([1_300, 2_000], [3_500, 4_000]), [
      [1_000, 2_000],
      [3_000, 4_000],
    ]);
    assert.deepEqual(mended([1_000, 2_000], [3_700, 4_000]), [
      [1_000, 2_000],
      [3_700, 4_000],
    ]);
    assert.deepEqual(mended([1_000, 2_000], [3_000, 3_300], [3_300, 4_000]), [
      [1_000, 2_000],
      [3_000, 3_300],
      [3_300, 4_000],
    ]);
  });

  test('A word that spans a silence lies on the side where more of it sounds; a segment may span one', () => {
    assert.deepEqual(
      timed(
        [
          [1_000, 1_500],
          [1_500, 3_300],
          [3_300, 4_000],
        ],
        [' the', ' end.', ' And'],
      ),
      [
        [1_000, 1_500],
        [1_500, 2_200],
        [3_000, 4_000],
      ],
    );
    assert.deepEqual(
      timed(
        [
          [1_000, 1_700],
          [1_700, 4_000],
        ],
        [' end.', ' And'],
      ),
      [
        [1_000, 1_700],
        [2_800, 4_000],
      ],
    );
    assert.deepEqual(mended([1_000, 1_700], [1_700, 4_000]), [
      [1_000, 1_700],
      [1_700, 4_000],
    ]);
  });

  test('Inside a sentence times stay', () => {
    assert.deepEqual(
      timed(
        [
          [1_000, 1_500],
          [1_500, 3_300],
          [3_300, 4_000],
        ],
        [' my', ' fellow', ' Americans'],
      ),
      [
        [1_000, 1_500],
        [1_500, 3_300],
        [3_300, 4_000],
      ],
    );
  });

  test('What was placed wholly into a silence goes to the sound that is nearer', () => {
    assert.deepEqual(mended([1_000, 2_000], [2_550, 2_750], [3_300, 4_000]), [
      [1_000, 2_000],
      [2_800, 3_300],
      [3_300, 4_000],
    ]);
    assert.deepEqual(mended([1_000, 2_000], [2_050, 2_150], [3_100, 4_000]), [
      [1_000, 2_000],
      [2_050, 2_150],
      [3_000, 4_000],
    ]);
    assert.deepEqual(mended([1_000, 2_000], [2_200, 2_350], [3_100, 4_000]), [
      [1_000, 2_000],
      [2_200, 2_200],
      [3_000, 4_000],
    ]);
  });

  test('What ends a sentence does not begin after a pause, though it lies near its end', () => {
    assert.deepEqual(
      timed(
        [
          [1_500, 2_900],
          [2_900, 2_900],
          [3_200, 4_000],
        ],
        [' the', ' end.', ' And'],
      ),
      [
        [1_000, 2_200],
        [2_200, 2_200],
        [3_000, 4_000],
      ],
    );
  });
});
