import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArrivalClock } from './live-audio.js';

/** A clock that stands where it is put, and what a sender of slices does to the longest quiet that is seen. */
function longestQuietMs(arrivals: readonly (readonly [atMs: number, audioMs: number])[]): number {
  let nowMs = 0;
  const clock = new ArrivalClock(() => nowMs);
  let longestMs = -Infinity;
  for (const [atMs, audioMs] of arrivals) {
    for (; nowMs < atMs; nowMs++) longestMs = Math.max(longestMs, clock.quietMs);
    clock.arrived();
    clock.heard(audioMs);
  }
  return longestMs;
}

const every = (
  gapMs: number,
  count: number,
  jitterMs: (index: number) => number = () => 0,
): (readonly [number, number])[] =>
  Array.from({ length: count }, (_, index) => [index * gapMs + jitterMs(index), gapMs] as const);

test('senders of frames, of slices of two seconds, and through a network that stalls for 0.9 s are quiet for less than a second', () => {
  for (const [name, arrivals] of Object.entries({
    frames: every(20, 500),
    slices: every(2_000, 6),
    'slices that come late at times': every(2_000, 6, (index) => (index % 2) * 800),
    // All that was spoken during the stall comes after it at once.
    stalls: every(100, 120, (index) => (index % 40 >= 20 && index % 40 < 29 ? (29 - (index % 40)) * 100 : 0)),
  }))
    assert.ok(longestQuietMs(arrivals) < 1_000, name);
});

test('a muted microphone is quiet from its last frame on, also after a stall or a faster beginning', () => {
  let nowMs = 0;
  const clock = new ArrivalClock(() => nowMs);
  const send = (audioMs: number): void => {
    clock.arrived();
    clock.heard(audioMs);
  };
  send(5_000);
  const quietMs = (): number => clock.quietMs;
  assert.equal(quietMs(), -2_000, 'what came at once counts for two seconds at most');
  for (let frame = 0; frame < 100; frame++) {
    nowMs += 20;
    send(20);
  }
  nowMs += 1_500;
  assert.ok(quietMs() >= 1_250, String(quietMs()));
});
