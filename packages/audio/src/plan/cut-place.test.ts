import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WINDOW_SAMPLES } from '../detect/audio-window.js';
import { chooseCut, type CutWindow, type OverlongStretch } from './cut-place.js';

const speech: CutWindow = { rms: 0.1, speaking: true };
const times = (count: number, window: CutWindow): CutWindow[] => Array.from({ length: count }, () => window);

/** A stretch of 91 windows where 90 may stay. */
function stretch(windows: readonly CutWindow[], more: Partial<OverlongStretch> = {}): OverlongStretch {
  return {
    startSamples: 0,
    windows,
    firstWindow: 0,
    maxSamples: 90 * WINDOW_SAMPLES,
    forcedMarginSamples: 5 * WINDOW_SAMPLES,
    ...more,
  };
}

/** Speech with other windows from `at` on. */
function speechWith(...others: readonly (readonly [at: number, windows: readonly CutWindow[]])[]): CutWindow[] {
  const windows = times(91, speech);
  for (const [at, inserted] of others) windows.splice(at, inserted.length, ...inserted);
  return windows;
}

void test('The longest pause in the last third is cut through the middle, the later of equals', () => {
  const pause = (windows: number): CutWindow[] => times(windows, { rms: 0.05, speaking: false });
  assert.deepEqual(chooseCut(stretch(speechWith([65, pause(4)], [80, pause(2)]))), {
    atSamples: 67 * WINDOW_SAMPLES,
    forced: false,
  });
  assert.deepEqual(chooseCut(stretch(speechWith([65, pause(2)], [80, pause(2)]))), {
    atSamples: 81 * WINDOW_SAMPLES,
    forced: false,
  });
});

void test('A pause before the last third does not count, for the chunk would be needlessly short', () => {
  assert.equal(chooseCut(stretch(speechWith([30, times(10, { rms: 0, speaking: false })]))).forced, true);
});

void test('A quiet run of 128 ms counts as a pause where the detector saw none; a shorter one may be a plosive and does not', () => {
  const quiet: CutWindow = { rms: 0.005, speaking: true };
  assert.deepEqual(chooseCut(stretch(speechWith([70, times(4, quiet)]))), {
    atSamples: 72 * WINDOW_SAMPLES,
    forced: false,
  });
  assert.equal(chooseCut(stretch(speechWith([70, times(3, quiet)]))).forced, true);
});

void test('Without a pause the cut is forced through the quietest 96 ms, away from the limit by the margin', () => {
  const dip = times(3, { rms: 0.04, speaking: true });
  assert.deepEqual(chooseCut(stretch(speechWith([70, dip]))), { atSamples: 71.5 * WINDOW_SAMPLES, forced: true });
  const nearLimit = chooseCut(stretch(speechWith([86, dip])));
  assert.equal(nearLimit.forced, true);
  assert.ok(nearLimit.atSamples <= 85 * WINDOW_SAMPLES);
});

void test('Positions are those of the stream, also where the stretch begins inside a window', () => {
  const place = chooseCut(
    stretch(speechWith([70, times(2, { rms: 0, speaking: false })]), {
      startSamples: 1_000 * WINDOW_SAMPLES - 100,
      firstWindow: 1_000,
    }),
  );
  assert.deepEqual(place, { atSamples: 1_071 * WINDOW_SAMPLES, forced: false });
});

void test('A stretch too short for any window in its last third is cut at the limit', () => {
  assert.deepEqual(
    chooseCut({ startSamples: 0, windows: times(2, speech), firstWindow: 0, maxSamples: 700, forcedMarginSamples: 0 }),
    { atSamples: 700, forced: true },
  );
});
