import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CancelFlags } from './session-methods.js';

test('A row that is cancelled from the start is flagged at once, one without a question never', () => {
  const flags = new CancelFlags([() => true, undefined, () => false]);
  assert.deepEqual([...flags.bytes], [1, 0, 0]);
  flags.close();
});

test('A row that is cancelled later is flagged while the flags are open', async () => {
  let cancelled = false;
  let askedAfter = 0;
  let told: () => void = () => undefined;
  const again = new Promise<void>((resolve) => {
    told = resolve;
  });
  const flags = new CancelFlags([
    () => {
      if (cancelled && ++askedAfter === 2) told();
      return cancelled;
    },
  ]);
  assert.deepEqual([...flags.bytes], [0]);
  cancelled = true;
  await again;
  assert.deepEqual([...flags.bytes], [1]);
  flags.close();
});
