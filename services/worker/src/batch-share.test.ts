import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BatchShare } from './batch-share.js';

test('Of many interactive chunks every tenth lets one batch chunk go before its turn', () => {
  let promoted = 0;
  const share = new BatchShare(() => { promoted++; return Promise.resolve(); });
  for (let i = 0; i < 35; i++) share.took('interactive');
  assert.equal(promoted, 3);
});

test('Where batch chunks come by themselves none is let before its turn', () => {
  let promoted = 0;
  const share = new BatchShare(() => { promoted++; return Promise.resolve(); });
  for (let i = 0; i < 100; i++) share.took(i % 10 === 9 ? 'batch' : 'interactive');
  assert.equal(promoted, 0);
});
