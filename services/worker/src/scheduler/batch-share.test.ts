import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BatchShare } from './batch-share.js';

test('lets one item of batch work go before its turn for every ten interactive ones', () => {
  let promoted = 0;
  const share = new BatchShare(() => { promoted++; return Promise.resolve(); });
  for (let i = 0; i < 35; i++) share.took('interactive', 1);
  assert.equal(promoted, 3);
});

test('lets none go before its turn where batch work comes by itself', () => {
  let promoted = 0;
  const share = new BatchShare(() => { promoted++; return Promise.resolve(); });
  for (let i = 0; i < 100; i++) share.took(i % 10 === 9 ? 'batch' : 'interactive', 1);
  assert.equal(promoted, 0);
});
