import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retryPauseMs } from './retry-schedule.js';

const HOUR_MS = 3_600_000;

function schedule(random: () => number): number[] {
  const pauses: number[] = [];
  let nowMs = 1_000_000;
  for (let attempt = 1; ; attempt++) {
    const pause = retryPauseMs({ attempt, firstAtMs: 1_000_000, nowMs, retryAfterMs: null, random });
    if (pause === null) return pauses;
    pauses.push(pause);
    nowMs += pause;
  }
}

test('Pauses grow from five seconds to four hours, and fill a day', () => {
  assert.deepEqual(schedule(() => 0.5), [5, 20, 80, 320, 1_280, 5_120, ...Array<number>(5).fill(14_400)].map((seconds) => seconds * 1_000));
});

test('Every pause is spread by a fifth to either side, and the day is kept whatever chance says', () => {
  const [soon, late] = [schedule(() => 0), schedule(() => 1)];
  assert.equal(soon[0], 4_000);
  assert.equal(late[0], 6_000);
  for (const pauses of [soon, late]) {
    const sumMs = pauses.reduce((sum, pause) => sum + pause, 0);
    assert.ok(sumMs <= 24 * HOUR_MS && sumMs > 18 * HOUR_MS);
  }
});

test('A receiver that asks for a longer pause gets it, up to an hour', () => {
  const failed = { attempt: 1, firstAtMs: 0, nowMs: 0, random: () => 0.5 };
  assert.equal(retryPauseMs({ ...failed, retryAfterMs: 60_000 }), 60_000);
  assert.equal(retryPauseMs({ ...failed, retryAfterMs: 1 }), 5_000);
  assert.equal(retryPauseMs({ ...failed, retryAfterMs: 100 * HOUR_MS }), HOUR_MS);
});

test('After a day it ends, also when the clock jumped or nobody was there meanwhile', () => {
  assert.equal(retryPauseMs({ attempt: 2, firstAtMs: 0, nowMs: 24 * HOUR_MS, retryAfterMs: null }), null);
  assert.equal(retryPauseMs({ attempt: 1_000, firstAtMs: 0, nowMs: 24 * HOUR_MS, retryAfterMs: null }), null);
});
