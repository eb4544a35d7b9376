import assert from 'node:assert/strict';
import { test } from 'node:test';
import { liveSettingsSchema } from '@murmuration/contracts';
import { LiveClock } from './live-clock.js';

const LIMITS = {
  maxSessions: 1,
  idleTimeoutMs: 60_000,
  maxSessionMs: 3_600_000,
  idleEndpointingMs: 1_000,
  graceMs: 1_000,
};

test('A session that has run too long is warned once, then ended once', () => {
  const clock = new LiveClock({ settings: liveSettingsSchema.parse({}), ageMs: LIMITS.maxSessionMs }, LIMITS);
  const due = [clock.due(), clock.due(), clock.due()];
  assert.deepEqual(
    due.map((one) => (one?.type === 'warning' ? one.code : one?.end)),
    ['session_ends_soon', 'too_long', undefined],
  );
});

test('Nothing is due on a session that is neither idle nor near its longest time', () => {
  const clock = new LiveClock({ settings: liveSettingsSchema.parse({}), ageMs: 0 }, LIMITS);
  assert.equal(clock.due(), null);
});
