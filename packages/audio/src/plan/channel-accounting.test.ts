import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChannelAccounting, MAX_SKIPPED_ENTRIES, sumAccounts } from './channel-accounting.js';

void test('The accounts of two channels add up to twice the duration; what was skipped is listed in order of time', () => {
  const left = new ChannelAccounting(0);
  left.addSpeech(0, 1_600);
  left.addSkipped(4_000, 4_801, 'too_short');
  const right = new ChannelAccounting(1);
  right.addSkipped(16, 32, 'too_short');
  const sum = sumAccounts([left.close(10_007), right.close(10_007)]);
  assert.deepEqual(
    sum.skipped.map(({ startMs, channel }) => [startMs, channel]),
    [
      [1, 1],
      [250, 0],
    ],
  );
  assert.equal(
    sum.speechMs + sum.nonSpeechMs + sum.skipped.reduce((ms, { startMs, endMs }) => ms + endMs - startMs, 0),
    (2 * 10_007) / 16,
  );
});

void test('The list of what was skipped is bounded, and the account still adds up', () => {
  const account = new ChannelAccounting(0);
  for (let entry = 0; entry < MAX_SKIPPED_ENTRIES + 5; entry++)
    account.addSkipped(entry * 32, entry * 32 + 16, 'too_short');
  const closed = account.close(16 * 1_000_000);
  assert.equal(closed.skipped.length, MAX_SKIPPED_ENTRIES);
  assert.equal(account.unlisted, 5);
  assert.equal(closed.nonSpeechMs, 1_000_000 - MAX_SKIPPED_ENTRIES);
});
