import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OLDEST_NODE, isRecentEnough } from './node-version.mjs';

test('A version is compared number by number, not as text', () => {
  assert.equal(isRecentEnough('v20.19.0', OLDEST_NODE), true);
  assert.equal(isRecentEnough('20.20.2', OLDEST_NODE), true);
  assert.equal(isRecentEnough('100.0.0', OLDEST_NODE), true);
  assert.equal(isRecentEnough('20.9.5', OLDEST_NODE), false);
  assert.equal(isRecentEnough('18.20.8', OLDEST_NODE), false);
});
