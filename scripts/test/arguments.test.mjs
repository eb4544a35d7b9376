import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTestArguments } from './arguments.mjs';

test('Paths are taken as they are and unknown options are refused by name', () => {
  assert.deepEqual(parseTestArguments(['packages/audio', 'test']), { help: false, paths: ['packages/audio', 'test'] });
  assert.equal(parseTestArguments(['--help']).help, true);
  assert.throws(() => parseTestArguments(['--watch']), { name: 'UsageError', message: /--watch/ });
});
