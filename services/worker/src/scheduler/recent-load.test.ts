import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PartialPace } from './recent-load.js';

test('A final that had to wait pauses partials for a second, each such final anew', () => {
  let nowMs = 0;
  const pace = new PartialPace(() => nowMs);
  pace.finalBegins(150);
  assert.equal(pace.isPaused, false);
  pace.finalBegins(151);
  assert.equal(pace.isPaused, true);
  nowMs = 600;
  pace.finalBegins(400);
  nowMs = 1_500;
  assert.equal(pace.isPaused, true);
  nowMs = 1_600;
  assert.equal(pace.isPaused, false);
});
