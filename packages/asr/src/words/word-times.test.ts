import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { measureAudio } from '../filters/audio-facts.js';
import { startAtSound, type SaidStretch, firstColumns } from './word-times.js';
import { attentionMatrix, medianFilter } from '../families/whisper/words/align-words.js';

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

describe('firstColumns', () => {
  test('The path follows the cheap cells and returns where each row begins', () => {
    const cost = Float32Array.from([0, 0, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0]);
    assert.deepEqual(Array.from(firstColumns(cost, 3, 6)), [0, 2, 3]);
  });

  test('More rows than columns share columns, in order', () => {
    const columns = Array.from(firstColumns(new Float32Array(8), 4, 2));
    assert.equal(columns.length, 4);
    assert.deepEqual(
      columns,
      columns.toSorted((a, b) => a - b),
    );
    assert.ok(columns.every((column) => column >= 0 && column < 2));
  });
});

describe('medianFilter', () => {
  test('A spike goes, an edge stays, and the ends are mirrored', () => {
    assert.deepEqual(
      Array.from(medianFilter(Float32Array.of(0, 0, 9, 0, 0, 5, 5, 5, 5), 3)),
      [0, 0, 0, 0, 0, 5, 5, 5, 5],
    );
    assert.deepEqual(Array.from(medianFilter(Float32Array.of(1, 9), 7)), [1, 9]);
  });

  test('Each value becomes the middle one of its neighbours in order, equal ones among them, for every width and length', () => {
    for (const width of [1, 3, 7, 9])
      for (const length of [0, 1, 4, 5, 8, 40]) {
        // Few different values, so that many are equal.
        const row = Float32Array.from({ length }, (_, i) => ((i * 7_919) % 13) / 4);
        const half = (width - 1) / 2;
        const at = (place: number): number => row[place < length ? place : 2 * (length - 1) - place] ?? 0;
        const expected =
          length <= half
            ? Array.from(row)
            : Array.from(
                row,
                (_, t) =>
                  Array.from({ length: width }, (_one, k) => at(Math.abs(t + k - half))).sort((a, b) => a - b)[half] ??
                  0,
              );
        assert.deepEqual(
          Array.from(medianFilter(row, width)),
          expected,
          `width ${String(width)}, ${String(length)} values`,
        );
      }
  });
});

describe('attentionMatrix', () => {
  test('A head that looks at one place for each token gives its best fit there, whatever lies past the audio', () => {
    const head = new Float32Array(3 * 8);
    [1, 3, 5].forEach((place, token) => {
      head.fill(0.01, token * 8, token * 8 + 8);
      head[token * 8 + place] = 0.5;
      head[token * 8 + 7] = 0.4;
    });
    const matrix = attentionMatrix([head], 3, 8, 6, 1, 3, 1);
    assert.equal(matrix.length, 2 * 6);
    assert.equal(matrix.indexOf(Math.max(...matrix.subarray(0, 6))), 3);
    assert.equal(matrix.subarray(6).indexOf(Math.max(...matrix.subarray(6))), 5);
  });
});
